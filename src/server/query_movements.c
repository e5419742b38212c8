/* See query_movements.h. */
#include "server/query_movements.h"

#include <string.h>

#include "server/movements.h"
#include "server/page_token.h"
#include "server/query.h"
#include "server/refusals.h"
#include "shop/product_codec.h"
#include "shop/rules.h"

#define LIST_NAME "stock_movements"
/* What a timestamptz can be compared with: no movement is older, or of a later millennium. */
#define TIME_US_MIN 0
#define TIME_US_MAX (253402300799LL * 1000000)

/* A page as it is asked for. */
struct movements_page {
    struct movements_request request;
    struct movement_position after;
    int32_t size;
    struct bytes filter;
};

static void list(struct shop_lane *lane, struct rpc_call *call);
static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct movements_page *page_out, struct failure *failure);
static enum status read_movements(struct shop_lane *lane, struct rpc_call *call,
                                  struct movements_page *asked, struct movement_page *page_out,
                                  struct failure *failure);
static const char *make_token(const struct movement_position *next, struct bytes filter,
                              struct arena *arena);
static enum status read_times(struct movements_request *request, struct failure *failure);
static struct bytes make_filter(const struct movements_request *request, struct arena *arena);
static enum status check_product(struct shop_lane *lane, struct rpc_call *call,
                                 const char *product_id, struct failure *failure);
static void explain(struct shop_lane *lane, struct rpc_call *call);
static enum status read_available(struct shop_lane *lane, struct stock *stock,
                                  struct failure *failure);

void list_stock_movements(void *state, struct rpc_call **calls, size_t count)
{
    query_each(state, calls, count, list);
}

