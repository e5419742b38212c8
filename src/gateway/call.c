/* See call.h. */
#include "gateway/call.h"

#include <google/rpc/error_details.pb-c.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/caller_binding.h"

#define SECONDS_TEXT_BYTES  24
#define CACHE_CONTROL_BYTES 40
#define AWAY_DELAY_MS       1000 /* until a server that was away may be there again */

static enum status admit(struct call *call, struct failure *failure);
static enum status take_of_address(struct call *call, struct failure *failure);
static const char *key_of(struct http_request *http);
static void invoke(struct call *call, const ProtobufCMessage *request, int32_t timeout_ms);
static void on_done(const ProtobufCMessage *response, void *call);

static const ProtobufCMessageDescriptor *const DETAIL_TYPES[] = {
    &google__rpc__error_info__descriptor, &google__rpc__bad_request__descriptor,
    &google__rpc__retry_info__descriptor};
const struct json_types call_detail_types = {.list = DETAIL_TYPES,
                                             .count = sizeof DETAIL_TYPES / sizeof *DETAIL_TYPES};

struct call *call_create(struct gateway *gateway, struct http_request *http,
                         const struct method *method)
{
    struct call *call = arena_calloc(http_request_arena(http), 1, sizeof *call);
    if (call == NULL) {
        http_respond(http, 503, NULL, (struct bytes){0});
        return NULL;
    }
    call->gateway = gateway;
    call->http = http;
    call->method = method;
    call->credential = "";
    call->timeout_ms = gateway->timeout_ms;
    return call;
}

bool call_admit(struct call *call)
{
    struct failure failure = {0};
    if (admit(call, &failure) == STATUS_OK) {
        return true;
    }
    if (failure.code == STATUS_UNAUTHENTICATED) {
        bool is_given = key_of(call->http) != NULL; /* RFC 6750: then say what is wrong with it */
        http_add_header(call->http, "WWW-Authenticate",
                        is_given ? "Bearer error=\"invalid_token\"" : "Bearer");
    }
    call->on_failure(call, &failure);
    return false;
}

/* The address first: guessing keys is a call, too. */
static enum status admit(struct call *call, struct failure *failure)
{
    struct gateway *gateway = call->gateway;
    enum status status = STATUS_OK;
    if (gateway->address_limit != NULL) {
        status = take_of_address(call, failure);
    }
    if (status == STATUS_OK && gateway->callers != NULL) {
        call->credential = key_of(call->http);
        status = callers_admit(gateway->callers, call->credential, call->method,
                               http_request_arena(call->http), &call->caller, failure);
    }
    if (status == STATUS_OK && call->caller.is_known && gateway->caller_limit != NULL) {
        status = rate_limit_take(gateway->caller_limit, bytes_of_text(call->caller.name), failure);
    }
    return status;
}

static enum status take_of_address(struct call *call, struct failure *failure)
{
    struct gateway *gateway = call->gateway;
    struct origin_address peer;
    http_request_peer(call->http, peer.bytes);
    const char *forwarded = gateway->proxies.count == 0
                                ? NULL
                                : http_request_header_list(call->http, "X-Forwarded-For");
    struct origin_address origin = origin_find(&gateway->proxies, peer, forwarded);
    return rate_limit_take(gateway->address_limit, origin_subscriber(&origin), failure);
}

/* "Authorization: Bearer ..." or "X-Api-Key: ok_..."; NULL for none. */
static const char *key_of(struct http_request *http)
{
    static const char BEARER[] = "Bearer ";
    const char *authorization = http_request_header(http, "Authorization");
    if (authorization == NULL) {
        return http_request_header(http, "X-Api-Key");
    }
    return strncasecmp(authorization, BEARER, sizeof BEARER - 1) == 0
               ? authorization + sizeof BEARER - 1
               : authorization;
}

void call_start(struct call *call, ProtobufCMessage *request)
{
    struct failure denied = {0};
    if (caller_bind(&call->caller, call->method, request, http_request_arena(call->http),
                    &denied) != STATUS_OK) {
        call->on_failure(call, &denied);
        return;
    }
    if (atomic_load(&call->gateway->is_draining)) {
        struct failure failure = {0};
        (void)failure_set(&failure, STATUS_UNAVAILABLE, "DRAINING",
                          "the gateway is stopping; nothing was done");
        http_add_header(call->http, "Connection", "close");
        call->on_failure(call, &failure);
        return;
    }
    call->deadline_ms = clock_monotonic_ms(call->gateway->clock) + call->timeout_ms;
    http_defer(call->http);
    invoke(call, request, call->timeout_ms);
}

