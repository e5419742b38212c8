/* See query_order_events.h. */
#include "server/query_order_events.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/load_orders.h"
#include "server/order_reader.h"
#include "server/page_token.h"
#include "server/query.h"
#include "server/refusals.h"
#include "shop/order_codec.h"
#include "shop/order_event_codec.h"
#include "shop/rules.h"

#define LIST_NAME     "order_events"
#define VERSION_BYTES 12

/* A page as it is asked for. */
struct events_page {
    struct uuid order_id;
    const char *customer_id;
    struct bytes filter; /* the order's id */
    int32_t size, after;
};

static void list(struct shop_lane *lane, struct rpc_call *call);
static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct events_page *page_out, struct failure *failure);
static size_t count_that_fits(const struct order_event *events, size_t count, size_t most);
static enum status check_order(struct shop_lane *lane, struct rpc_call *call,
                               const struct events_page *page, struct failure *failure);

void list_order_events(void *state, struct rpc_call **calls, size_t count)
{
    query_each(state, calls, count, list);
}

static void list(struct shop_lane *lane, struct rpc_call *call)
{
    struct events_page page;
    struct order_event *events = NULL;
    size_t count = 0;
    struct failure failure, cause;
    enum status status = read_page(lane, call, &page, &failure);
    if (status == STATUS_OK &&
        order_reader_events(lane->postgres, &page.order_id, page.after, page.size + 1, &lane->arena,
                            query_deadline_ms(lane, &call, 1), &events, &count,
                            &cause) != STATUS_OK) {
        status = shop_lane_blame(lane, &lane->postgres_outage, &cause, &failure);
    }
    if (status == STATUS_OK &&
        (count == 0 || !load_orders_is_asked_for(page.customer_id, events[0].customer_id))) {
        status = check_order(lane, call, &page, &failure);
    }
    const char *next = "";
    size_t fits = status == STATUS_OK ? count_that_fits(events, count, (size_t)page.size) : count;
    if (fits < count) {
        char version[VERSION_BYTES];
        count = fits;
        (void)snprintf(version, sizeof version, "%d", events[count - 1].version);
        next = page_token_make(LIST_NAME, page.filter, bytes_of_text(version), &lane->arena);
        status = next != NULL ? STATUS_OK : refuse_overloaded(&failure);
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    query_reply(call, order_event_codec_list(events, count, next, &lane->arena));
}

static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct events_page *page_out, struct failure *failure)
{
    const ProtobufCMessage *message = rpc_call_request(call);
    struct page_request request = order_codec_page_request(message);
    const char *order_id = order_codec_get_id(message);
    if (!uuid_parse(order_id, &page_out->order_id)) {
        return failure_set_field(failure, "order_id", "BAD_ID", "an order_id is a UUID");
    }
    page_out->filter = bytes_of(page_out->order_id.bytes, sizeof page_out->order_id.bytes);
    page_out->customer_id = order_codec_get_customer(message);
    page_out->after = 0;
    enum status status = rules_page_size(request.page_size, &page_out->size, failure);
    if (status != STATUS_OK || request.page_token[0] == '\0') {
        return status;
    }
    struct bytes position;
    status = page_token_read(request.page_token, LIST_NAME, page_out->filter, &lane->arena,
                             &position, failure);
    if (status != STATUS_OK) {
        return status;
    }
    char version[VERSION_BYTES] = "";
    size_t size = position.size < sizeof version ? position.size : sizeof version - 1;
    memcpy(version, position.data, size);
    page_out->after = (int32_t)strtol(version, NULL, 10);
    return STATUS_OK;
}

static size_t count_that_fits(const struct order_event *events, size_t count, size_t most)
{
    size_t fits = 0, lines = 0;
    while (fits < count && fits < most && query_fits(&lines, events[fits].line_count)) {
        fits++;
    }
    return fits;
}

/* An order that is not in PostgreSQL yet has no events there; one that does not exist, or is not
 * the customer's that was named, is refused. */
static enum status check_order(struct shop_lane *lane, struct rpc_call *call,
                               const struct events_page *page, struct failure *failure)
{
    struct order_lookup lookup = {.order_id = page->order_id, .customer_id = page->customer_id};
    load_orders(lane, &lookup, 1, query_deadline_ms(lane, &call, 1), failure);
    if (lookup.presence == ORDER_NOT_SAID) {
        return failure->code;
    }
    return lookup.presence == ORDER_FOUND ? STATUS_OK
                                          : refuse_unknown_order(failure, &page->order_id);
}
