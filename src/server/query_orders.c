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
static enum status read_request(struct shop_lane *lane, struct rpc_call *call,
                                struct order_page_filter *filter_out, struct bytes *bytes_out,
                                struct failure *failure);
static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct order_page *page_out, const char **next_out,
                             struct failure *failure);
static enum status read_position(struct shop_lane *lane, const char *token, struct bytes filter,
                                 struct order_position *position_out, struct failure *failure);
static const char *make_token(struct shop_lane *lane, struct bytes filter,
                              const struct order_position *position);

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
        lookups[read].customer_id = order_codec_get_customer(rpc_call_request(calls[i]));
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
    query_each(state, calls, count, batch_get);
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
        lookups[i].customer_id = order_codec_get_customer(rpc_call_request(call));
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
    query_each(state, calls, count, list);
}

static void list(struct shop_lane *lane, struct rpc_call *call)
{
    struct order_page page = {0};
    const char *next = "";
    struct failure failure;
    if (read_page(lane, call, &page, &next, &failure) != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    query_reply(call, order_codec_orders(page.orders, page.count, next, &lane->arena));
}

static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct order_page *page_out, const char **next_out,
                             struct failure *failure)
{
    struct order_page_filter filter;
    struct bytes bytes;
    enum status status = read_request(lane, call, &filter, &bytes, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct failure cause;
    if (order_reader_list(lane->postgres, &filter, &lane->arena, query_deadline_ms(lane, &call, 1),
                          page_out, &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    outage_over(&lane->postgres_outage, lane->clock);
    *next_out = page_out->more ? make_token(lane, bytes, &page_out->next) : "";
    return *next_out != NULL ? STATUS_OK : refuse_overloaded(failure);
}

static enum status read_request(struct shop_lane *lane, struct rpc_call *call,
                                struct order_page_filter *filter_out, struct bytes *bytes_out,
                                struct failure *failure)
{
    const ProtobufCMessage *message = rpc_call_request(call);
    struct page_request request = order_codec_page_request(message);
    enum status status = rules_page_size(request.page_size, &filter_out->most, failure);
    if (status == STATUS_OK) {
        status = order_codec_filter(message, &lane->arena, &filter_out->asked, bytes_out, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    filter_out->after = order_reader_first(&filter_out->asked);
    return request.page_token[0] == '\0'
               ? STATUS_OK
               : read_position(lane, request.page_token, *bytes_out, &filter_out->after, failure);
}

/* A position is a create_time in microseconds, 8 bytes big-endian, and an order's id. */
#define POSITION_BYTES (8 + sizeof(struct uuid))

static enum status read_position(struct shop_lane *lane, const char *token, struct bytes filter,
                                 struct order_position *position_out, struct failure *failure)
{
    struct bytes bytes;
    enum status status = page_token_read(token, LIST_NAME, filter, &lane->arena, &bytes, failure);
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

static const char *make_token(struct shop_lane *lane, struct bytes filter,
                              const struct order_position *position)
{
    uint8_t bytes[POSITION_BYTES];
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)((uint64_t)position->create_time_us >> (56 - 8 * i));
    }
    memcpy(bytes + 8, &position->order_id, sizeof position->order_id);
    return page_token_make(LIST_NAME, filter, bytes_of(bytes, sizeof bytes), &lane->arena);
}
