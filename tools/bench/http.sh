# shellcheck shell=bash
# HTTP, as browsers and partners would ask: order-gateway and the Express service, by the same program (wrk) on as many
# connections. Sourced by tools/bench.sh, which has started the order system and, where there is one, the peer.

HTTP_PRODUCT="bench-http"
HTTP_CONNECTIONS=(64 256 512) # each connection has one request under way: from few callers to many

http_start() {
    # Beside its server, so over ipc, as `./dev up` starts it.
    start order-gateway env ORDER_ENDPOINT="${ORDER_SERVER_LISTEN##*,}" ORDER_GATEWAY_TIMEOUT_MS=10000 order-gateway
    orderctl product create $HTTP_PRODUCT --name "Bench product" --price 1.00 --currency EUR --on-hand 1000000000 \
        >/dev/null || return 1
    wait_for 30 http_answers "http://$ORDER_GATEWAY_LISTEN/v1/products/$HTTP_PRODUCT" || {
        say "order-gateway did not come up; see $WORK/order-gateway.log"
        return 1
    }
}

http_answers() { curl -fsS -o /dev/null "$1" 2>/dev/null; }

measure_http() {
    local url=http://$ORDER_GATEWAY_LISTEN/v1 connections
    for connections in "${HTTP_CONNECTIONS[@]}"; do
        http_figure http_get "$connections" "$url/products/$HTTP_PRODUCT"
        http_figure http_post "$connections" "$url/orders" \
            "{\"customerId\":\"customer-1\",\"lines\":[{\"productId\":\"$HTTP_PRODUCT\",\"quantity\":1}]}"
        http_still "$(database_name)"
    done
}

measure_peer_http() {
    local url=http://127.0.0.1:$peer_port connections
    for connections in "${HTTP_CONNECTIONS[@]}"; do
        http_figure peer_http_get "$connections" "$url/products/$PEER_PRODUCT"
        http_figure peer_http_post "$connections" "$url/orders" \
            "{\"productId\":\"$PEER_PRODUCT\",\"customerId\":\"customer-1\",\"quantity\":1}"
        http_still bench_peer
    done
}

# http_figure NAME CONNECTIONS URL [BODY]: NAME_CONNECTIONS; a refused request is no request served, and one failure
# spoils the figure.
http_figure() {
    local name=$1_$2 url=$3
    figure "$name" perSecond env ${4:+WRK_BODY="$4"} wrk --threads 1 --connections "$2" \
        --duration "${SECONDS_EACH}s" --timeout 10s --script "$CLONE/tools/bench/wrk.lua" "$url" || return 1
    if [ "$(jq .errors "$WORK/$name.round")" -ne 0 ]; then
        say "$name: $(cat "$WORK/$name.round")"
        return 1
    fi
}

# http_still DATABASE: until no more orders arrive, so that what is measured next starts with nothing behind it.
http_still() {
    local before=-1 now=
    for _ in $(seq "$PEER_DRAIN_SECONDS"); do
        now=$(query "$1" "SELECT count(*) FROM orders")
        [ "$now" != "$before" ] || return 0
        before=$now
        sleep 1
    done
    say "orders were still on their way into $1"
}
