/* Call pool: the calls of a server, their memory and their number.
 * Used by intake (takes), lane (decodes) and call.c (gives back).
 * Always: at most `inflight_max` admitted calls and RPC_INFLIGHT_BYTES_MAX of their messages; the
 * memory of a call is kept for the next one, so the usual call allocates nothing. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "rpc/access.h"
#include "rpc/call.h"
#include "rpc/envelope.h"
#include "rpc/listener.h"
#include "rpc/router.h"

/* Of the messages of admitted calls: the largest would fill the machine long before their number.
 */
#define RPC_INFLIGHT_BYTES_MAX (256UL * 1024 * 1024)

struct call_pool;

/* The inside of call.h's call: from the listener until it is answered. */
struct rpc_call {
    struct rpc_call *next; /* in the pool */
    struct call_pool *pool;
    struct listener_request *request;
    const struct route *route;
    struct envelope_request envelope; /* texts in the arena, payload in the request's message */
    ProtobufCMessage *message;        /* once decoded */
    int64_t arrived_us;               /* monotonic */
    int64_t deadline_ms;
    struct method_stats *stats; /* where its answer is counted */
    bool is_admitted;
    size_t admitted_bytes;
    struct arena arena;
    char principal[RPC_PRINCIPAL_BYTES]; /* "" until somebody asks */
    struct failure failure;              /* why rpc refuses it, if it does */
};

struct call_pool_options {
    size_t inflight_max;
    size_t idle_max; /* kept for later calls */
    const char *server_id;
    const char *error_domain;
    const struct clock *clock;
    rpc_on_access on_access; /* NULL: nobody */
    void *access_context;
    bool access_all; /* or only of failures */
};

/* NULL when memory is out. */
struct call_pool *call_pool_create(const struct call_pool_options *options);
/* NULL-safe; nulls the caller's pointer. No call may be out. */
void call_pool_destroy(struct call_pool **pool);

/* A call for this request, not yet admitted; counted as stray until call_set_route. NULL when
 * memory is out. */
struct rpc_call *call_pool_take(struct call_pool *pool, struct listener_request *request,
                                struct method_stats *stray);
void call_set_route(struct rpc_call *call, const struct route *route);
/* Counts the call as being inside; false when there are too many. */
bool call_admit(struct rpc_call *call);
/* How many are inside, and how many may be. */
uint64_t call_pool_inflight(const struct call_pool *pool, uint64_t *most_out);
/* Waits until no admitted call is left; false after timeout_ms. */
bool call_pool_wait_empty(struct call_pool *pool, int64_t timeout_ms);
/* Decodes the request for the handler; what is wrong is in call->failure. */
enum status call_decode(struct rpc_call *call);
/* A failure without a call: for when there is no memory for one. */
void call_pool_refuse(struct call_pool *pool, struct listener_request *request,
                      const struct failure *failure);
