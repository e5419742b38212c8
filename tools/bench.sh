#!/usr/bin/env bash
# How fast, next to yardsticks measured in the same run: raw nng, the reserve script alone, raw SQL, and the usual
# Express service where its sources are (../shared/peer or $ORDER_PEER_DIR). Called by `./dev bench`, which hands down
# the endpoints of fresh services and the release build on PATH; by hand it needs the same.
# Always: one thing is measured at a time, in rounds, so that what it is compared with had the same machine; of each
# figure the best round counts (other work on the machine only takes away), of calls against nng's echo the mean of many
# short slices (tools/bench/slices.sh); what is said to be persisted was counted in PostgreSQL; whatever it started is
# stopped. Prints a table in Markdown, writes the figures to .dev/bench.json.
#     tools/bench.sh [--seconds N] [--rounds N] [--no-peer] [--http] [--check]
# --http: only what is asked over HTTP.
# --seconds: of each measurement (default 3), --rounds (default 2): about seven minutes in all; --check: fails when a ratio
# is below its bar.
set -euo pipefail

CLONE=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
. "$CLONE/tools/bench/http.sh"
. "$CLONE/tools/bench/measure.sh"
. "$CLONE/tools/bench/peer.sh"
. "$CLONE/tools/bench/slices.sh"
. "$CLONE/tools/bench/table.sh"

SECONDS_EACH=3
ROUNDS=2
OUTSTANDING=64      # as many as the peer has connections
OUTSTANDING_MANY=1024 # what a server with many callers sees
RPC_SLICES=12         # of 0.2 s, in each round
READ_SLICES=4         # of 1 s, in each round
BATCH=100             # orders of a BatchCreateOrders
OUTSTANDING_BATCHES=16
PEER_DIR=${ORDER_PEER_DIR:-$CLONE/../shared/peer/express}
WORK=$CLONE/.dev/bench
check=
peer=yes
only_http=

main() {
    while [ $# -gt 0 ]; do
        case $1 in
        --seconds) SECONDS_EACH=${2:?--seconds needs a number} && shift ;;
        --rounds) ROUNDS=${2:?--rounds needs a number} && shift ;;
        --no-peer) peer= ;;
        --http) only_http=yes ;;
        --check) check=yes ;;
        *)
            echo "usage: tools/bench.sh [--seconds N] [--rounds N] [--no-peer] [--http] [--check]" >&2
            exit 2
            ;;
        esac
        shift
    done
    mkdir -p "$WORK"
    rm -f "$WORK"/*.json "$WORK"/*.round "$WORK"/*.slices
    trap stop_all EXIT
    warn_if_busy

    [ -n "$only_http" ] || measure_raw_stages
    system_start
    http_start
    [ -z "$peer" ] || peer_start || peer=
    for _ in $(seq "$ROUNDS"); do
        measure_round
    done
    [ -n "$only_http" ] || measure_half_load
    stop_all
    [ -n "$only_http" ] || [ "$ROUNDS" -eq 1 ] || measure_raw_stages
    slices_join
    figures_join >"$CLONE/.dev/bench.json"
    table_print "$CLONE/.dev/bench.json"
    [ -z "$check" ] || table_all_reached "$CLONE/.dev/bench.json"
}

measure_round() {
    if [ -z "$only_http" ]; then
        measure_rpc
        measure_reads
        measure_system
        [ -z "$peer" ] || measure_peer
    fi
    measure_http
    [ -z "$peer" ] || measure_peer_http
}

main "$@"
