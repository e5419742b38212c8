/* See query_stock.h. */
#include "server/query_stock.h"

#include "redis/book.h"
#include "server/catalogue.h"
#include "server/query.h"
#include "server/refusals.h"
#include "shop/order_codec.h"
#include "shop/product_codec.h"
#include "shop/rules.h"

#define LIST_NAME "stock"

static enum status find_stock(struct shop_lane *lane, const char *const *ids, size_t count,
                              int64_t deadline_ms, struct stock **stock_out, size_t *found_out,
                              struct failure *failure);
static enum status fill_available(struct shop_lane *lane, struct stock *stock, size_t count,
                                  int64_t deadline_ms, struct failure *failure);
static void list(struct shop_lane *lane, struct rpc_call *call);
static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct stock **stock_out, size_t *count_out, const char **next_out,
                             struct failure *failure);

/* ---- GetStock ---- */

void get_stock(void *state, struct rpc_call **calls, size_t count)
{
    struct shop_lane *lane = state;
    arena_reset(&lane->arena);
    const char **ids = arena_alloc(&lane->arena, count * sizeof *ids);
    if (ids == NULL) {
        query_overloaded(calls, count);
        return;
    }
    struct failure failure;
    size_t asked = 0;
    for (size_t i = 0; i < count; i++) {
        const char *id = order_codec_get_id(rpc_call_request(calls[i]));
        if (rules_check_id("product_id", id, &failure) != STATUS_OK) {
            rpc_fail(calls[i], &failure);
            continue;
        }
        calls[asked] = calls[i];
        ids[asked++] = id;
    }
    struct stock *stock;
    size_t found;
    if (asked == 0) {
        return;
    }
    if (find_stock(lane, ids, asked, query_deadline_ms(lane, calls, asked), &stock, &found,
                   &failure) != STATUS_OK) {
        query_fail_all(calls, asked, &failure);
        return;
    }
    for (size_t i = 0; i < asked; i++) {
        const struct stock *one = catalogue_pick_stock(stock, found, ids[i]);
        if (one == NULL) {
            (void)refuse_unknown_product(&failure, "product_id", ids[i]);
            rpc_fail(calls[i], &failure);
            continue;
        }
        query_reply(calls[i], product_codec_stock(one, &lane->arena));
    }
}

static enum status find_stock(struct shop_lane *lane, const char *const *ids, size_t count,
                              int64_t deadline_ms, struct stock **stock_out, size_t *found_out,
                              struct failure *failure)
{
    struct failure cause;
    if (catalogue_find_stock(lane->postgres, ids, count, &lane->arena, deadline_ms, stock_out,
                             found_out, &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    outage_over(&lane->postgres_outage, lane->clock);
    return fill_available(lane, *stock_out, *found_out, deadline_ms, failure);
}

static enum status fill_available(struct shop_lane *lane, struct stock *stock, size_t count,
                                  int64_t deadline_ms, struct failure *failure)
{
    if (count == 0) {
        return STATUS_OK;
    }
    const char **ids = arena_alloc(&lane->arena, count * sizeof *ids);
    int64_t *available = arena_alloc(&lane->arena, count * sizeof *available);
    if (ids == NULL || available == NULL) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = stock[i].product_id;
    }
    struct failure cause;
    int64_t redis_ms = clock_monotonic_ms(lane->clock) + lane->options->redis_timeout_ms;
    if (book_read_stock(lane->book, ids, count, available,
                        redis_ms < deadline_ms ? redis_ms : deadline_ms, &cause) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &cause);
        return refuse_unavailable(failure, STORE_REDIS);
    }
    outage_over(&lane->redis_outage, lane->clock);
    for (size_t i = 0; i < count; i++) {
        stock[i].available = available[i] > 0 ? available[i] : 0;
    }
    return STATUS_OK;
}

/* ---- ListStock ---- */

void list_stock(void *state, struct rpc_call **calls, size_t count)
{
    query_each(state, calls, count, list);
}

static void list(struct shop_lane *lane, struct rpc_call *call)
{
    struct stock *stock = NULL;
    size_t count = 0;
    const char *next = "";
    struct failure failure;
    if (read_page(lane, call, &stock, &count, &next, &failure) != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    query_reply(call, product_codec_stocks(stock, count, next, &lane->arena));
}

static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct stock **stock_out, size_t *count_out, const char **next_out,
                             struct failure *failure)
{
    struct query_page page;
    enum status status = query_read_page(lane, call, LIST_NAME, &page, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct failure cause;
    int64_t deadline_ms = query_deadline_ms(lane, &call, 1);
    if (catalogue_list_stock(lane->postgres, page.after, page.size + 1, &lane->arena, deadline_ms,
                             stock_out, count_out, &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    outage_over(&lane->postgres_outage, lane->clock);
    const char *last = NULL;
    if (*count_out > (size_t)page.size) {
        *count_out = (size_t)page.size;
        last = (*stock_out)[*count_out - 1].product_id;
    }
    status = fill_available(lane, *stock_out, *count_out, deadline_ms, failure);
    return status != STATUS_OK ? status : query_next_page(lane, LIST_NAME, last, next_out, failure);
}
