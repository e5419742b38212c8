/* Order reader over PostgreSQL: pages of orders. See order_reader.h and order_list_sql.h. */
#include <string.h>

#include "postgres/postgres_array.h"
#include "server/order_list_sql.h"
#include "server/order_reader.h"
#include "server/refusals.h"

/* Lines in one list response: at the limits of ids and prices some 90 bytes each, so that a page
 * stays below RPC_MESSAGE_BYTES_MAX with room for 1,000 orders; and more than one order can have.
 */
#define PAGE_LINES_MAX  (3 * SHOP_ORDER_LINES_MAX)
#define CUSTOMER_COLUMN 1
#define TIME_COLUMN     8

static enum status query_heads(struct postgres_link *link, const struct order_page_filter *filter,
                               struct arena *arena, int64_t deadline_ms,
                               const struct postgres_result **result_out, struct failure *failure);
static enum status read_heads(const struct postgres_result *result,
                              const struct order_page_filter *filter, struct arena *arena,
                              struct stored_order **stored_out, struct order_page *page_out,
                              struct failure *failure);
static enum status read_page_lines(struct postgres_link *link, struct arena *arena,
                                   int64_t deadline_ms, struct stored_order *stored,
                                   struct order_page *page, struct failure *failure);
static enum status query_lines(struct postgres_link *link, const struct stored_order *orders,
                               size_t count, struct arena *arena, int64_t deadline_ms,
                               const struct postgres_result **result_out, struct failure *failure);
static size_t count_whole(const struct stored_order *orders, size_t count, const struct uuid *cut);

/* Nothing is behind (time, 0) at that time, so it is the end of what was created before. */
struct order_position order_reader_first(const struct order_filter *filter)
{
    return (struct order_position){.create_time_us = filter->create_to_us};
}

enum status order_reader_list(struct postgres_link *link, const struct order_page_filter *filter,
                              struct arena *arena, int64_t deadline_ms, struct order_page *page_out,
                              struct failure *failure)
{
    const struct postgres_result *heads = NULL;
    struct stored_order *stored = NULL;
    struct order_page page = {0};
    enum status status = query_heads(link, filter, arena, deadline_ms, &heads, failure);
    if (status == STATUS_OK) {
        status = read_heads(heads, filter, arena, &stored, &page, failure);
    }
    if (status == STATUS_OK && page.count > 0) {
        status = read_page_lines(link, arena, deadline_ms, stored, &page, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    page.orders = arena_alloc(arena, page.count * sizeof *page.orders);
    if (page.orders == NULL && page.count > 0) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < page.count; i++) {
        page.orders[i] = stored[i].order;
    }
    *page_out = page;
    return STATUS_OK;
}

static enum status query_heads(struct postgres_link *link, const struct order_page_filter *filter,
                               struct arena *arena, int64_t deadline_ms,
                               const struct postgres_result **result_out, struct failure *failure)
{
    const struct order_filter *asked = &filter->asked;
    struct postgres_parameter parameters[10] = {
        postgres_timestamptz(arena, filter->after.create_time_us),
        postgres_uuid(&filter->after.order_id),
        postgres_timestamptz(arena, asked->create_from_us),
        postgres_int8(arena, ORDER_PAGE_SCAN_MAX),
        postgres_int8(arena, asked->states),
        postgres_timestamptz(arena, asked->placed_from_us),
        postgres_timestamptz(arena, asked->placed_to_us),
        postgres_int8(arena, (int64_t)filter->most + 1),
    };
    size_t count = 8;
    bool of_customer = asked->customer_id[0] != '\0', of_product = asked->product_id[0] != '\0';
    if (of_customer) {
        parameters[count++] = postgres_text(asked->customer_id);
    }
    if (of_product) {
        parameters[count++] = postgres_text(asked->product_id);
    }
    const struct postgres_statement *statement =
        of_customer ? (of_product ? &ORDER_LIST_BOTH : &ORDER_LIST_CUSTOMER)
                    : (of_product ? &ORDER_LIST_PRODUCT : &ORDER_LIST_ALL);
    return postgres_link_query(link, statement, parameters, count, deadline_ms, result_out,
                               failure);
}

/* One row more than wanted, or one that only says how far the walk came, means that the list goes
 * on. */
static enum status read_heads(const struct postgres_result *result,
                              const struct order_page_filter *filter, struct arena *arena,
                              struct stored_order **stored_out, struct order_page *page_out,
                              struct failure *failure)
{
    size_t rows = postgres_result_rows(result);
    if (rows > 0 && postgres_result_is_null(result, rows - 1, CUSTOMER_COLUMN)) {
        rows--;
        page_out->more = true;
        page_out->next = (struct order_position){postgres_result_unix_us(result, rows, TIME_COLUMN),
                                                 postgres_result_uuid(result, rows, 0)};
    }
    size_t most = rows < (size_t)filter->most ? rows : (size_t)filter->most;
    enum status status =
        order_rows_read(result, most, arena, stored_out, &page_out->count, failure);
    if (status == STATUS_OK && rows > most) {
        const struct order *last = &(*stored_out)[most - 1].order;
        page_out->more = true;
        page_out->next = (struct order_position){last->create_time_us, last->order_id};
    }
    return status;
}

/* Without the orders whose lines do not fit: they are the next page. */
static enum status read_page_lines(struct postgres_link *link, struct arena *arena,
                                   int64_t deadline_ms, struct stored_order *stored,
                                   struct order_page *page, struct failure *failure)
{
    const struct postgres_result *lines = NULL;
    enum status status =
        query_lines(link, stored, page->count, arena, deadline_ms, &lines, failure);
    if (status == STATUS_OK) {
        status = order_rows_read_lines(lines, arena, stored, page->count, failure);
    }
    if (status == STATUS_OK && postgres_result_rows(lines) > PAGE_LINES_MAX) {
        struct uuid cut = postgres_result_uuid(lines, PAGE_LINES_MAX, 0);
        page->count = count_whole(stored, page->count, &cut);
        const struct order *last = &stored[page->count - 1].order; /* one order always fits */
        page->more = true;
        page->next = (struct order_position){last->create_time_us, last->order_id};
    }
    return status;
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

static enum status query_lines(struct postgres_link *link, const struct stored_order *orders,
                               size_t count, struct arena *arena, int64_t deadline_ms,
                               const struct postgres_result **result_out, struct failure *failure)
{
    static const struct postgres_statement lines = {
        "order_list_lines",
        "SELECT l.order_id, " ORDER_LINE_COLUMNS " "
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
