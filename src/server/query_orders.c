/* See query_orders.h. */
#include "server/query_orders.h"

#include <string.h>

#include "server/command.h"
#include "server/order_reader.h"
#include "server/page_token.h"
#include "server/query.h"
#include "server/refusals.h"
#include "shop/order_codec.h"
#include "shop/rules.h"

#define LIST_NAME "orders"

/* A GetOrder on its way. */
struct order_lookup {
    struct rpc_call *call; /* NULL once answered */
    struct uuid order_id;
};

static size_t read_ids(struct rpc_call **calls, size_t count, struct order_lookup *lookups);
static enum status ask_book(struct shop_lane *lane, struct order_lookup *lookups, size_t count,
                            int64_t deadline_ms, struct failure *failure);
static void answer_record(struct shop_lane *lane, struct order_lookup *lookup,
                          const struct book_lookup *found);
static void ask_postgres(struct shop_lane *lane, struct order_lookup *lookups, size_t count,
                         int64_t deadline_ms, const struct failure *no_book);
static void refuse_not_found(struct order_lookup *lookup);
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
    struct failure no_book;
    enum status book = ask_book(lane, lookups, asked, deadline_ms, &no_book);
    size_t left = 0;
    for (size_t i = 0; i < asked; i++) {
        if (lookups[i].call != NULL) {
            lookups[left++] = lookups[i];
        }
    }
    if (left > 0) {
        ask_postgres(lane, lookups, left, deadline_ms, book == STATUS_OK ? NULL : &no_book);
    }
}

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
        lookups[read++].call = calls[i];
    }
    return read;
}

/* Answers those that Redis has a record of. *failure is why its silence about the others says
 * nothing: it could not be asked, or it has lost its records. */
static enum status ask_book(struct shop_lane *lane, struct order_lookup *lookups, size_t count,
                            int64_t deadline_ms, struct failure *failure)
{
    struct stock_pass pass;
    bool is_open = stock_gate_enter(lane->options->gate, &pass);
    struct book_lookup *found = arena_calloc(&lane->arena, count, sizeof *found);
    if (found == NULL) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        found[i].record_id = lookups[i].order_id;
    }
    int64_t redis_ms = clock_monotonic_ms(lane->clock) + lane->options->redis_timeout_ms;
    struct failure cause;
    if (book_read(lane->book, found, count, redis_ms < deadline_ms ? redis_ms : deadline_ms,
                  &cause) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &cause);
        return refuse_unavailable(failure, STORE_REDIS);
    }
    outage_over(&lane->redis_outage, lane->clock);
    for (size_t i = 0; i < count; i++) {
        if (found[i].found) {
            answer_record(lane, &lookups[i], &found[i]);
        }
    }
    return is_open ? STATUS_OK : refuse_fenced(failure);
}

static void answer_record(struct shop_lane *lane, struct order_lookup *lookup,
                          const struct book_lookup *found)
{
    /* A refusal made no order, and an adjustment, whose record has no payload, is none. */
    if (found->record.kind != BOOK_ACCEPTED || found->record.payload.size == 0) {
        refuse_not_found(lookup);
        return;
    }
    struct order *order;
    struct failure failure;
    struct bytes payload = arena_copy(&lane->arena, found->record.payload);
    if (payload.data == NULL) {
        query_overloaded(&lookup->call, 1);
    } else if (order_codec_unpack_order(payload, &lane->arena, &order, &failure) != STATUS_OK) {
        (void)refuse_unreadable(&failure);
        rpc_fail(lookup->call, &failure);
    } else {
        order->durability = command_durability(found);
        query_reply(lookup->call, order_codec_order(order, &lane->arena));
    }
    lookup->call = NULL;
}

/* no_book: why what PostgreSQL does not have may exist all the same; NULL when Redis has denied. */
static void ask_postgres(struct shop_lane *lane, struct order_lookup *lookups, size_t count,
                         int64_t deadline_ms, const struct failure *no_book)
{
    struct uuid *ids = arena_alloc(&lane->arena, count * sizeof *ids);
    struct stored_order *orders;
    size_t found;
    struct failure failure, cause;
    enum status status = ids != NULL ? STATUS_OK : refuse_overloaded(&failure);
    for (size_t i = 0; ids != NULL && i < count; i++) {
        ids[i] = lookups[i].order_id;
    }
    if (status == STATUS_OK &&
        order_reader_find(lane->postgres, ids, count, &lane->arena, deadline_ms, &orders, &found,
                          &cause) != STATUS_OK) {
        status = shop_lane_blame(lane, &lane->postgres_outage, &cause, &failure);
    }
    for (size_t i = 0; i < count; i++) {
        const struct stored_order *order =
            status == STATUS_OK ? order_reader_pick(orders, found, &ids[i]) : NULL;
        if (order != NULL) {
            query_reply(lookups[i].call, order_codec_order(&order->order, &lane->arena));
        } else if (status != STATUS_OK) {
            rpc_fail(lookups[i].call, &failure);
        } else if (no_book != NULL) {
            rpc_fail(lookups[i].call, no_book);
        } else {
            refuse_not_found(&lookups[i]);
        }
    }
}

static void refuse_not_found(struct order_lookup *lookup)
{
    char id[UUID_TEXT_BYTES];
    struct failure failure;
    uuid_print(&lookup->order_id, id);
    (void)failure_set(&failure, STATUS_NOT_FOUND, "ORDER_NOT_FOUND", "there is no order %s", id);
    failure_add(&failure, "order_id", "%s", id);
    rpc_fail(lookup->call, &failure);
    lookup->call = NULL;
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
