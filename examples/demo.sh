#!/usr/bin/env bash
# A shop at work, in a minute: a catalogue and old orders are imported, a rush wants more of one product than there
# is, a steady load is measured, and in the end all is added up. Called by `./dev demo`; by hand: `./dev run
# examples/demo.sh`. Needs orderctl on PATH, ORDER_ENDPOINT of a running system, DATABASE_URL of its database.
# Always: ends with 0 only if every accepted order is in PostgreSQL once, nothing was oversold and the books balance;
# may be run again and again.
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
DROP=demo-drop-geisha # what everybody wants
DROP_UNITS=100
RUSH_CLIENTS=4
RUSH_ORDERS=100 # of each client
STEADY=demo-beans-house
STEADY_RATE=200
STEADY_SECONDS=4
PERSISTED_WITHIN=60 # seconds

bold='' plain=''
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; fi
failures=()
accepted=0
refused=0
rushed=0

main() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    run=$(date +%s)-$$
    orders_before=$(orders_in_postgres)

    heading "A catalogue and the orders of last season"
    orderctl import products data/products.csv || fail "the products could not be imported"
    import_orders data/orders.csv
    orderctl order list --limit 5

    heading "A rush: $((RUSH_CLIENTS * RUSH_ORDERS)) orders at once for $DROP_UNITS of $DROP"
    rush

    heading "A steady day: $STEADY_RATE orders a second for $STEADY_SECONDS seconds"
    steady

    heading "Summing up"
    wait_for "all orders to be in PostgreSQL" all_persisted || fail "not every accepted order is in PostgreSQL"
    wait_for "the books to balance" books_balance || fail "the books do not balance"
    summary
    next_steps
    [ ${#failures[@]} -eq 0 ]
}

heading() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
fail() { failures+=("$1"); }

# field NAME FILE: a number of a JSON summary.
field() { jq -r ".$1" "$2"; }
orders_in_postgres() { query "SELECT count(*) FROM orders"; }
query() { psql --no-psqlrc -qtAX "$DATABASE_URL" -c "$1"; }
stock_of() { orderctl stock get "$1" -o json | jq -r ".$2"; }

# wait_for WHAT CONDITION: polls, with a deadline.
wait_for() {
    local until=$((SECONDS + PERSISTED_WITHIN))
    until "$2"; do
        if [ $SECONDS -ge $until ]; then
            echo "waited $PERSISTED_WITHIN s for $1"
            return 1
        fi
        sleep 0.1
    done
}

# import_orders FILE: shows the summary and adds what was accepted and refused to the sums.
import_orders() {
    local code=0 made
    orderctl import orders "$1" -o json >"$work/import.json" || code=$?
    made=$(field created "$work/import.json")
    accepted=$((accepted + made))
    printf '%s orders created, %s were already there\n' "$made" "$(field alreadyThere "$work/import.json")"
    [ $code -eq 0 ] || fail "the import of $1 ended with $code"
}

# Several clients at the same time, each with many orders under way, for one product.
rush() {
    local client pids=() made=0 denied=0 before
    before=$(stock_of $DROP available)
    if [ "$before" -lt $DROP_UNITS ]; then
        orderctl stock adjust $DROP $((DROP_UNITS - before)) --reason delivery >/dev/null
    fi
    wait_for "the delivery of $DROP" delivered || fail "the delivery of $DROP did not arrive"
    before=$(stock_of $DROP available)
    for client in $(seq $RUSH_CLIENTS); do
        rush_orders "$client" >"$work/rush-$client.csv"
        orderctl import orders "$work/rush-$client.csv" -o json \
            >"$work/rush-$client.json" 2>"$work/rush-$client.err" &
        pids+=($!)
    done
    for client in "${pids[@]}"; do wait "$client" || true; done # refusals are what a rush is about
    for client in $(seq $RUSH_CLIENTS); do
        made=$((made + $(field created "$work/rush-$client.json")))
        denied=$((denied + $(grep -c ': OUT_OF_STOCK: ' "$work/rush-$client.err" || true)))
        [ "$(field failed "$work/rush-$client.json")" -eq 0 ] || fail "client $client had no answer for some orders"
    done
    sed -n '1p' "$work/rush-1.err" | sed "s|^$work/||"
    printf '%s accepted, %s refused, %s of %s left\n' "$made" "$denied" "$(stock_of $DROP available)" "$DROP"
    [ "$made" -eq "$before" ] || fail "$made orders were accepted for $before units"
    [ $((made + denied)) -eq $((RUSH_CLIENTS * RUSH_ORDERS)) ] || fail "some orders were neither accepted nor refused"
    rushed=$made
    accepted=$((accepted + made))
    refused=$((refused + denied))
}

delivered() { [ "$(stock_of $DROP available)" -ge $DROP_UNITS ]; }

# rush_orders CLIENT: one unit each.
rush_orders() {
    local n
    echo "order_ref,customer_id,order_time,product_id,quantity"
    for n in $(seq $RUSH_ORDERS); do echo "RUSH-$run-$1-$n,demo-rush-$1,,$DROP,1"; done
}

steady() {
    orderctl bench --method create-order --product $STEADY --rate $STEADY_RATE --seconds $STEADY_SECONDS \
        --warmup 0ms --until-persisted -o json >"$work/steady.json" || fail "the steady load was not answered"
    [ "$(field failed "$work/steady.json")" -eq 0 ] || fail "orders of the steady load failed"
    accepted=$((accepted + $(field accepted "$work/steady.json")))
    LC_NUMERIC=C printf '%s orders accepted, the last of them in PostgreSQL after %.1f s\n' \
        "$(field accepted "$work/steady.json")" "$(field persistedSeconds "$work/steady.json")"
}

# All of this run, and of the rush not one more (somebody else may be ordering, too).
all_persisted() {
    [ $(($(orders_in_postgres) - orders_before)) -ge "$accepted" ] &&
        [ "$(query "SELECT count(*) FROM orders WHERE order_ref LIKE 'RUSH-$run-%'")" -eq "$rushed" ]
}

# Redis against PostgreSQL, and PostgreSQL against its orders.
books_balance() {
    local off
    orderctl stock list -o json >"$work/stock.json" || return 1
    off=$(jq '[.[] | select((.available | tonumber) + (.reserved | tonumber) != (.onHand | tonumber))] | length' \
        "$work/stock.json")
    [ "$off" -eq 0 ] && [ "$(query "
        SELECT count(*) FROM stock LEFT JOIN (
            SELECT product_id, sum(quantity) AS ordered FROM order_lines GROUP BY product_id) AS lines
        USING (product_id) WHERE reserved <> coalesce(ordered, 0)")" -eq 0 ]
}

summary() {
    local products failure books=balanced
    products=$(jq length "$work/stock.json")
    books_balance || books="NOT balanced"
    cat <<END
  accepted   $accepted orders
  persisted  $(($(orders_in_postgres) - orders_before)) orders, each once
  refused    $refused orders: $((RUSH_CLIENTS * RUSH_ORDERS)) wanted one of $DROP_UNITS
  latency    p50 $(latency p50) ms, p99 $(latency p99) ms at $STEADY_RATE orders a second
  books      $books: available + reserved = on hand for $products products,
             reserved = what the orders in PostgreSQL add up to
END
    for failure in "${failures[@]+"${failures[@]}"}"; do printf '  FAILED     %s\n' "$failure"; done
}

latency() { jq -r ".latencyUs.$1 / 1000 | . * 10 | round / 10" "$work/steady.json"; }

next_steps() {
    cat <<'END'

What to try next (the system goes on running; ./dev down stops it):
  ./dev run orderctl order create --customer me demo-kettle=1 demo-tea-sencha=2
  ./dev run orderctl order list --limit 3
  ./dev run orderctl stock get demo-kettle
  ./dev run orderctl bench --method create-order --until-persisted
  ./dev run orderctl --help
END
}

main "$@"
