/* Order list: the statement behind a page of ListOrders, for each kind of filter. Used by
 * order_list_postgres.c and by the benchmark that shows its plans (tests/bench/bench_lists.c).
 *
 * The innermost query walks an index in the list's order and stops after ORDER_PAGE_SCAN_MAX rows;
 * what is asked for beyond customer and create_time only drops rows of those. When that leaves the
 * page short, one more row says how far the walk came (its customer_id is NULL). All of it is one
 * statement, so that the page and how far it came are of one moment.
 *
 *   $1, $2 position  $3 create_from  $4 rows looked at  $5 states  $6, $7 placed  $8 rows wanted
 *   $9 customer_id or product_id  $10 product_id, when both are given */
#pragma once

#include "server/order_rows_postgres.h"

#define ORDER_LIST_WALK(SCOPE)                                                          \
    "FROM orders WHERE " SCOPE "(create_time, order_id) < ($1::timestamptz, $2::uuid) " \
    "AND create_time >= $3::timestamptz ORDER BY create_time DESC, order_id DESC "

#define ORDER_LIST_SQL(SCOPE, MATCH)                                                             \
    "WITH page AS MATERIALIZED (SELECT o.* FROM (SELECT " ORDER_ROW_COLUMNS " " ORDER_LIST_WALK( \
        SCOPE) "LIMIT $4::int8) AS o " MATCH "WHERE ($5::int8 & (1::int8 << o.state)) <> 0 AND " \
               "o.placed_time >= $6::timestamptz "                                               \
               "AND o.placed_time < $7::timestamptz "                                            \
               "ORDER BY o.create_time DESC, o.order_id DESC LIMIT $8::int8) "                   \
               "SELECT * FROM (SELECT * FROM page UNION ALL "                                    \
               "SELECT last.order_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "                \
               "last.create_time, NULL, "                                                        \
               "NULL, NULL, NULL, NULL FROM (SELECT order_id, create_time " ORDER_LIST_WALK(     \
                   SCOPE) "OFFSET $4::int8 - 1 LIMIT 1) AS last WHERE (SELECT count(*) FROM "    \
                          "page) < $8::int8) AS r "                                              \
                          "ORDER BY customer_id IS NULL, create_time DESC, order_id DESC"

#define ORDER_LIST_LINE(PRODUCT)                                                 \
    "CROSS JOIN LATERAL (SELECT 1 FROM order_lines WHERE order_id = o.order_id " \
    "AND product_id = " PRODUCT " LIMIT 1) AS line "

static const struct postgres_statement ORDER_LIST_ALL = {"order_list_all", ORDER_LIST_SQL("", "")};
static const struct postgres_statement ORDER_LIST_CUSTOMER = {
    "order_list_customer", ORDER_LIST_SQL("customer_id = $9::text AND ", "")};
static const struct postgres_statement ORDER_LIST_PRODUCT = {
    "order_list_product", ORDER_LIST_SQL("", ORDER_LIST_LINE("$9::text"))};
static const struct postgres_statement ORDER_LIST_BOTH = {
    "order_list_both", ORDER_LIST_SQL("customer_id = $9::text AND ", ORDER_LIST_LINE("$10::text"))};
