# shellcheck shell=bash
# The usual service to compare with (Express, TypeORM, Redis, RabbitMQ, PostgreSQL), measured by tools/bench.sh in a
# copy of its sources with npm packages of its own.

PEER_PRODUCT=7e57ab1e-0000-4000-8000-000000000001
PEER_DRAIN_SECONDS=60 # then what is persisted counts as it is

measure_peer() {
    local copy=$WORK/peer port=${ORDER_PEER_PORT:-18085} begun accepted
    peer_install "$copy" || return 0
    database_make bench_peer
    export PORT=$port SYNC=1
    start peer-server env DATABASE_URL="$(database_url bench_peer)" node "$copy/server.js"
    wait_for 30 grep -q listening "$WORK/peer-server.log" || peer_failed server || return 1
    query bench_peer "INSERT INTO products (id, name, price, stock)
        VALUES ('$PEER_PRODUCT', 'Bench product', 100, 2000000000)"
    unset SYNC
    start peer-worker env DATABASE_URL="$(database_url bench_peer)" node "$copy/worker.js"
    wait_for 30 grep -q consuming "$WORK/peer-worker.log" || peer_failed worker || return 1

    figure peer_get node "$CLONE/tools/bench_http.mjs" --url "http://127.0.0.1:$port/products/$PEER_PRODUCT" \
        --connections "$OUTSTANDING" --seconds "$SECONDS_EACH"
    begun=$(now_ms)
    figure peer_orders node "$CLONE/tools/bench_http.mjs" --url "http://127.0.0.1:$port/orders" \
        --body "{\"productId\":\"$PEER_PRODUCT\",\"customerId\":\"customer-1\",\"quantity\":1}" \
        --connections "$OUTSTANDING" --seconds "$SECONDS_EACH"
    accepted=$(jq .requests "$WORK/peer_orders.json")
    wait_for $PEER_DRAIN_SECONDS peer_persisted "$accepted" || say "the peer had not persisted all of its orders"
    # Accepted and persisted, sustained: the same definition as orderctl bench --until-persisted.
    jq -n --argjson persisted "$(query bench_peer "SELECT count(*) FROM orders")" \
        --argjson ms "$(($(now_ms) - begun))" --argjson accepted "$accepted" \
        '{persisted: $persisted, accepted: $accepted, seconds: ($ms / 1000),
          persistedPerSecond: ($persisted * 1000 / $ms)}' >"$WORK/peer_persisted.json"
}

peer_persisted() { [ "$(query bench_peer "SELECT count(*) FROM orders")" -ge "$1" ]; }
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
