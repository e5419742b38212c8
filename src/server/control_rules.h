/* What of the products' rules an opening reads: the second half of control_postgres.c. */
#pragma once

#include "postgres/postgres_link.h"
#include "server/catalogue.h"
#include "server/control.h"
#include "server/movements_sql.h"

/* What can be sold: neither what undecided dead letters hold, nor what events that wait took. */
#define CONTROL_FREE "s.on_hand - s.reserved - s.safety_stock - coalesce(t.taken, 0)"
#define CONTROL_TAKEN                                                                \
    "LEFT JOIN (SELECT product_id, sum(quantity)::int8 AS taken FROM ("              \
    "SELECT product_id, quantity FROM dead_letter_units UNION ALL " MOVED_BY_WAITING \
    ") AS u GROUP BY product_id) AS t USING (product_id) "
#define CONTROL_READ_RULES_SQL                                                             \
    "SELECT " CATALOGUE_PRODUCT_COLUMNS ", " CONTROL_FREE " "                              \
    "FROM products p JOIN stock s USING (product_id) " CONTROL_TAKEN "WHERE p.state <> 1 " \
    "OR p.max_per_order > 0 OR p.max_per_customer > 0 OR p.sale_start_time IS NOT NULL "   \
    "OR p.sale_end_time IS NOT NULL"
/* What was cancelled, expired or rejected does not count. */
#define CONTROL_READ_BOUGHT_SQL                                                       \
    "SELECT o.customer_id, x.product_id, x.order_id, x.create_time,"                  \
    "  sum(l.quantity - l.cancelled_quantity)::int8"                                  \
    " FROM products p JOIN limited_orders x USING (product_id)"                       \
    " JOIN orders o ON o.order_id = x.order_id"                                       \
    " JOIN order_lines l ON l.order_id = x.order_id AND l.product_id = x.product_id"  \
    " WHERE p.max_per_customer > 0 AND o.state NOT IN (5, 6, 7) AND x.create_time >=" \
    "  greatest(p.limit_since, now() - p.limit_window_ms * interval '1 millisecond')" \
    " GROUP BY 1, 2, 3, 4 HAVING sum(l.quantity - l.cancelled_quantity) > 0 ORDER BY 1, 2, 4"

enum status control_read_rules(const struct postgres_result *result, struct arena *arena,
                               struct control_stock *stock_out, struct failure *failure);
enum status control_read_bought(const struct postgres_result *result, struct arena *arena,
                                struct control_stock *stock_out, struct failure *failure);
