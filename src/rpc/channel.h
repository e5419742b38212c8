/* Channel: the caller's way to a server, for the stubs that protoc-c generates.
 *
 *     struct rpc_channel *channel;
 *     struct rpc_channel_options options = {.endpoint = "ipc:///run/order.sock"};
 *     if (rpc_channel_open(&options, &channel, &failure) != STATUS_OK) ...
 *
 *     struct rpc_stub stub;
 *     rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
 *     shop__v1__order_service__create_order(&stub.service, &request, on_order, &state);
 *
 * The generated function calls the closure once: with the response, or with NULL when
 * stub.failure says why. The response is the channel's and valid inside the closure only.
 *
 * Blocking (the default): the closure runs on the caller's thread before the generated function
 * returns. Asynchronous (stub.async = true): the function returns at once and the closure runs
 * later on one of the transport's threads, one closure at a time; one stub for each call that is
 * under way, and it must stay alive until its closure ran. A closure may start new asynchronous
 * calls, but must not block: the other closures of the channel wait behind it, and the process has
 * few of these threads. The request message may be freed as soon as the function returns.
 *
 * Order: calls that are under way at the same time reach the server in any.
 * Threads: a channel is for all of them; a stub for one at a time.
 * Failures: every call ends, at the latest at its deadline. UNAVAILABLE = not executed;
 * DEADLINE_EXCEEDED and UNKNOWN = may have been executed: repeat with the same request_id.
 * A request's empty field `request_id` is filled in with the call_id, a UUIDv7 (on a copy). */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"
#include "rpc/limits.h"

struct rpc_channel;

struct rpc_channel_options {
    const char *endpoint;      /* tcp://host:port, ipc://path */
    int32_t timeout_ms;        /* for stubs that name none; 0 = 2,000 */
    size_t max_outstanding;    /* calls under way at most; 0 = 1,024; more wait (blocking) or fail
                                  with RESOURCE_EXHAUSTED (asynchronous) */
    const struct clock *clock; /* NULL = the system's */
};

struct rpc_stub {
    ProtobufCService service; /* first: what the generated functions take */
    struct rpc_channel *channel;
    int32_t timeout_ms; /* 0 = the channel's */
    bool async;
    struct failure failure; /* of the call that just ended; code STATUS_OK when it succeeded */
    char call_id[RPC_CALL_ID_BYTES]; /* of the call that was started last */

    /* The channel's, while a call is under way. */
    const ProtobufCMethodDescriptor *method;
    ProtobufCClosure closure;
    void *closure_data;
    struct channel_exchange *exchange;
    struct rpc_stub *next;
};

/* Does not wait for the server: a call to an endpoint where nobody listens waits for one until its
 * deadline and ends with UNAVAILABLE. Fails on a malformed endpoint. */
enum status rpc_channel_open(const struct rpc_channel_options *options,
                             struct rpc_channel **channel_out, struct failure *failure);
/* Cancels what is under way (closures run with NULL, CANCELLED), then frees: no thread may still be
 * about to begin a call. NULL-safe; nulls the caller's pointer. Not from a closure. */
void rpc_channel_close(struct rpc_channel **channel);
/* Waits until no call is under way; false after timeout_ms. Not from a closure. */
bool rpc_channel_wait_idle(struct rpc_channel *channel, int64_t timeout_ms);

void rpc_stub_init(struct rpc_stub *stub, struct rpc_channel *channel,
                   const ProtobufCServiceDescriptor *service);

/* Calls a method by descriptor, for programs that choose it at run time (orderctl, the gateway);
 * the generated functions come down to this. */
void rpc_stub_invoke(struct rpc_stub *stub, unsigned method_index, const ProtobufCMessage *request,
                     ProtobufCClosure closure, void *closure_data);
