/* The event store's statements. A batch is two exchanges: what the events are and what the database
 * knows (BEGIN to STOCK), then what follows from it (UPDATE to COMMIT).
 * Stock rows are locked last and in bytewise order: short, and without deadlock between workers. */
#pragma once

#include "postgres/postgres_link.h"

static const struct postgres_statement SQL_BEGIN = {NULL, "BEGIN ISOLATION LEVEL READ COMMITTED"};
static const struct postgres_statement SQL_COMMIT = {NULL, "COMMIT"};

/* A lock against the next epoch: while it is held, stock is not loaded anew. */
static const struct postgres_statement SQL_EPOCH = {
    "epoch", "SELECT epoch FROM control WHERE shard = $1::text FOR SHARE"};

/* The other half of control_ask_quiet (server/control_postgres.c): 0 while somebody has asked. */
static const struct postgres_statement SQL_MAY_CONSUME = {
    "may_consume", "SELECT epoch, pg_try_advisory_xact_lock_shared(740102, hashtext(shard))::int4"
                   " FROM control WHERE shard = $1::text"};

/* Events that are new, with their orders and lines. What was given back already - a dead letter
 * that was discarded, and is delivered once more - is not. */
static const struct postgres_statement SQL_ORDERS = {
    "orders",
    "WITH fresh AS ("
    "  INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor,"
    "                            to_state)"
    "  SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::int[], $5::timestamptz[],"
    "                       $6::text[], $8::int[])"
    "       AS i(order_id, version, event_id, kind, event_time, actor, to_state)"
    "  WHERE NOT EXISTS (SELECT 1 FROM double_reservations d WHERE d.event_id = i.event_id)"
    "  ON CONFLICT (order_id, version) DO NOTHING"
    "  RETURNING order_id),"
    " made AS ("
    "  INSERT INTO orders (order_id, version, customer_id, state, currency, total_minor,"
    "                      order_ref, request_hash, create_time, placed_time,"
    "                      expire_time, confirm_time)"
    "  SELECT i.order_id, i.version, i.customer_id, i.state, i.currency, i.total_minor,"
    "         i.order_ref, i.request_hash, i.create_time, i.placed_time,"
    "         NULLIF(i.expire_time, timestamptz 'epoch'),"
    "         CASE i.state WHEN 2 THEN i.create_time END"
    "  FROM unnest($1::uuid[], $2::int[], $7::text[], $8::int[], $9::text[],"
    "                         $10::bigint[], $11::text[], $12::bytea[], $13::timestamptz[],"
    "                         $14::timestamptz[], $20::timestamptz[])"
    "       AS i(order_id, version, customer_id, state, currency, total_minor, order_ref,"
    "            request_hash, create_time, placed_time, expire_time)"
    "  JOIN fresh USING (order_id)),"
    " lined AS ("
    "  INSERT INTO order_lines (order_id, line_number, product_id, quantity, unit_price_minor)"
    "  SELECT i.* FROM unnest($15::uuid[], $16::int[], $17::text[], $18::int[], $19::bigint[])"
    "       AS i(order_id, line_number, product_id, quantity, unit_price_minor)"
    "  JOIN fresh USING (order_id))"
    " SELECT order_id FROM fresh"};

static const struct postgres_statement SQL_LOCK_STOCK = {
    "lock_stock", "SELECT product_id, on_hand, reserved, limited, safety_stock,"
                  "  low_stock_threshold FROM stock"
                  " WHERE product_id = ANY ($1::text[])"
                  " ORDER BY product_id COLLATE \"C\" FOR NO KEY UPDATE"};

/* After the lock: who adds an entry of a product holds its row. */
static const struct postgres_statement SQL_ENTRIES = {
    "entries", "SELECT entry_id, event_id FROM stock_ledger WHERE entry_id = ANY ($1::uuid[])"};

static const struct postgres_statement SQL_WINNERS = {
    "winners", "SELECT order_id, event_id FROM order_events"
               " WHERE order_id = ANY ($1::uuid[]) AND version = 1"};

static const struct postgres_statement SQL_DOUBLES = {
    "doubles", "INSERT INTO double_reservations (event_id, subject_id, epoch, event_time)"
               " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[])"
               " ON CONFLICT (event_id) DO NOTHING RETURNING event_id"};

static const struct postgres_statement SQL_STOCK = {
    "stock", "UPDATE stock SET on_hand = stock.on_hand + d.on_hand,"
             "                 reserved = stock.reserved + d.reserved"
             " FROM unnest($1::text[], $2::bigint[], $3::bigint[])"
             "      AS d(product_id, on_hand, reserved)"
             " WHERE stock.product_id = d.product_id"};

static const struct postgres_statement SQL_LEDGER = {
    "ledger", "INSERT INTO stock_ledger (entry_id, event_id, product_id, delta_on_hand,"
              "  on_hand_after, reserved_after, reason, reference, actor, event_time)"
              " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[],"
              "  $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[],"
              "  $10::timestamptz[])"};

static const struct postgres_statement SQL_REJECT = {
    "reject", "WITH refused AS (UPDATE order_events SET outcome = 2"
              "  WHERE order_id = ANY ($2::uuid[]) AND version = 1)"
              " UPDATE orders SET state = $1::bigint WHERE order_id = ANY ($2::uuid[])"};

