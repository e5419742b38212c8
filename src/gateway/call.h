/* Call: one HTTP request on its way to a server and back.
 * connect.c and rest.c read the request and write the answer, each in its protocol; what lies
 * between is here: the deadline, the asynchronous call, the counting. Always: a call is answered
 * once, by call_answer. It lives in its request's arena. */
#pragma once

#include <stdatomic.h>

#include "gateway/callers.h"
#include "gateway/method.h"
#include "gateway/metrics.h"
#include "gateway/origin.h"
#include "gateway/rate_limit.h"
#include "http/http.h"
#include "json/json_field.h"
#include "rpc/channel.h"

#define CALL_TIMEOUT_MS_MAX  RPC_TIMEOUT_MS_MAX
#define GATEWAY_ERROR_DOMAIN "shop.orders" /* ErrorInfo.domain, as the servers have it */

/* What all calls of a gateway share. */
struct gateway {
    struct rpc_channel *channel;
    struct metrics *metrics;
    struct event_hub *events;
    struct callers *callers;  /* NULL: whoever reaches the gateway may call everything */
    const char *cors_origins; /* cors.h */
    struct rate_limit *caller_limit, *address_limit; /* NULL: none */
    struct origin_proxies proxies;                   /* whose X-Forwarded-For is believed */
    const struct clock *clock;
    int32_t timeout_ms;      /* of calls that name none */
    atomic_bool is_draining; /* no new calls: the channel is about to close */
};

struct call {
    struct gateway *gateway;
    struct http_request *http;
    const struct method *method;
    /* Both end with call_answer. On the HTTP server's thread or the channel's. */
    void (*on_response)(struct call *call, const ProtobufCMessage *response);
    void (*on_failure)(struct call *call, const struct failure *failure);
    struct caller caller;
    const char *credential; /* what it was admitted by; "" for none */
    bool is_proto;          /* bodies are protobuf, not JSON */
    int32_t timeout_ms;
    int64_t deadline_ms;  /* monotonic, of a call that was started */
    void *protocol_state; /* whatever on_response and on_failure need */
    struct rpc_stub stub;
};

/* What error details may hold, for printing them. */
extern const struct json_types call_detail_types;

/* NULL when the request's memory is out: the request is answered then. */
struct call *call_create(struct gateway *gateway, struct http_request *http,
                         const struct method *method);
/* Who calls, whether it may, and whether not too often; false when it may not and was answered so.
 * Before anything is read. */
bool call_admit(struct call *call);
/* Sends it, unless the gateway drains or the caller may not; one of on_response and on_failure
 * follows. The caller lets go of call and request. */
void call_start(struct call *call, ProtobufCMessage *request);
/* From on_failure of a call that was sent and changed nothing: sends it once more, as it is bound
 * already, within the same deadline. False: it is too late for that. */
bool call_again(struct call *call, const ProtobufCMessage *request);
/* The body lives in the request's arena. `code` is for the metrics. */
void call_answer(struct call *call, enum status code, unsigned http_status,
                 const char *content_type, struct bytes body);
/* google.rpc.Code as an HTTP status, the same in Connect and in google.api.http. */
unsigned call_http_status(enum status code);
/* Adds Cache-Control of an answer: for how long anyone may keep it where the contract says so and
 * the request was no POST, else `otherwise`. */
void call_add_cache_control(struct call *call, const char *otherwise);
/* Adds what every failure says in its headers: that nobody keeps it; Retry-After when it says when
 * to try again, and always when it is UNAVAILABLE; X-Call-Id, by which the servers' logs name the
 * call, once there is one. */
void call_add_failure_headers(struct call *call, const struct failure *failure);
