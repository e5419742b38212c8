/* See query_orders.h. */
#include "server/query_orders.h"

#include <string.h>

#include "server/load_orders.h"
#include "server/order_reader.h"
#include "server/page_token.h"
#include "server/query.h"
#include "server/refusals.h"
#include "shop/order_codec.h"
#include "shop/rules.h"

#define LIST_NAME "orders"

static size_t read_ids(struct rpc_call **calls, size_t count, struct order_lookup *lookups);
static void answer_order(struct shop_lane *lane, struct rpc_call *call,
                         const struct order_lookup *lookup, const struct failure *failure);
static void batch_get(struct shop_lane *lane, struct rpc_call *call);
static void answer_batch(struct shop_lane *lane, struct rpc_call *call,
                         const struct order_lookup *lookups, const char *const *ids, size_t count,
                         const struct failure *failure);
static void list(struct shop_lane *lane, struct rpc_call *call);
static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct order **orders_out, size_t *count_out, const char **next_out,
                             struct failure *failure);
static enum status read_position(struct shop_lane *lane, const struct page_request *request,
                                 struct order_position *position_out, struct failure *failure);
static const char *make_token(struct shop_lane *lane, const struct page_request *request,
                              const struct order *last);

/* ---- GetOrder ---- */

void get_orders(void *state, struct rpc_call **calls, size_t count)
{
    struct shop_lane *lane = state;
    arena_reset(&lane->arena);
    struct order_lookup *lookups = arena_calloc(&lane->arena, count, sizeof *lookups);
    if (lookups == NULL) {
        query_overloaded(calls, count);
        return;
    }
    int64_t deadline_ms = query_deadline_ms(lane, calls, count);
    size_t asked = read_ids(calls, count, lookups);
    if (asked == 0) {
        return;
    }
    struct failure failure;
    load_orders(lane, lookups, asked, deadline_ms, &failure);
    for (size_t i = 0; i < asked; i++) {
        answer_order(lane, calls[i], &lookups[i], &failure);
    }
}

/* Keeps the calls that name an order, and refuses the others. */
static size_t read_ids(struct rpc_call **calls, size_t count, struct order_lookup *lookups)
{
    size_t read = 0;
    for (size_t i = 0; i < count; i++) {
        struct failure failure;
        if (!uuid_parse(order_codec_get_id(rpc_call_request(calls[i])), &lookups[read].order_id)) {
            (void)failure_set_field(&failure, "order_id", "BAD_ID", "an order_id is a UUID");
            rpc_fail(calls[i], &failure);
            continue;
        }
        calls[read++] = calls[i];
    }
    return read;
}

static void answer_order(struct shop_lane *lane, struct rpc_call *call,
                         const struct order_lookup *lookup, const struct failure *failure)
{
    struct failure missing;
    switch (lookup->presence) {
    case ORDER_NOT_SAID:
        rpc_fail(call, failure);
        return;
    case ORDER_MISSING:
        (void)refuse_unknown_order(&missing, &lookup->order_id);
        rpc_fail(call, &missing);
        return;
    case ORDER_FOUND:
        query_reply(call, order_codec_order(&lookup->order, &lane->arena));
        return;
    }
}

/* ---- BatchGetOrders ---- */

void batch_get_orders(void *state, struct rpc_call **calls, size_t count)
{
    struct shop_lane *lane = state;
    for (size_t i = 0; i < count; i++) {
        arena_reset(&lane->arena);
        batch_get(lane, calls[i]);
    }
}

static void batch_get(struct shop_lane *lane, struct rpc_call *call)
{
    size_t count;
    const char *const *ids = order_codec_get_ids(rpc_call_request(call), &count);
    struct failure failure;
    if (count == 0 || count > SHOP_BATCH_GET_MAX) {
        (void)failure_set_field(&failure, "order_ids", "BAD_BATCH_SIZE",
                                "1 to %d ids can be asked for at once, not %zu", SHOP_BATCH_GET_MAX,
                                count);
        rpc_fail(call, &failure);
        return;
    }
    struct order_lookup *lookups = arena_calloc(&lane->arena, count, sizeof *lookups);
    if (lookups == NULL) {
        query_overloaded(&call, 1);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!uuid_parse(ids[i], &lookups[i].order_id)) {
            (void)failure_set_field(&failure, "order_ids", "BAD_ID", "an order_id is a UUID");
            rpc_fail(call, &failure);
            return;
        }
    }
    load_orders(lane, lookups, count, query_deadline_ms(lane, &call, 1), &failure);
    answer_batch(lane, call, lookups, ids, count, &failure);
}