bool call_again(struct call *call, const ProtobufCMessage *request)
{
    int64_t left_ms = call->deadline_ms - clock_monotonic_ms(call->gateway->clock);
    if (left_ms <= 0 || atomic_load(&call->gateway->is_draining)) {
        return false;
    }
    invoke(call, request, (int32_t)left_ms);
    return true;
}

static void invoke(struct call *call, const ProtobufCMessage *request, int32_t timeout_ms)
{
    rpc_stub_init(&call->stub, call->gateway->channel, call->method->service);
    call->stub.async = true;
    call->stub.may_share = method_may_share(call->method, request);
    call->stub.timeout_ms = timeout_ms;
    call->stub.traceparent = http_request_header(call->http, "traceparent");
    rpc_stub_invoke(&call->stub, call->method->index, request, on_done, call);
}

static void on_done(const ProtobufCMessage *response, void *state)
{
    struct call *call = state;
    const struct failure *failure = &call->stub.failure;
    bool is_hidden = response == NULL ? caller_is_kept_from(&call->caller, call->method, failure)
                                      : !caller_may_see(&call->caller, response);
    if (is_hidden) { /* not even that it is there */
        struct failure hidden = {0};
        (void)failure_set(&hidden, STATUS_NOT_FOUND, "NOT_FOUND", "there is no such thing");
        call->on_failure(call, &hidden);
    } else if (response == NULL) {
        call->on_failure(call, failure);
    } else {
        call->on_response(call, response);
    }
}

void call_answer(struct call *call, enum status code, unsigned http_status,
                 const char *content_type, struct bytes body)
{
    int64_t took_us = clock_monotonic_us(call->gateway->clock) - http_request_start_us(call->http);
    metrics_count(call->gateway->metrics, (size_t)(call->method - methods), code, took_us);
    http_respond(call->http, http_status, content_type, body);
}

unsigned call_http_status(enum status code)
{
    switch (code) {
    case STATUS_OK:
        return 200;
    case STATUS_CANCELLED:
        return 499;
    case STATUS_INVALID_ARGUMENT:
    case STATUS_FAILED_PRECONDITION:
    case STATUS_OUT_OF_RANGE:
        return 400;
    case STATUS_UNAUTHENTICATED:
        return 401;
    case STATUS_PERMISSION_DENIED:
        return 403;
    case STATUS_NOT_FOUND:
        return 404;
    case STATUS_ALREADY_EXISTS:
    case STATUS_ABORTED:
        return 409;
    case STATUS_RESOURCE_EXHAUSTED:
        return 429;
    case STATUS_UNIMPLEMENTED:
        return 501;
    case STATUS_UNAVAILABLE:
        return 503;
    case STATUS_DEADLINE_EXCEEDED:
        return 504;
    case STATUS_UNKNOWN:
    case STATUS_INTERNAL:
    case STATUS_DATA_LOSS:
        return 500;
    }
    return 500;
}

void call_add_cache_control(struct call *call, const char *otherwise)
{
    unsigned max_age_s = call->method->public_max_age_s;
    char *header = max_age_s == 0 || strcmp(http_request_verb(call->http), "POST") == 0
                       ? NULL
                       : arena_alloc(http_request_arena(call->http), CACHE_CONTROL_BYTES);
    if (header != NULL) {
        (void)snprintf(header, CACHE_CONTROL_BYTES, "public, max-age=%u", max_age_s);
    }
    http_add_header(call->http, "Cache-Control", header != NULL ? header : otherwise);
}

void call_add_failure_headers(struct call *call, const struct failure *failure)
{
    http_add_header(call->http, "Cache-Control", "no-store");
    if (call->stub.call_id[0] != '\0') {
        http_add_header(call->http, "X-Call-Id", call->stub.call_id);
    }
    int64_t delay_ms = failure->retry_delay_ms;
    if (delay_ms <= 0 && failure->code == STATUS_UNAVAILABLE) {
        delay_ms = AWAY_DELAY_MS;
    }
    char *seconds =
        delay_ms <= 0 ? NULL : arena_alloc(http_request_arena(call->http), SECONDS_TEXT_BYTES);
    if (seconds != NULL) { /* whole seconds, upwards: sooner would be too soon */
        (void)snprintf(seconds, SECONDS_TEXT_BYTES, "%" PRId64, (delay_ms + 999) / 1000);
        http_add_header(call->http, "Retry-After", seconds);
    }
}
