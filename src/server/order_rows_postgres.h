/* Order rows: orders and their lines out of PostgreSQL's results, for the order_*_postgres.c. */
#pragma once

#include "postgres/postgres_link.h"
#include "server/order_reader.h"

#define ORDER_ROW_COLUMNS                                                                     \
    "order_id, customer_id, state, version, currency, total_minor, order_ref, request_hash, " \
    "create_time, placed_time, expire_time, confirm_time, update_time, payment_reference"
#define ORDER_LINE_COLUMNS \
    "product_id, quantity, unit_price_minor, fulfilled_quantity, cancelled_quantity"

/* Rows of ORDER_ROW_COLUMNS, at most `most`; without their lines. */
enum status order_rows_read(const struct postgres_result *result, size_t most, struct arena *arena,
                            struct stored_order **orders_out, size_t *count_out,
                            struct failure *failure);
/* Rows of order_id and ORDER_LINE_COLUMNS, in the orders' order, each order's lines in theirs. */
enum status order_rows_read_lines(const struct postgres_result *result, struct arena *arena,
                                  struct stored_order *orders, size_t count,
                                  struct failure *failure);
