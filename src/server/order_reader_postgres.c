/* Order reader over PostgreSQL. See order_reader.h. */
#include <stdlib.h>
#include <string.h>

#include "postgres/postgres_array.h"
#include "server/order_reader.h"
#include "server/refusals.h"

#define ORDER_COLUMNS                                                                         \
    "order_id, customer_id, state, version, currency, total_minor, order_ref, request_hash, " \
    "create_time, placed_time"
/* Lines in one list response: at the limits of ids and prices some 90 bytes each, so that a page
 * stays below RPC_MESSAGE_BYTES_MAX with room for 1,000 orders; and more than one order can have.
 */
#define PAGE_LINES_MAX (3 * SHOP_ORDER_LINES_MAX)

const struct order_position ORDER_POSITION_NEWEST = {
    .create_time_us = 253402300799000000, /* the end of the year 9999, protobuf's last */
    .order_id.bytes = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                       255},
};

static enum status read_orders(const struct postgres_result *result, size_t most,
                               struct arena *arena, struct stored_order **orders_out,
                               size_t *count_out, struct failure *failure);
static bool read_order(const struct postgres_result *result, size_t row, struct arena *arena,
                       struct stored_order *order_out);
static enum status read_lines(const struct postgres_result *result, struct arena *arena,
                              struct stored_order *orders, size_t count, struct failure *failure);
static enum status query_heads(struct postgres_link *link, const struct order_page_filter *filter,
                               struct arena *arena, int64_t deadline_ms,
                               const struct postgres_result **result_out, struct failure *failure);
static enum status query_lines(struct postgres_link *link, const struct stored_order *orders,
                               size_t count, struct arena *arena, int64_t deadline_ms,
                               const struct postgres_result **result_out, struct failure *failure);
static size_t count_whole(const struct stored_order *orders, size_t count, const struct uuid *cut);
static int compare_orders(const void *left, const void *right);

enum status order_reader_find(struct postgres_link *link, const struct uuid *order_ids,
                              size_t count, struct arena *arena, int64_t deadline_ms,
                              struct stored_order **orders_out, size_t *found_out,
                              struct failure *failure)
{
    static const struct postgres_statement heads = {
        "order_reader_find",
        "SELECT " ORDER_COLUMNS " FROM orders WHERE order_id = ANY($1::uuid[]) ORDER BY order_id",
    };
    static const struct postgres_statement lines = {
        "order_reader_find_lines",
        "SELECT order_id, product_id, quantity, unit_price_minor FROM order_lines "
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
        status = read_orders(results[0], postgres_result_rows(results[0]), arena, orders_out,
                             found_out, failure);
    }
    return status != STATUS_OK ? status
                               : read_lines(results[1], arena, *orders_out, *found_out, failure);
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

enum status order_reader_list(struct postgres_link *link, const struct order_page_filter *filter,
                              struct arena *arena, int64_t deadline_ms, struct order **orders_out,
                              size_t *count_out, bool *more_out, struct failure *failure)
{
    const struct postgres_result *heads = NULL, *lines = NULL;
    struct stored_order *stored = NULL;
    size_t count = 0;
    enum status status = query_heads(link, filter, arena, deadline_ms, &heads, failure);
    if (status != STATUS_OK) {
        return status;
    }
    bool more = postgres_result_rows(heads) > (size_t)filter->most;
    status = read_orders(heads, (size_t)filter->most, arena, &stored, &count, failure);
    if (status == STATUS_OK && count > 0) {
        status = query_lines(link, stored, count, arena, deadline_ms, &lines, failure);
    }
    if (status == STATUS_OK && count > 0) {
        status = read_lines(lines, arena, stored, count, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (count > 0 && postgres_result_rows(lines) > PAGE_LINES_MAX) {
        struct uuid cut = postgres_result_uuid(lines, PAGE_LINES_MAX, 0);
        count = count_whole(stored, count, &cut);
        more = true;
    }
    struct order *orders = arena_alloc(arena, count * sizeof *orders);
    if (orders == NULL && count > 0) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        orders[i] = stored[i].order;
    }
    *orders_out = orders;
    *count_out = count;
    *more_out = more;
    return STATUS_OK;
}

/* The order `cut` may have lost lines to the limit, and those behind it have none: the next page.
 */
static size_t count_whole(const struct stored_order *orders, size_t count, const struct uuid *cut)
{
    size_t whole = 0;
    while (whole < count && memcmp(&orders[whole].order.order_id, cut, sizeof *cut) != 0) {
        whole++;
    }
    return whole;
}

static enum status query_heads(struct postgres_link *link, const struct order_page_filter *filter,
                               struct arena *arena, int64_t deadline_ms,
                               const struct postgres_result **result_out, struct failure *failure)
{
    static const struct postgres_statement all = {
        "order_reader_list",
        "SELECT " ORDER_COLUMNS " FROM orders "
        "WHERE (create_time, order_id) < ($1::timestamptz, $2::uuid) "
        "ORDER BY create_time DESC, order_id DESC LIMIT $3::int8",
    };
    static const struct postgres_statement of_customer = {
        "order_reader_list_customer",
        "SELECT " ORDER_COLUMNS " FROM orders "
        "WHERE customer_id = $4::text AND (create_time, order_id) < ($1::timestamptz, $2::uuid) "
        "ORDER BY create_time DESC, order_id DESC LIMIT $3::int8",
    };
    struct postgres_parameter parameters[] = {
        postgres_timestamptz(arena, filter->after.create_time_us),
        postgres_uuid(&filter->after.order_id),
        postgres_int8(arena, (int64_t)filter->most + 1),
        postgres_text(filter->customer_id),
    };
    if (parameters[0].value.data == NULL || parameters[2].value.data == NULL) {
        return refuse_overloaded(failure);
    }
    bool everyone = filter->customer_id[0] == '\0';
    return postgres_link_query(link, everyone ? &all : &of_customer, parameters, everyone ? 3 : 4,
                               deadline_ms, result_out, failure);
}

static enum status query_lines(struct postgres_link *link, const struct stored_order *orders,
                               size_t count, struct arena *arena, int64_t deadline_ms,
                               const struct postgres_result **result_out, struct failure *failure)
{
    static const struct postgres_statement lines = {
        "order_reader_list_lines",
        "SELECT l.order_id, l.product_id, l.quantity, l.unit_price_minor "
        "FROM unnest($1::uuid[]) WITH ORDINALITY AS o (order_id, place) "
        "JOIN order_lines l USING (order_id) ORDER BY o.place, l.line_number LIMIT $2::int8",
    };
    struct postgres_array ids;
    postgres_array_init(&ids, POSTGRES_UUID, arena, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_uuid(&ids, &orders[i].order.order_id);
    }
    struct postgres_parameter parameters[] = {
        postgres_array_parameter(&ids),
        postgres_int8(arena, PAGE_LINES_MAX + 1),
    };
    if (postgres_array_failed(&ids) || parameters[1].value.data == NULL) {
        return refuse_overloaded(failure);
    }
    return postgres_link_query(link, &lines, parameters, 2, deadline_ms, result_out, failure);
}

static enum status read_orders(const struct postgres_result *result, size_t most,
                               struct arena *arena, struct stored_order **orders_out,
                               size_t *count_out, struct failure *failure)
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
    order->durability = DURABILITY_PERSISTED;
    return order->customer_id != NULL && order->order_ref != NULL;
}

/* Lines come in the orders' order, each order's lines in theirs. */
static enum status read_lines(const struct postgres_result *result, struct arena *arena,
                              struct stored_order *orders, size_t count, struct failure *failure)
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
