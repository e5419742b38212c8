# shellcheck shell=bash
# What tools/bench.sh measures of the project itself. Each figure is a JSON file in $WORK, named after it.

pids=()

say() { printf 'bench: %s\n' "$*" >&2; }

# start NAME COMMAND...: in the background, its output in $WORK/NAME.log.
start() {
    local name=$1
    shift
    "$@" >"$WORK/$name.log" 2>&1 &
    pids+=($!)
}

# Stops what start() started, each by its own pid, and waits for it.
stop_all() {
    local pid
    for pid in "${pids[@]+"${pids[@]}"}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]+"${pids[@]}"}"; do wait "$pid" 2>/dev/null || true; done
    pids=()
}

# wait_for SECONDS CONDITION...: polls, with a deadline.
wait_for() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.1
    done
}

# figure NAME KEY COMMAND...: runs it; the last line that it prints is the figure. Of several rounds the one with the
# highest .KEY stays; -KEY: with the lowest.
figure() {
    local name=$1 key=$2
    shift 2
    say "$name"
    if ! "$@" >"$WORK/$name.out" 2>"$WORK/$name.err"; then
        say "$name failed: $*"
        cat "$WORK/$name.err" >&2
        return 1
    fi
    tail -n 1 "$WORK/$name.out" >"$WORK/$name.round"
    figure_keep "$name" "$key"
    rm -f "$WORK/$name.out" "$WORK/$name.err"
}

# figure_keep NAME KEY: $WORK/NAME.round, unless a round before was better.
figure_keep() {
    local old=$WORK/$1.json new=$WORK/$1.round better='>'
    [ "${2#-}" = "$2" ] || better='<'
    if [ ! -f "$old" ] || jq -e --slurpfile old "$old" ".${2#-} $better (\$old[0] | .${2#-})" "$new" >/dev/null; then
        cp "$new" "$old"
    fi
}

# query DATABASE SQL: one value.
query() { PGOPTIONS=--client-min-messages=warning psql --no-psqlrc -qtAX "$(database_url "$1")" -c "$2"; }
# The same server and user, another database.
database_url() { sed -E "s|^([^?]*/)[^/?]*(\?.*)?$|\1$1\2|" <<<"$DATABASE_URL"; }
database_name() { sed -E 's|^[^?]*/([^/?]*).*|\1|' <<<"$DATABASE_URL"; }
database_make() {
    query postgres "DROP DATABASE IF EXISTS $1 WITH (FORCE)"
    query postgres "CREATE DATABASE $1"
}

# Figures of a machine that does something else as well say little.
warn_if_busy() {
    local load
    load=$(cut -d ' ' -f 1 /proc/loadavg)
    if awk -v load="$load" -v cpus="$(nproc)" 'BEGIN { exit !(load > cpus / 2) }'; then
        say "the machine is busy (load $load): figures will be low, and ratios off"
    fi
}

measure_raw_stages() {
    figure reserve_script decisions_per_second bench_decide --batch=64 --seconds="$SECONDS_EACH"
    database_make bench_raw
    DATABASE_URL=$(database_url bench_raw) dbmate --migrations-dir "$CLONE/migrations" --no-dump-schema \
        --wait up >/dev/null
    figure persist_raw ratio env DATABASE_URL="$(database_url bench_raw)" bench_persist
    query postgres "DROP DATABASE bench_raw WITH (FORCE)"
}

# What src/rpc adds to nng: a health check through both of its sides against nng's own echo, as nng comes (raw) and with
# src/rpc's number of nng's threads (echo). Calls share messages (rpc/channel.h), as those of a program with many of
# them do, or each has its own (alone).
measure_rpc() {
    local transport outstanding run case
    for transport in tcp ipc; do
        for outstanding in 1 16 128; do
            case=${transport}_$outstanding
            say "rpc_$case"
            run="--transport $transport --outstanding $outstanding --seconds 0.2"
            asks["rpc_raw_$case"]="bench_echo $run --untuned"
            asks["rpc_echo_$case"]="bench_echo $run"
            asks["rpc_health_$case"]="bench_health $run --share"
            asks["rpc_alone_$case"]="bench_health $run"
            slices "$RPC_SLICES" "rpc_raw_$case" "rpc_health_$case" "rpc_alone_$case" "rpc_echo_$case"
        done
    done
}

# What is read from memory, by the whole server: against nng's own echo, too.
measure_reads() {
    local -A endpoint=([tcp]=${ORDER_SERVER_LISTEN%%,*} [ipc]=${ORDER_SERVER_LISTEN##*,})
    local transport ask
    for transport in tcp ipc; do
        say "get_product_$transport"
        ask="env ORDER_ENDPOINT=${endpoint[$transport]} ${load[*]} --outstanding $OUTSTANDING --seconds 1 --warmup 150ms"
        asks["raw_$transport"]="bench_echo --transport $transport --outstanding $OUTSTANDING --seconds 1 --untuned"
        asks["echo_$transport"]="bench_echo --transport $transport --outstanding $OUTSTANDING --seconds 1"
        asks["get_product_$transport"]="$ask --method get-product --share"
        asks["get_product_alone_$transport"]="$ask --method get-product"
        asks["health_$transport"]="$ask --method health --share"
        slices "$READ_SLICES" "raw_$transport" "echo_$transport" "get_product_$transport" "get_product_alone_$transport" \
            "health_$transport"
    done
}

system_start() {
    start order-server order-server
    start order-worker-1 order-worker
    start order-worker-2 order-worker
    export ORDER_ENDPOINT=${ORDER_SERVER_LISTEN%%,*} # tcp, as the raw echo it is compared with
    wait_for 30 orderctl health >/dev/null 2>&1 || {
        say "the order system did not come up; see $WORK/order-server.log"
        return 1
    }
}

load=(orderctl bench --timeout 10s -o json)

measure_system() {
    local load=("${load[@]}" --seconds "$SECONDS_EACH" --share)
    orders orders persistedPerSecond "${load[@]}" --method create-order --outstanding "$OUTSTANDING"
    orders orders_many persistedPerSecond "${load[@]}" --method create-order --outstanding "$OUTSTANDING_MANY"
    orders orders_batch persistedPerSecond "${load[@]}" --method batch-create-orders --batch "$BATCH" \
        --outstanding "$OUTSTANDING_BATCHES"
}

# Latency where there is room: at half of what it sustains, its calls sharing messages as those did.
measure_half_load() {
    local rate
    rate=$(jq '.persistedPerSecond / 2 | floor | if . < 1 then 1 else . end' "$WORK/orders_many.json")
    for _ in $(seq "$ROUNDS"); do
        orders orders_half -latencyUs.p99 "${load[@]}" --method create-order --seconds "$SECONDS_EACH" --outstanding 1024 \
            --share --rate "$rate"
    done
}

# orders NAME KEY COMMAND...: an order load until all is persisted, checked by counting.
orders() {
    local before after accepted name=$1 key=$2
    shift 2
    before=$(query "$(database_name)" "SELECT count(*) FROM orders")
    figure "$name" "$key" "$@" --until-persisted
    accepted=$(jq .accepted "$WORK/$name.round")
    # The last orders that were looked at are there; others were in other workers' hands.
    wait_for 30 orders_are "$((before + accepted))" || true
    after=$(query "$(database_name)" "SELECT count(*) FROM orders")
    if [ $((after - before)) -ne "$accepted" ]; then
        say "$name: $accepted orders were accepted, but $((after - before)) are in PostgreSQL"
        return 1
    fi
}

orders_are() { [ "$(query "$(database_name)" "SELECT count(*) FROM orders")" -ge "$1" ]; }
