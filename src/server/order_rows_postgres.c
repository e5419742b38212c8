/* See order_rows_postgres.h. */
#include "server/order_rows_postgres.h"

#include <string.h>

#include "server/refusals.h"

static bool read_order(const struct postgres_result *result, size_t row, struct arena *arena,
                       struct stored_order *order_out);

enum status order_rows_read(const struct postgres_result *result, size_t most, struct arena *arena,
                            struct stored_order **orders_out, size_t *count_out,
                            struct failure *failure)
{
    size_t count = postgres_result_rows(result) < most ? postgres_result_rows(result) : most;
    struct stored_order *orders = arena_calloc(arena, count, sizeof *orders);
    if (orders == NULL && count > 0) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_order(result, i, arena, &orders[i])) {
            return refuse_overloaded(failure);
        }
    }
    *orders_out = orders;
    *count_out = count;
    return STATUS_OK;
}

static int64_t read_time(const struct postgres_result *result, size_t row, size_t column)
{
    return postgres_result_is_null(result, row, column)
               ? 0
               : postgres_result_unix_us(result, row, column);
}

static bool read_order(const struct postgres_result *result, size_t row, struct arena *arena,
                       struct stored_order *order_out)
{
    struct order *order = &order_out->order;
    order->order_id = postgres_result_uuid(result, row, 0);
    order->customer_id = arena_strdup(arena, postgres_result_text(result, row, 1));
    order->state = (enum order_state)postgres_result_int(result, row, 2);
    order->version = (int32_t)postgres_result_int(result, row, 3);
    const char *currency = postgres_result_text(result, row, 4);
    memcpy(order->currency, currency, strnlen(currency, CURRENCY_BYTES - 1));
    order->total_minor = postgres_result_int(result, row, 5);
    order->order_ref = arena_strdup(arena, postgres_result_text(result, row, 6));
    struct bytes hash = postgres_result_bytes(result, row, 7);
    if (hash.size == sizeof order_out->request_hash) {
        memcpy(order_out->request_hash, hash.data, hash.size);
    }
    order->create_time_us = postgres_result_unix_us(result, row, 8);
    order->placed_time_us = postgres_result_unix_us(result, row, 9);
    order->expire_time_us = read_time(result, row, 10);
    order->confirm_time_us = read_time(result, row, 11);
    order->update_time_us = read_time(result, row, 12);
    if (order->update_time_us == 0) {
        order->update_time_us = order->create_time_us;
    }
    order->payment_reference = arena_strdup(arena, postgres_result_text(result, row, 13));
    order->durability = DURABILITY_PERSISTED;
    return order->customer_id != NULL && order->order_ref != NULL &&
           order->payment_reference != NULL;
}

enum status order_rows_read_lines(const struct postgres_result *result, struct arena *arena,
                                  struct stored_order *orders, size_t count,
                                  struct failure *failure)
{
    size_t rows = postgres_result_rows(result);
    struct order_line *lines = arena_calloc(arena, rows, sizeof *lines);
    if (lines == NULL && rows > 0) {
        return refuse_overloaded(failure);
    }
    size_t at = 0;
    for (size_t i = 0; i < rows; i++) {
        struct uuid order_id = postgres_result_uuid(result, i, 0);
        size_t found = at;
        while (found < count &&
               memcmp(&orders[found].order.order_id, &order_id, sizeof order_id) != 0) {
            found++;
        }
        if (found == count) {
            continue; /* committed between the two statements: its head was not there yet */
        }
        at = found;
        lines[i].product_id = arena_strdup(arena, postgres_result_text(result, i, 1));
        lines[i].quantity = (int32_t)postgres_result_int(result, i, 2);
        lines[i].unit_price_minor = postgres_result_int(result, i, 3);
        lines[i].fulfilled_quantity = (int32_t)postgres_result_int(result, i, 4);
        lines[i].cancelled_quantity = (int32_t)postgres_result_int(result, i, 5);
        if (lines[i].product_id == NULL) {
            return refuse_overloaded(failure);
        }
        if (orders[at].order.line_count == 0) {
            orders[at].order.lines = &lines[i];
        }
        orders[at].order.line_count++;
    }
    return STATUS_OK;
}