/* All or nothing: an order that could not be asked for is not missing. */
static void answer_batch(struct shop_lane *lane, struct rpc_call *call,
                         const struct order_lookup *lookups, const char *const *ids, size_t count,
                         const struct failure *failure)
{
    const struct order **orders = arena_alloc(&lane->arena, count * sizeof *orders);
    const char **missing = arena_alloc(&lane->arena, count * sizeof *missing);
    size_t found = 0, missed = 0;
    if (orders == NULL || missing == NULL) {
        query_overloaded(&call, 1);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        switch (lookups[i].presence) {
        case ORDER_NOT_SAID:
            rpc_fail(call, failure);
            return;
        case ORDER_FOUND:
            orders[found++] = &lookups[i].order;
            break;
        case ORDER_MISSING:
            missing[missed++] = ids[i];
            break;
        }
    }
    query_reply(call, order_codec_batch_orders(orders, found, missing, missed, &lane->arena));
}

/* ---- ListOrders ---- */

void list_orders(void *state, struct rpc_call **calls, size_t count)
{
    struct shop_lane *lane = state;
    for (size_t i = 0; i < count; i++) {
        arena_reset(&lane->arena);
        list(lane, calls[i]);
    }
}

static void list(struct shop_lane *lane, struct rpc_call *call)
{
    struct order *orders = NULL;
    size_t count = 0;
    const char *next = "";
    struct failure failure;
    if (read_page(lane, call, &orders, &count, &next, &failure) != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    query_reply(call, order_codec_orders(orders, count, next, &lane->arena));
}

static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct order **orders_out, size_t *count_out, const char **next_out,
                             struct failure *failure)
{
    struct page_request request = order_codec_page_request(rpc_call_request(call));
    struct order_page_filter filter = {.customer_id = request.customer_id};
    enum status status = rules_page_size(request.page_size, &filter.most, failure);
    if (status == STATUS_OK && request.customer_id[0] != '\0') {
        status = rules_check_id("customer_id", request.customer_id, failure);
    }
    if (status == STATUS_OK) {
        status = read_position(lane, &request, &filter.after, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    bool more;
    struct failure cause;
    if (order_reader_list(lane->postgres, &filter, &lane->arena, query_deadline_ms(lane, &call, 1),
                          orders_out, count_out, &more, &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    outage_over(&lane->postgres_outage, lane->clock);
    *next_out = "";
    if (more) {
        *next_out = make_token(lane, &request, &(*orders_out)[*count_out - 1]);
    }
    return *next_out != NULL ? STATUS_OK : refuse_overloaded(failure);
}

/* A position is the order's create_time in microseconds, 8 bytes big-endian, and its id. */
#define POSITION_BYTES (8 + sizeof(struct uuid))

static enum status read_position(struct shop_lane *lane, const struct page_request *request,
                                 struct order_position *position_out, struct failure *failure)
{
    *position_out = ORDER_POSITION_NEWEST;
    if (request->page_token[0] == '\0') {
        return STATUS_OK;
    }
    struct bytes bytes;
    enum status status =
        page_token_read(request->page_token, LIST_NAME, bytes_of_text(request->customer_id),
                        &lane->arena, &bytes, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (bytes.size != POSITION_BYTES) {
        return failure_set_field(failure, "page_token", "BAD_PAGE_TOKEN",
                                 "the page_token does not belong to this list and filter");
    }
    uint64_t time = 0;
    for (size_t i = 0; i < 8; i++) {
        time = time << 8 | bytes.data[i];
    }
    position_out->create_time_us = (int64_t)time;
    memcpy(&position_out->order_id, bytes.data + 8, sizeof position_out->order_id);
    return STATUS_OK;
}

static const char *make_token(struct shop_lane *lane, const struct page_request *request,
                              const struct order *last)
{
    uint8_t bytes[POSITION_BYTES];
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)((uint64_t)last->create_time_us >> (56 - 8 * i));
    }
    memcpy(bytes + 8, &last->order_id, sizeof last->order_id);
    return page_token_make(LIST_NAME, bytes_of_text(request->customer_id),
                           bytes_of(bytes, sizeof bytes), &lane->arena);
}