static void list(struct shop_lane *lane, struct rpc_call *call)
{
    struct movements_page asked;
    struct movement_page page = {0};
    const char *next = "";
    struct failure failure;
    enum status status = read_page(lane, call, &asked, &failure);
    if (status == STATUS_OK) {
        status = read_movements(lane, call, &asked, &page, &failure);
    }
    if (status == STATUS_OK && page.count == 0 && !page.more) {
        status = check_product(lane, call, asked.request.product_id, &failure);
    }
    if (status == STATUS_OK && page.more) {
        next = make_token(&page.next, asked.filter, &lane->arena);
        status = next != NULL ? STATUS_OK : refuse_overloaded(&failure);
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    query_reply(call, product_codec_movements(page.movements, page.count, next, &lane->arena));
}

static enum status read_movements(struct shop_lane *lane, struct rpc_call *call,
                                  struct movements_page *asked, struct movement_page *page_out,
                                  struct failure *failure)
{
    const struct movements_request *request = &asked->request;
    int64_t deadline_ms = query_deadline_ms(lane, &call, 1);
    struct failure cause;
    enum status status = STATUS_OK;
    if (request->page_token[0] == '\0' && request->start_us > TIME_US_MIN) {
        status = movements_start(lane->postgres, request->product_id, request->start_us,
                                 &lane->arena, deadline_ms, &asked->after, &cause);
    }
    if (status == STATUS_OK) {
        status = movements_list(lane->postgres, request->product_id, &asked->after, request->end_us,
                                asked->size, MOVEMENTS_LOOKS_MAX, &lane->arena, deadline_ms,
                                page_out, &cause);
    }
    return status == STATUS_OK ? status
                               : shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
}

static const char *make_token(const struct movement_position *next, struct bytes filter,
                              struct arena *arena)
{
    struct movement_position position;
    memset(&position, 0, sizeof position); /* gaps, too: it is compared byte by byte */
    position.event_time_us = next->event_time_us;
    position.event_id = next->event_id;
    position.line_number = next->line_number;
    position.on_hand = next->on_hand;
    position.reserved = next->reserved;
    return page_token_make(LIST_NAME, filter, bytes_of(&position, sizeof position), arena);
}

static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct movements_page *page_out, struct failure *failure)
{
    *page_out = (struct movements_page){
        .request = product_codec_movements_request(rpc_call_request(call)),
        .after = {.event_time_us = TIME_US_MIN, .line_number = -1},
    };
    struct movements_request *request = &page_out->request;
    enum status status = rules_check_id("product_id", request->product_id, failure);
    if (status == STATUS_OK) {
        status = rules_page_size(request->page_size, &page_out->size, failure);
    }
    if (status == STATUS_OK) {
        status = read_times(request, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    page_out->filter = make_filter(request, &lane->arena);
    if (page_out->filter.data == NULL) {
        return refuse_overloaded(failure);
    }
    if (request->page_token[0] == '\0') {
        return STATUS_OK;
    }
    struct bytes position;
    status = page_token_read(request->page_token, LIST_NAME, page_out->filter, &lane->arena,
                             &position, failure);
    if (status == STATUS_OK && position.size != sizeof page_out->after) {
        return failure_set_field(failure, "page_token", "BAD_PAGE_TOKEN",
                                 "page_token is not of this list");
    }
    if (status == STATUS_OK) {
        memcpy(&page_out->after, position.data, sizeof page_out->after);
    }
    return status;
}

static enum status read_times(struct movements_request *request, struct failure *failure)
{
    if (request->end_us == 0) {
        request->end_us = TIME_US_MAX;
    }
    bool in_range = request->start_us >= TIME_US_MIN && request->start_us <= TIME_US_MAX &&
                    request->end_us >= TIME_US_MIN && request->end_us <= TIME_US_MAX;
    return in_range ? STATUS_OK
                    : failure_set_field(failure, "start_time", "BAD_TIME",
                                        "start_time and end_time must be times after 1970");
}

/* product_id and both times. */
static struct bytes make_filter(const struct movements_request *request, struct arena *arena)
{
    size_t size = strlen(request->product_id);
    int64_t times[] = {request->start_us, request->end_us};
    uint8_t *filter = arena_alloc(arena, size + sizeof times);
    if (filter == NULL) {
        return (struct bytes){0};
    }
    memcpy(filter, times, sizeof times);
    memcpy(filter + sizeof times, request->product_id, size);
    return bytes_of(filter, size + sizeof times);
}

/* A product without movements in this time, or none at all? */
static enum status check_product(struct shop_lane *lane, struct rpc_call *call,
                                 const char *product_id, struct failure *failure)
{
    struct product_lookup lookup = {.product_id = product_id};
    enum status status = find_products(&lane->products, &lookup, 1, &lane->arena,
                                       query_deadline_ms(lane, &call, 1), failure);
    if (status == STATUS_OK && lookup.presence != PRODUCT_FOUND) {
        status = refuse_unknown_product(failure, "product_id", product_id);
    }
    return status;
}

/* ---- ExplainStock ---- */

void explain_stock(void *state, struct rpc_call **calls, size_t count)
{
    query_each(state, calls, count, explain);
}

static void explain(struct shop_lane *lane, struct rpc_call *call)
{
    const char *product_id = product_codec_explain_request(rpc_call_request(call));
    struct stock_explanation explanation = {0};
    struct failure failure, cause;
    bool found = false;
    enum status status = rules_check_id("product_id", product_id, &failure);
    if (status == STATUS_OK && movements_explain(lane->postgres, lane->options->shard, product_id,
                                                 &lane->arena, query_deadline_ms(lane, &call, 1),
                                                 &explanation, &found, &cause) != STATUS_OK) {
        status = shop_lane_blame(lane, &lane->postgres_outage, &cause, &failure);
    } else if (status == STATUS_OK && !found) {
        status = refuse_unknown_product(&failure, "product_id", product_id);
    }
    if (status == STATUS_OK) {
        status = read_available(lane, &explanation.stock, &failure);
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    query_reply(call, product_codec_explanation(&explanation, &lane->arena));
}

/* As it is: below 0 where a safety stock was raised above what was left. */
static enum status read_available(struct shop_lane *lane, struct stock *stock,
                                  struct failure *failure)
{
    struct failure cause;
    if (book_read_units(lane->book, &stock->product_id, 1, &stock->available,
                        clock_monotonic_ms(lane->clock) + lane->options->redis_timeout_ms,
                        &cause) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &cause);
        return refuse_unavailable(failure, STORE_REDIS);
    }
    outage_over(&lane->redis_outage, lane->clock);
    return stock->available != INT64_MIN ? STATUS_OK : refuse_fenced(failure);
}
