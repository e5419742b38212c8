/* Order reader over PostgreSQL: orders by their ids. See order_reader.h. */
#include <stdlib.h>
#include <string.h>

#include "postgres/postgres_array.h"
#include "server/order_reader.h"
#include "server/order_rows_postgres.h"
#include "server/refusals.h"

static int compare_orders(const void *left, const void *right);

enum status order_reader_find(struct postgres_link *link, const struct uuid *order_ids,
                              size_t count, struct arena *arena, int64_t deadline_ms,
                              struct stored_order **orders_out, size_t *found_out,
                              struct failure *failure)
{
    static const struct postgres_statement heads = {
        "order_reader_find",
        "SELECT " ORDER_ROW_COLUMNS
        " FROM orders WHERE order_id = ANY($1::uuid[]) ORDER BY order_id",
    };
    static const struct postgres_statement lines = {
        "order_reader_find_lines",
        "SELECT order_id, " ORDER_LINE_COLUMNS " FROM order_lines "
        "WHERE order_id = ANY($1::uuid[]) ORDER BY order_id, line_number",
    };
    struct postgres_array ids;
    postgres_array_init(&ids, POSTGRES_UUID, arena, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_uuid(&ids, &order_ids[i]);
    }
    struct postgres_parameter parameter = postgres_array_parameter(&ids);
    if (postgres_array_failed(&ids)) {
        return refuse_overloaded(failure);
    }
    postgres_link_add(link, &heads, &parameter, 1);
    postgres_link_add(link, &lines, &parameter, 1);
    const struct postgres_result *const *results;
    enum status status = postgres_link_flush(link, deadline_ms, &results, failure);
    if (status == STATUS_OK) {
        status = order_rows_read(results[0], postgres_result_rows(results[0]), arena, orders_out,
                                 found_out, failure);
    }
    return status != STATUS_OK
               ? status
               : order_rows_read_lines(results[1], arena, *orders_out, *found_out, failure);
}

struct stored_order *order_reader_pick(struct stored_order *orders, size_t count,
                                       const struct uuid *order_id)
{
    struct stored_order key = {.order.order_id = *order_id};
    return count == 0 ? NULL : bsearch(&key, orders, count, sizeof key, compare_orders);
}

static int compare_orders(const void *left, const void *right)
{
    const struct stored_order *a = left, *b = right;
    return memcmp(&a->order.order_id, &b->order.order_id, sizeof a->order.order_id);
}
