# shellcheck shell=bash
# The usual service to compare with (Express, TypeORM, Redis, RabbitMQ, PostgreSQL), measured by tools/bench.sh in a
# copy of its sources with npm packages of its own.

PEER_PRODUCT=7e57ab1e-0000-4000-8000-000000000001
PEER_DRAIN_SECONDS=30 # then what is persisted counts as it is

# False when there is none, or it does not start.
peer_start() {
    local copy=$WORK/peer
    if [ ! -f "$PEER_DIR/server.js" ]; then
        say "the Express service is left out: no sources in $PEER_DIR"
        return 1
    fi
    peer_install "$copy" || return 1
    database_make bench_peer
    peer_port=${ORDER_PEER_PORT:-18085}
    start peer-server env DATABASE_URL="$(database_url bench_peer)" SYNC=1 PORT="$peer_port" node "$copy/server.js"
    wait_for 30 grep -q listening "$WORK/peer-server.log" || peer_failed server || return 1
    query bench_peer "INSERT INTO products (id, name, price, stock)
        VALUES ('$PEER_PRODUCT', 'Bench product', 100, 2000000000)"
    start peer-worker env DATABASE_URL="$(database_url bench_peer)" node "$copy/worker.js"
    wait_for 30 grep -q consuming "$WORK/peer-worker.log" || peer_failed worker
}

measure_peer() {
    local url=http://127.0.0.1:$peer_port before begun accepted
    local http=(node "$CLONE/tools/bench_http.mjs" --connections "$OUTSTANDING" --seconds "$SECONDS_EACH")
    figure peer_get perSecond "${http[@]}" --url "$url/products/$PEER_PRODUCT"
    before=$(peer_orders)
    begun=$(now_ms)
    figure peer_orders perSecond "${http[@]}" --url "$url/orders" \
        --body "{\"productId\":\"$PEER_PRODUCT\",\"customerId\":\"customer-1\",\"quantity\":1}"
    accepted=$(jq .requests "$WORK/peer_orders.round")
    wait_for $PEER_DRAIN_SECONDS peer_persisted $((before + accepted)) || say "the peer had not persisted all of its orders"
    # Accepted and persisted, sustained: the same definition as orderctl bench --until-persisted.
    jq -n --argjson persisted "$(($(peer_orders) - before))" \
        --argjson ms "$(($(now_ms) - begun))" --argjson accepted "$accepted" \
        '{persisted: $persisted, accepted: $accepted, seconds: ($ms / 1000),
          persistedPerSecond: ($persisted * 1000 / $ms)}' >"$WORK/peer_persisted.round"
    figure_keep peer_persisted persistedPerSecond
}

peer_orders() { query bench_peer "SELECT count(*) FROM orders"; }
peer_persisted() { [ "$(peer_orders)" -ge "$1" ]; }
now_ms() { date +%s%3N; }

# peer_install COPY: once; the packages stay.
peer_install() {
    mkdir -p "$1"
    cp "$PEER_DIR"/*.js "$PEER_DIR/package.json" "$1/"
    [ ! -f "$1/node_modules/.installed" ] || return 0
    say "the peer's npm packages"
    if ! (cd "$1" && npm install --no-audit --no-fund --no-package-lock) >"$WORK/peer-npm.log" 2>&1; then
        say "the Express service is left out: npm install failed, see $WORK/peer-npm.log"
        return 1
    fi
    touch "$1/node_modules/.installed"
}

peer_failed() {
    say "the Express $1 did not start:"
    tail -n 5 "$WORK/peer-$1.log" >&2
    return 1
}
