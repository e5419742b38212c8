# shellcheck shell=bash
# The figures of tools/bench.sh as one JSON document, and that as a table.

# figures_join: every figure under its name.
figures_join() {
    local file
    for file in "$WORK"/*.json; do
        jq --arg name "$(basename "$file" .json)" '{($name): .}' "$file"
    done | jq -s --arg when "$(date -u +%FT%TZ)" --argjson cpus "$(nproc)" \
        'add | {when: $when, cpus: $cpus, figures: .}'
}

# Rows: what, figure a second, yardstick's name, yardstick a second, ratio, how the ratio was in the middle half of the
# slices ("" without), bar ("" = none). A row whose yardstick was not measured is left out.
table_rows() {
    jq -r '
        def spread($a; $b): if $a.slices and $b.slices
            then [$a.slices, $b.slices] | transpose | map(.[0] / ([.[1], 1] | max)) | sort
                | [.[length / 4 | floor], .[length * 3 / 4 | floor]] | map(. * 100 | round / 100) | join(" to ")
            else null end;
        def against($what; $a; $name; $b; $bar): [$what, $a.perSecond, $name, $b.perSecond, $bar, spread($a; $b)];
        def against_nng($what; $a; $raw; $tuned; $bar):
            against($what; $a; "raw nng echo, the same"; $raw; $bar),
            against($what; $a; "nng echo with our number of threads"; $tuned; null);
        .figures as $f
        | ([$f.raw_tcp.perSecond, $f.reserve_script.decisions_per_second] | min) as $stage
        | ([ ["tcp", "ipc"][] as $transport | [1, 16, 128][] as $outstanding | "\($transport)_\($outstanding)" as $case
             | against_nng("health call over \($transport), \($outstanding) outstanding";
                $f["rpc_health_\($case)"]; $f["rpc_raw_\($case)"]; $f["rpc_echo_\($case)"]; 0.8),
               against("the same, each in a message of its own"; $f["rpc_alone_\($case)"];
                "raw nng echo, the same"; $f["rpc_raw_\($case)"]; null) ]) as $rpc
        | ([ ["tcp", "ipc"][] as $transport | $f["raw_\($transport)"] as $raw | $f["echo_\($transport)"] as $tuned
             | against_nng("health call over \($transport), whole server, \($raw.outstanding) outstanding";
                $f["health_\($transport)"]; $raw; $tuned; 0.8),
               against_nng("GetProduct from cache over \($transport), \($raw.outstanding) outstanding";
                $f["get_product_\($transport)"]; $raw; $tuned; 0.7),
               against("the same, each in a message of its own"; $f["get_product_alone_\($transport)"];
                "raw nng echo, the same"; $raw; null) ]) as $reads
        | ([ [64, 256, 512][] as $connections
             | ["HTTP: GET product, gateway, \($connections) connections", $f["http_get_\($connections)"].perSecond,
                "Express GET, the same", $f["peer_http_get_\($connections)"].perSecond, 5],
               ["HTTP: POST order, durable answer, gateway, \($connections) connections",
                $f["http_post_\($connections)"].perSecond,
                "Express POST, the same", $f["peer_http_post_\($connections)"].perSecond, 10] ]) as $http
        | $rpc + $reads + $http + [
            ["CreateOrder, durable reply, \($f.orders.outstanding) outstanding", $f.orders.callsPerSecond,
             "slowest raw stage", $stage, null],
            ["CreateOrder, durable reply, \($f.orders_many.outstanding) outstanding", $f.orders_many.callsPerSecond,
             "slowest raw stage", $stage, 0.35],
            ["accepted and persisted, \($f.orders.outstanding) outstanding", $f.orders.persistedPerSecond,
             "Express service", $f.peer_persisted.persistedPerSecond, 20],
            ["accepted and persisted, \($f.orders_many.outstanding) outstanding", $f.orders_many.persistedPerSecond,
             "Express service", $f.peer_persisted.persistedPerSecond, 20],
            ["accepted and persisted, BatchCreateOrders of \($f.orders_batch.batch), \($f.orders_batch.outstanding) outstanding",
             $f.orders_batch.persistedPerSecond, "Express service", $f.peer_persisted.persistedPerSecond, 100],
            ["GetProduct from cache over tcp, as above", $f.get_product_tcp.perSecond,
             "Express GET", $f.peer_get.perSecond, null],
            ["worker storing batches", $f.persist_raw.orders_per_second,
             "raw batched SQL", $f.persist_raw.raw_orders_per_second, 0.6] ]
        | .[] | select(.[1] != null and .[3] != null)
        | [.[0], (.[1] | round), .[2], (.[3] | round), (.[1] / .[3] * 100 | round / 100), .[5] // "-", .[4] // ""] | @tsv' "$1"
}

table_print() {
    local what figure yardstick base ratio spread bar mark
    printf '| what | a second | yardstick, same run | a second | ratio | of half of the slices | bar |\n'
    printf '|---|---:|---|---:|---:|---|---|\n'
    while IFS=$'\t' read -r what figure yardstick base ratio spread bar; do
        mark=
        [ -z "$bar" ] || mark=">= $bar$(reached "$ratio" "$bar" || echo ', missed')"
        printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$what" "$figure" "$yardstick" "$base" "$ratio" "$spread" "$mark"
    done < <(table_rows "$1")
    jq -r '.figures | . as $all
        | def ms(f): f / 10 | round / 100;
          (select(.orders_half != null) |
           "\nAt half of that load (\(.orders_half.rate) orders a second, open loop): " +
          "p50 \(ms(.orders_half.latencyUs.p50)) ms, p99 \(ms(.orders_half.latencyUs.p99)) ms, " +
          "\(.orders_half.failed) failed."),
          (to_entries[] | select(.key | startswith("rpc_echo_")) | . as $echo
           | ($echo.key | ltrimstr("rpc_echo_")) as $case | $all["rpc_health_\($case)"] as $health | select($health != null)
           | "Processor time of client and server for a call, \($case | sub("_"; ", ")) outstanding: " +
             "raw echo \($all["rpc_raw_\($case)"].workedUsPerCall | round) us, with our number of threads " +
             "\($echo.value.workedUsPerCall | round) us, health \($health.workedUsPerCall | round) us."),
          (select(.reserve_script != null) |
           "Reserve script alone: \(.reserve_script.decisions_per_second) a second."),
          (to_entries[] | select(.key | test("^(peer_)?http_post_")) |
           "POST of orders, \(.key | if startswith("peer_") then "Express" else "gateway" end), " +
           "\(.key | split("_") | last) connections: p50 \(.value.p50Ms) ms, p99 \(.value.p99Ms) ms."),
          (select(.peer_orders != null) |
           "Express service: \(.peer_orders.perSecond) orders a second accepted (p99 \(.peer_orders.p99Ms) ms), " +
           "\(.peer_persisted.persistedPerSecond | round) accepted and persisted.")' "$1"
    printf '\nAll figures: %s\n' "${1#"$PWD/"}"
}

reached() { awk -v ratio="$1" -v bar="$2" 'BEGIN { exit !(ratio >= bar) }'; }

table_all_reached() {
    local ratio bar status=0
    while IFS=$'\t' read -r _ _ _ _ ratio _ bar; do
        [ -z "$bar" ] || reached "$ratio" "$bar" || status=1
    done < <(table_rows "$1")
    return $status
}
