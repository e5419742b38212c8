/* Audit books: the statement of a step over orders. Used by audit_books_postgres.c and by the
 * benchmark that shows its plan (tests/bench/bench_books.c).
 *   $1 behind this order_id  $2 up to this one */
#pragma once

#include "postgres/postgres_link.h"
#include "server/movements_sql.h"

/* Both sides of a join are told the bounds: PostgreSQL does not see that one follows from the
 * other. */
#define AUDIT_BOOKS_IN_STEP(TABLE) TABLE ".order_id > $1::uuid AND " TABLE ".order_id <= $2::uuid"
#define AUDIT_BOOKS_CREATED                                                             \
    "SELECT l.product_id, 0::int8 AS on_hand, l.quantity::int8 AS reserved, 0 AS open " \
    "FROM order_events e JOIN order_lines l USING (order_id) WHERE " MOVED_BY_CREATION  \
    " AND " AUDIT_BOOKS_IN_STEP("e") " AND " AUDIT_BOOKS_IN_STEP("l")
#define AUDIT_BOOKS_CHANGED                                                             \
    "SELECT l.product_id, " MOVED_ON_HAND ", " MOVED_RESERVED ", 0 "                    \
    "FROM order_events e CROSS JOIN LATERAL " MOVED_LINES                               \
    " JOIN order_lines l ON l.order_id = e.order_id AND l.line_number = c.line_number " \
    "WHERE " MOVED_BY_CHANGE " AND " AUDIT_BOOKS_IN_STEP("e") " AND " AUDIT_BOOKS_IN_STEP("l")
#define AUDIT_BOOKS_OPEN                                                                   \
    "SELECT l.product_id, 0, 0, l.quantity - l.fulfilled_quantity - l.cancelled_quantity " \
    "FROM orders o JOIN order_lines l USING (order_id) WHERE o.state IN (1, 2, 3) "        \
    "AND " AUDIT_BOOKS_IN_STEP("o") " AND " AUDIT_BOOKS_IN_STEP("l")
static const struct postgres_statement AUDIT_BOOKS_ORDERS = {
    "audit_books_orders",
    "SELECT product_id, sum(on_hand)::int8, sum(reserved)::int8, sum(open)::int8 FROM "
    "(" AUDIT_BOOKS_CREATED " UNION ALL " AUDIT_BOOKS_CHANGED " UNION ALL " AUDIT_BOOKS_OPEN
    ") AS moved GROUP BY product_id",
};
