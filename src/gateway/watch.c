/* See watch.h. */
#include "gateway/watch.h"

#include <shop/v1/order_service.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/event_frame.h"
#include "gateway/event_hub.h"
#include "gateway/rest.h"
#include "gateway/uri.h"

#define EVENTS_PATH "/v1/events"
#define ORDER_START "/v1/orders/"
#define ORDER_END   ":watch"
/* What a browser does when the connection is lost: comes back after so long. */
#define FIRST_LINE "retry: 2000\n\n"

static bool order_of(struct bytes path, struct bytes *order_id_out);
static void follow_events(struct gateway *gateway, struct http_request *http);
static void follow_order(struct gateway *gateway, struct http_request *http, struct bytes order_id);
static struct call *begin(struct gateway *gateway, struct http_request *http, const char *method);
static bool has_no_query(struct call *call);
static char *decode_text(struct call *call, struct bytes text);
static void on_order(struct call *call, const ProtobufCMessage *response);
static void join(struct call *call, struct event_interest *interest);

bool watch_handle(struct gateway *gateway, struct http_request *http)
{
    struct bytes path = http_request_path(http), order_id = {0};
    bool is_events = bytes_equal(path, bytes_of_text(EVENTS_PATH));
    if (!is_events && !order_of(path, &order_id)) {
        return false;
    }
    if (strcmp(http_request_verb(http), "GET") != 0) {
        metrics_count_unrouted(gateway->metrics);
        rest_refuse_unrouted(http, "GET");
    } else if (is_events) {
        follow_events(gateway, http);
    } else {
        follow_order(gateway, http, order_id);
    }
    return true;
}

static bool order_of(struct bytes path, struct bytes *order_id_out)
{
    const size_t start = sizeof ORDER_START - 1, end = sizeof ORDER_END - 1;
    if (path.size <= start + end || memcmp(path.data, ORDER_START, start) != 0 ||
        memcmp(path.data + path.size - end, ORDER_END, end) != 0) {
        return false;
    }
    *order_id_out = bytes_of(path.data + start, path.size - start - end);
    return memchr(order_id_out->data, '/', order_id_out->size) == NULL;
}

static void follow_events(struct gateway *gateway, struct http_request *http)
{
    struct call *call = begin(gateway, http, "/shop.v1.OrderService/FollowOrderEvents");
    if (call == NULL) {
        return;
    }
    const char *last = http_request_header(http, "Last-Event-ID");
    struct event_interest interest = {
        .order_id = "",
        .cursor = last == NULL ? "" : last,
        .first = bytes_of_text(FIRST_LINE),
    };
    join(call, &interest);
}

static void follow_order(struct gateway *gateway, struct http_request *http, struct bytes order_id)
{
    struct call *call = begin(gateway, http, "/shop.v1.OrderService/GetOrder");
    if (call == NULL) {
        return;
    }
    call->on_response = on_order;
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    request.order_id = decode_text(call, order_id);
    if (request.order_id != NULL) {
        call_start(call, &request.base);
    }
}

static struct call *begin(struct gateway *gateway, struct http_request *http, const char *method)
{
    struct call *call = call_create(gateway, http, method_find(bytes_of_text(method)));
    if (call == NULL) {
        return NULL;
    }
    call->on_failure = rest_fail;
    return call_admit(call) && has_no_query(call) ? call : NULL;
}

/* A filter that is not there would show what was not asked for. */
static bool has_no_query(struct call *call)
{
    struct failure failure = {0};
    if (http_request_query(call->http).size == 0) {
        return true;
    }
    (void)failure_set(&failure, STATUS_INVALID_ARGUMENT, "UNKNOWN_FIELD",
                      "a stream has no parameters");
    rest_fail(call, &failure);
    return false;
}

/* NULL when it is malformed, and answered so. */
static char *decode_text(struct call *call, struct bytes text)
{
    struct arena *arena = http_request_arena(call->http);
    struct failure failure = {0};
    struct bytes decoded;
    char *copy = NULL;
    if (uri_decode(text, false, arena, &decoded) &&
        memchr(decoded.data, '\0', decoded.size) == NULL) {
        copy = arena_alloc(arena, decoded.size + 1);
    }
    if (copy == NULL) {
        (void)failure_set(&failure, STATUS_INVALID_ARGUMENT, "MALFORMED_URL",
                          "the path has a malformed escape");
        rest_fail(call, &failure);
        return NULL;
    }
    memcpy(copy, decoded.data, decoded.size);
    copy[decoded.size] = '\0';
    return copy;
}

static void on_order(struct call *call, const ProtobufCMessage *response)
{
    const Shop__V1__Order *order = (const void *)response;
    struct arena *arena = http_request_arena(call->http);
    struct bytes frame = event_frame_message("order", response, arena);
    const char *last = http_request_header(call->http, "Last-Event-ID");
    long version = last == NULL ? 0 : strtol(last, NULL, 10);
    struct event_interest interest = {
        .order_id = order->order_id,
        .after_version = version > 0 && version < INT32_MAX ? (int32_t)version : 0,
        .cursor = "",
        .first = frame,
    };
    join(call, &interest);
}

static void join(struct call *call, struct event_interest *interest)
{
    struct failure failure = {0};
    const struct gateway *gateway = call->gateway;
    size_t method = (size_t)(call->method - methods);
    struct metrics *metrics = gateway->metrics;
    int64_t took_us = clock_monotonic_us(gateway->clock) - http_request_start_us(call->http);
    interest->caller = &call->caller;
    interest->credential = arena_strdup(http_request_arena(call->http), call->credential);
    interest->method = call->method;
    if (interest->credential == NULL) {
        (void)failure_set(&failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX", "no memory");
        rest_fail(call, &failure);
        return;
    }
    /* Behind a join that went well the request is the stream's. */
    if (event_hub_join(gateway->events, call->http, interest, &failure) != STATUS_OK) {
        rest_fail(call, &failure);
        return;
    }
    metrics_count(metrics, method, STATUS_OK, took_us);
}