/* What SQL_ORDERS has put in, in the same transaction. */
static const struct postgres_statement SQL_UNMAKE = {
    "unmake", "WITH gone AS (DELETE FROM order_events WHERE order_id = ANY ($1::uuid[])"
              "  AND version = 1),"
              " lined AS (DELETE FROM order_lines WHERE order_id = ANY ($1::uuid[]))"
              " DELETE FROM orders WHERE order_id = ANY ($1::uuid[])"};

/* What the book has to know of a delta; the end of a hold that still runs. */
#define DELTA_COLUMNS                                              \
    "delta_id, epoch, product_id, quantity, rules, held_order_id," \
    " (SELECT expire_time FROM orders WHERE order_id = held_order_id AND state = 1)"

static const struct postgres_statement SQL_DELTAS = {
    "deltas", "INSERT INTO stock_deltas (epoch, product_id, quantity, held_order_id)"
              " SELECT $1::bigint, * FROM unnest($2::text[], $3::bigint[], $4::uuid[])"
              " RETURNING " DELTA_COLUMNS};

static const struct postgres_statement SQL_LIMITED = {
    "limited", "INSERT INTO limited_orders (product_id, order_id, create_time)"
               " SELECT * FROM unnest($1::text[], $2::uuid[], $3::timestamptz[])"
               " ON CONFLICT DO NOTHING"};

/* With the units that a letter holds. Those of an event of an earlier epoch are in the stock in
 * force: they are taken from it. */
static const struct postgres_statement SQL_LETTERS = {
    "letters",
    "WITH kept AS ("
    "  INSERT INTO dead_letters (reason, message, routing_key, message_id, body, event_id, kind,"
    "                            epoch)"
    "  SELECT reason, message, routing_key, message_id, body, event_id, NULLIF(kind, -1),"
    "         NULLIF(epoch, -1)"
    "  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::uuid[],"
    "              $7::int[], $8::bigint[])"
    "       AS i(reason, message, routing_key, message_id, body, event_id, kind, epoch)"
    "  ON CONFLICT DO NOTHING RETURNING dead_letter_id, event_id, epoch),"
    " held AS ("
    "  INSERT INTO dead_letter_units (dead_letter_id, product_id, quantity)"
    "  SELECT k.dead_letter_id, u.product_id, sum(u.quantity)::bigint"
    "  FROM unnest($9::uuid[], $10::text[], $11::bigint[]) AS u(event_id, product_id, quantity)"
    "  JOIN kept k USING (event_id) GROUP BY 1, 2"
    "  RETURNING dead_letter_id, product_id, quantity)"
    " INSERT INTO stock_deltas (epoch, product_id, quantity)"
    " SELECT c.epoch, h.product_id, -h.quantity FROM held h JOIN kept k USING (dead_letter_id)"
    " JOIN control c ON c.shard = $12::text AND k.epoch < c.epoch"};

/* state: see shop.v1.DeadLetter.State; 0 undecided, 1 to be stored, 3 stored. */
static const struct postgres_statement SQL_NEXT_LETTER = {
    "next_letter", "SELECT dead_letter_id, body, EXISTS (SELECT 1 FROM dead_letter_units u"
                   "  WHERE u.dead_letter_id = d.dead_letter_id)"
                   " FROM dead_letters d WHERE state = 1 ORDER BY dead_letter_id LIMIT 1"};
static const struct postgres_statement SQL_RETURN_LETTER = {
    "return_letter", "UPDATE dead_letters SET state = 0, reason = $2::text, message = $3::text"
                     " WHERE dead_letter_id = $1::bigint AND state = 1"};
static const struct postgres_statement SQL_SETTLE_LETTER = {
    "settle_letter", "WITH settled AS (UPDATE dead_letters SET state = 3"
                     "  WHERE dead_letter_id = $1::bigint AND state = 1 RETURNING dead_letter_id)"
                     " DELETE FROM dead_letter_units USING settled"
                     " WHERE dead_letter_units.dead_letter_id = settled.dead_letter_id"};

/* Nothing is lost with it: a delta that comes back is not applied again. */
static const struct postgres_statement SQL_ASYNC = {NULL, "SET LOCAL synchronous_commit TO off"};
static const struct postgres_statement SQL_FORGET = {
    "forget", "DELETE FROM stock_deltas WHERE delta_id = ANY ($1::bigint[])"};

static const struct postgres_statement SQL_SWEEP = {
    "sweep", "SELECT " DELTA_COLUMNS " FROM stock_deltas"
             " WHERE create_time < now() - $1::bigint * interval '1 millisecond'"
             " ORDER BY delta_id LIMIT $2::bigint FOR UPDATE SKIP LOCKED"};

/* A few at a time, with every sweep. */
static const struct postgres_statement SQL_TRIM_FEED = {
    "trim_feed", "DELETE FROM order_feed WHERE xid IN"
                 " (SELECT xid FROM order_feed WHERE create_time < now() - interval '7 days'"
                 "  ORDER BY xid LIMIT 1000 FOR UPDATE SKIP LOCKED)"};

/* No window of a limit reaches back further than 90 days. */
static const struct postgres_statement SQL_TRIM_LIMITED = {
    "trim_limited", "DELETE FROM limited_orders WHERE (product_id, order_id) IN"
                    " (SELECT product_id, order_id FROM limited_orders"
                    "  WHERE create_time < now() - interval '91 days'"
                    "  ORDER BY create_time LIMIT 1000 FOR UPDATE SKIP LOCKED)"};
