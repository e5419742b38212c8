# shellcheck shell=bash
# HTTP, as browsers and partners would ask: order-gateway and the Express service, by the same program (wrk) on as many
# connections. Sourced by tools/bench.sh, which has started the order system and, where there is one, the peer.

HTTP_PRODUCT="bench-http"

http_start() {
    start order-gateway env ORDER_GATEWAY_TIMEOUT_MS=10000 order-gateway
    orderctl product create $HTTP_PRODUCT --name "Bench product" --price 1.00 --currency EUR --on-hand 1000000000 \
        >/dev/null || return 1
    wait_for 30 http_answers "http://$ORDER_GATEWAY_LISTEN/v1/products/$HTTP_PRODUCT" || {
        say "order-gateway did not come up; see $WORK/order-gateway.log"
        return 1
    }
}

http_answers() { curl -fsS -o /dev/null "$1" 2>/dev/null; }

measure_http() {
    local url=http://$ORDER_GATEWAY_LISTEN/v1
    http_figure http_get "$url/products/$HTTP_PRODUCT"
    http_figure http_post "$url/orders" \
        "{\"customerId\":\"customer-1\",\"lines\":[{\"productId\":\"$HTTP_PRODUCT\",\"quantity\":1}]}"
    http_still "$(database_name)"
}

measure_peer_http() {
    local url=http://127.0.0.1:$peer_port
    http_figure peer_http_get "$url/products/$PEER_PRODUCT"
    http_figure peer_http_post "$url/orders" \
        "{\"productId\":\"$PEER_PRODUCT\",\"customerId\":\"customer-1\",\"quantity\":1}"
    http_still bench_peer
}

# http_figure NAME URL [BODY]: a refused request is no request served, and one failure spoils the figure.
http_figure() {
    local name=$1 url=$2
    figure "$name" perSecond env ${3:+WRK_BODY="$3"} wrk --threads 1 --connections "$OUTSTANDING" \
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
