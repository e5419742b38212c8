/* Movements list: the statement behind a page. Used by movements_postgres.c and by the benchmark
 * that shows its plan (tests/bench/bench_movements.c). There is no index from a product to its
 * lines: it would cost every order. So a page looks at the orders created, and at the changes made,
 * from its position on, in their order, at $6 of each at most; an index by time is there for both.
 * When that leaves the page short, one more row says up to when it is complete (its cause is NULL).
 *   $1 product_id  $2, $3, $4 position  $5 end  $6 orders and changes looked at  $7 rows wanted */
#pragma once

#include "postgres/postgres_link.h"
#include "server/movements_sql.h"

#define MOVEMENTS_POSITION "($2::timestamptz, $3::uuid, $4::int8)"
#define MOVEMENTS_FROM(TIME) \
    TIME " >= $2::timestamptz AND " TIME " < $5::timestamptz ORDER BY " TIME " "
/* The last look may be at more, of one moment: a page is complete up to a moment, or not. */
#define MOVEMENTS_LOOK    "FETCH FIRST ($6::int8) ROWS WITH TIES"
#define MOVEMENTS_LAST    "OFFSET $6::int8 - 1 LIMIT 1"
#define MOVEMENTS_CHANGES "FROM order_events WHERE version > 1 AND line_numbers IS NOT NULL AND "

#define MOVEMENTS_ENTRIES                                                                   \
    "SELECT event_id, event_time, 'stock.adjusted' AS cause, NULL::uuid AS order_id, "      \
    "0 AS line_number, delta_on_hand, 0::int8 AS delta_reserved, actor, reason, reference " \
    "FROM stock_ledger WHERE product_id = $1::text AND event_time >= $2::timestamptz "      \
    "AND event_time < $5::timestamptz AND (event_time, event_id, 0) > " MOVEMENTS_POSITION  \
    " ORDER BY event_time, event_id LIMIT $7::int8"
/* An order's first event is of the moment at which it was created. */
#define MOVEMENTS_CREATED                                                                       \
    "SELECT e.event_id, o.create_time, 'order.created', o.order_id, l.line_number, 0::int8, "   \
    "l.quantity::int8, e.actor, '', o.order_ref FROM (SELECT order_id, order_ref, create_time " \
    "FROM orders WHERE " MOVEMENTS_FROM("create_time") MOVEMENTS_LOOK                           \
        ") AS o "                                                                               \
        "CROSS JOIN LATERAL (SELECT line_number, quantity FROM order_lines "                    \
        "WHERE order_id = o.order_id AND product_id = $1::text OFFSET 0) AS l "                 \
        "CROSS JOIN LATERAL (SELECT event_id, actor FROM order_events e WHERE "                 \
        "order_id = o.order_id AND " MOVED_BY_CREATION " OFFSET 0) AS e "                       \
        "WHERE (o.create_time, e.event_id, l.line_number) > " MOVEMENTS_POSITION                \
        " ORDER BY o.create_time, e.event_id, l.line_number LIMIT $7::int8"
#define MOVEMENTS_CHANGED                                                                      \
    "SELECT e.event_id, e.event_time, CASE e.kind WHEN 2 THEN 'order.confirmed' "              \
    "WHEN 3 THEN 'order.cancelled' WHEN 4 THEN 'order.expired' WHEN 5 THEN 'order.fulfilled' " \
    "END, e.order_id, c.line_number, (" MOVED_ON_HAND ")::int8, (" MOVED_RESERVED ")::int8, "  \
    "e.actor, e.reason, (SELECT order_ref FROM orders WHERE order_id = e.order_id) "           \
    "FROM (SELECT * " MOVEMENTS_CHANGES MOVEMENTS_FROM("event_time") MOVEMENTS_LOOK            \
        ") AS e "                                                                              \
        "CROSS JOIN LATERAL (SELECT line_number, c.quantity FROM " MOVED_LINES                 \
        " JOIN order_lines l USING (line_number) WHERE l.order_id = e.order_id "               \
        "AND l.product_id = $1::text OFFSET 0) AS c "                                          \
        "WHERE " MOVED_BY_CHANGE                                                               \
        " AND (e.event_time, e.event_id, c.line_number) > " MOVEMENTS_POSITION                 \
        " ORDER BY e.event_time, e.event_id, c.line_number LIMIT $7::int8"

static const struct postgres_statement MOVEMENTS_LIST = {
    "movements_list",
    "WITH entries AS MATERIALIZED (" MOVEMENTS_ENTRIES "), "
    "created (event_id, event_time, cause, order_id, line_number, delta_on_hand, delta_reserved, "
    "actor, reason, reference) AS MATERIALIZED (" MOVEMENTS_CREATED "), "
    "changed (event_id, event_time, cause, order_id, line_number, delta_on_hand, delta_reserved, "
    "actor, reason, reference) AS MATERIALIZED (" MOVEMENTS_CHANGED "), "
    "complete AS MATERIALIZED (SELECT least("
    "CASE WHEN (SELECT count(*) FROM created) < $7::int8 THEN (SELECT create_time FROM orders "
    "WHERE " MOVEMENTS_FROM("create_time") MOVEMENTS_LAST
    ") END, "
    "CASE WHEN (SELECT count(*) FROM changed) < $7::int8 THEN (SELECT event_time " MOVEMENTS_CHANGES
        MOVEMENTS_FROM("event_time") MOVEMENTS_LAST
    ") END) AS until) "
    "SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM entries UNION ALL SELECT * FROM "
    "created "
    "UNION ALL SELECT * FROM changed) AS m "
    "WHERE event_time <= coalesce((SELECT until FROM complete), 'infinity') "
    "ORDER BY event_time, event_id, line_number LIMIT $7::int8) AS page "
    "UNION ALL SELECT NULL, until, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM complete "
    "WHERE until IS NOT NULL) AS r ORDER BY cause IS NULL, event_time, event_id, line_number",
};
