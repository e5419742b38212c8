/* The event store's statements about changes of orders. A change is folded under the lock of its
 * order's row; what the row is not there for waits (outcome 0). Locks are taken events first, then
 * orders, then stock, each sorted. Outcomes: see the migration. */
#pragma once

#include "postgres/postgres_link.h"

static const struct postgres_statement SQL_LOCK_ORDERS = {
    "lock_orders", "SELECT order_id, customer_id, state, version, expire_time, confirm_time,"
                   "  update_time, payment_reference"
                   " FROM orders WHERE order_id = ANY ($1::uuid[]) ORDER BY order_id"
                   " FOR NO KEY UPDATE"};

/* After the lock, like all that follow. */
static const struct postgres_statement SQL_LINES = {
    "lines", "SELECT order_id, product_id, quantity, fulfilled_quantity, cancelled_quantity"
             " FROM order_lines WHERE order_id = ANY ($1::uuid[])"
             " ORDER BY order_id, line_number"};

static const struct postgres_statement SQL_KNOWN = {
    "known", "SELECT e.order_id, e.version, e.event_id"
             " FROM unnest($1::uuid[], $2::int[]) AS k(order_id, version)"
             " JOIN order_events e USING (order_id, version)"};

static const struct postgres_statement SQL_WAITING = {
    "waiting", "SELECT e.order_id, e.version, e.event_id, e.kind, e.event_time, e.epoch, e.actor,"
               "  e.from_state, e.to_state, e.write_off, e.reason, o.customer_id"
               " FROM order_events e JOIN orders o USING (order_id)"
               " WHERE e.outcome = 0 AND e.order_id = ANY ($1::uuid[])"
               " ORDER BY e.order_id, e.version"};

static const struct postgres_statement SQL_WAITING_LINES = {
    "waiting_lines",
    "SELECT e.order_id, e.version, c.line_number, c.quantity, coalesce(l.product_id, '')"
    " FROM order_events e"
    " CROSS JOIN LATERAL unnest(e.line_numbers, e.line_quantities) AS c(line_number, quantity)"
    " LEFT JOIN order_lines l ON l.order_id = e.order_id AND l.line_number = c.line_number"
    " WHERE e.outcome = 0 AND e.order_id = ANY ($1::uuid[])"
    " ORDER BY e.order_id, e.version, c.line_number"};

static const struct postgres_statement SQL_CHANGES = {
    "changes",
    "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, from_state,"
    "  to_state, outcome, write_off, epoch, reason, line_numbers, line_quantities)"
    " SELECT order_id, version, event_id, kind, event_time, actor, from_state, to_state, outcome,"
    "  write_off <> 0, epoch, reason, line_numbers::int[], line_quantities::int[]"
    " FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::int[], $5::timestamptz[], $6::text[],"
    "             $7::int[], $8::int[], $9::int[], $10::int[], $11::bigint[], $12::text[],"
    "             $13::text[], $14::text[])"
    "      AS i(order_id, version, event_id, kind, event_time, actor, from_state, to_state,"
    "           outcome, write_off, epoch, reason, line_numbers, line_quantities)"
    " ON CONFLICT (order_id, version) DO NOTHING"};

static const struct postgres_statement SQL_RESOLVE = {
    "resolve", "UPDATE order_events e SET outcome = r.outcome"
               " FROM unnest($1::uuid[], $2::int[], $3::int[]) AS r(order_id, version, outcome)"
               " WHERE e.order_id = r.order_id AND e.version = r.version"};

static const struct postgres_statement SQL_CHANGE_ORDERS = {
    "change_orders",
    "UPDATE orders o SET state = c.state, version = c.version,"
    "  expire_time = NULLIF(c.expire_time, timestamptz 'epoch'),"
    "  confirm_time = NULLIF(c.confirm_time, timestamptz 'epoch'),"
    "  update_time = NULLIF(c.update_time, timestamptz 'epoch'),"
    "  payment_reference = c.payment_reference"
    " FROM unnest($1::uuid[], $2::int[], $3::int[], $4::timestamptz[], $5::timestamptz[],"
    "             $6::timestamptz[], $7::text[])"
    "      AS c(order_id, state, version, expire_time, confirm_time, update_time,"
    "           payment_reference)"
    " WHERE o.order_id = c.order_id"};

static const struct postgres_statement SQL_CHANGE_LINES = {
    "change_lines",
    "UPDATE order_lines l SET fulfilled_quantity = c.fulfilled, cancelled_quantity = c.cancelled"
    " FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[])"
    "      AS c(order_id, line_number, fulfilled, cancelled)"
    " WHERE l.order_id = c.order_id AND l.line_number = c.line_number"};

/* Outside the transaction, after its commit. Two workers that wrote neighbouring versions at the
 * same moment did not see each other's; after both commits at least one of them sees both. */
static const struct postgres_statement SQL_READY = {
    "ready",
    "SELECT e.order_id FROM order_events e JOIN orders o USING (order_id)"
    " WHERE e.outcome = 0 AND e.order_id = ANY ($1::uuid[]) AND e.version = o.version + 1"};

static const struct postgres_statement SQL_ALL_READY = {
    "all_ready", "SELECT e.order_id FROM order_events e JOIN orders o USING (order_id)"
                 " WHERE e.outcome = 0 AND e.version = o.version + 1 LIMIT $1::bigint"};

/* In the transaction that makes them part of their orders: see migrations, order_feed. */
static const struct postgres_statement SQL_FEED = {
    "feed", "INSERT INTO order_feed (order_ids, versions) VALUES ($1::uuid[], $2::int[])"};
