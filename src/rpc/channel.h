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
 * later on a thread of the transport's or the channel's, one closure at a time; one stub for each
 * call that is under way, and it must stay alive until its closure ran. A closure may start new
 * asynchronous calls, but must not block: the other closures of the channel wait behind it, and the
 * process has few of these threads. The request message may be freed as soon as the function
 * returns.
 *
 * Servers: the endpoint may be a list, comma separated, of servers that answer the same. Each has a
 * connection of its own, which gets calls once a health check was answered on it. A call goes to
 * the one of two by chance that has less to do. A server that leaves calls and then a health check
 * unanswered (250 ms and 500 ms; 5 s when no other one is there) is given up: its connection is
 * closed, what was under way there is lost or retried, and it is asked again, with growing pauses
 * (50 ms to 2 s), until it answers.
 * Retries: within its deadline a call is tried again (4 times in all), first elsewhere,
 *   - when it provably never left, whatever it is;
 *   - when a server answered UNAVAILABLE, or the connection broke, and it may be done twice: its
 *     method is NO_SIDE_EFFECTS or IDEMPOTENT in the contract, or its request has a request_id.
 * A tenth of a retry is earned by each success, max_outstanding are given at the start. call_id and
 * request_id are the same on every try, and the tries are numbered (RequestHeader.attempt). What a
 * failure says covers all tries.
 * Hedging (hedge_after_ms): a NO_SIDE_EFFECTS call without an answer after that time is sent to
 * another server, too; the first answer counts.
 *
 * Sharing (stub.may_share): asynchronous calls may go in one message with others of their method
 * that begin at the same time, when there are many: a fraction of the system's work for each. Those
 * that closures begin are sent when the closures have run, those of other threads by a thread of
 * the channel's; where few are under way each is sent at once. They are answered together, too, so
 * it is for calls that take about as long; what else is said here holds for each of them alone, but
 * that deadlines within 10 ms of each other count as the last of these. Not for hedged ones.
 *
 * Order: calls that are under way at the same time reach the server in any.
 * Threads: a channel is for all of them; a stub for one at a time, but for rpc_stub_cancel.
 * Failures: every call ends, at the latest at its deadline. UNAVAILABLE = not executed;
 * DEADLINE_EXCEEDED and UNKNOWN = may have been executed: repeat with the same request_id.
 * A request's empty field `request_id` is filled in with the call_id, a UUIDv7 (on a copy). */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/c_api.h"
#include "base/clock.h"
#include "base/status.h"
#include "rpc/limits.h"
#include "rpc/metadata.h"
#include "rpc/tls.h"

#define RPC_ENDPOINTS_MAX 8 /* a call's memory grows with each */

C_API_BEGIN

struct rpc_channel;
struct channel_exchange;

struct rpc_channel_options {
    const char *endpoint;      /* tcp://host:port, tls+tcp://host:port, ipc://path; or up to
                                  RPC_ENDPOINTS_MAX of them, comma separated */
    int32_t timeout_ms;        /* for stubs that name none; 0 = 2,000 */
    size_t max_outstanding;    /* calls under way at most; 0 = 1,024; more wait (blocking) or fail
                                  with RESOURCE_EXHAUSTED (asynchronous) */
    unsigned tries_max;        /* of a call, the first one counted; 0 = 4, 1 = no retries of what
                                  was sent */
    int32_t hedge_after_ms;    /* 0 = never */
    bool is_forwarding;        /* calls are other people's, as a gateway's: never local ones */
    struct rpc_tls tls;        /* for tls+tcp */
    const struct clock *clock; /* NULL = the system's */
};

/* Of one of a channel's servers. */
struct rpc_endpoint_state {
    const char *endpoint; /* the channel's */
    bool is_ready;        /* connected, and its health check says that it serves */
    size_t outstanding;   /* calls under way there */
    uint64_t ejections;   /* how often it was given up because it did not answer */
};

struct rpc_stub {
    ProtobufCService service; /* first: what the generated functions take */
    struct rpc_channel *channel;
    int32_t timeout_ms; /* 0 = the channel's */
    bool async;
    bool may_share;          /* its calls may share messages */
    const char *traceparent; /* W3C Trace Context, for the events and the logs of what is done; NULL
                                or none that is valid: no trace. Read while a call is started */
    const struct rpc_metadata *metadata; /* for the handler, the same on every try; copied while a
                                            call is started. Beyond the limits, or with a key
                                            "traceparent" (see above): BAD_METADATA, not sent */
    size_t metadata_count;
    char call_id[RPC_CALL_ID_BYTES]; /* of the call that was started last */

    /* The channel's, while a call is under way. */
    const ProtobufCMethodDescriptor *method;
    ProtobufCClosure closure;
    void *closure_data;
    struct channel_exchange *exchange, *running;
    struct rpc_stub *next;

    /* Of the call that just ended; code STATUS_OK when it succeeded. Behind the rest: it is large,
     * and a call that succeeds touches its first bytes only. */
    struct failure failure;
};

/* Does not wait for the servers: a call that finds none ready waits for one until its deadline and
 * ends with UNAVAILABLE. The options are not used afterwards. Fails with ENDPOINT_INVALID,
 * TLS_INVALID (a file that cannot be read), OUT_OF_MEMORY. */
enum status rpc_channel_open(const struct rpc_channel_options *options,
                             struct rpc_channel **channel_out, struct failure *failure);
/* Cancels what is under way (closures run with NULL, CANCELLED), then frees: no thread may still be
 * about to begin a call. NULL-safe; nulls the caller's pointer. Not from a closure. */
void rpc_channel_close(struct rpc_channel **channel);
/* Waits until no call is under way; false after timeout_ms. Not from a closure. */
bool rpc_channel_wait_idle(struct rpc_channel *channel, int64_t timeout_ms);
/* How the servers do, in the order of the endpoints; returns how many there are. */
size_t rpc_channel_endpoints(struct rpc_channel *channel,
                             struct rpc_endpoint_state states_out[RPC_ENDPOINTS_MAX]);

void rpc_stub_init(struct rpc_stub *stub, struct rpc_channel *channel,
                   const ProtobufCServiceDescriptor *service);

/* Calls a method by descriptor, for programs that choose it at run time (orderctl, the gateway);
 * the generated functions come down to this. */
void rpc_stub_invoke(struct rpc_stub *stub, unsigned method_index, const ProtobufCMessage *request,
                     ProtobufCClosure closure, void *closure_data);
/* Ends the stub's call soon: its closure runs with NULL, CANCELLED - or as it ended just before.
 * The server is not told: it may do it all the same. A blocking call's try that was sent is waited
 * for; only its next one is not begun. From any thread while the stub lives; nothing happens when
 * no call is under way. Not from a closure of the same channel that runs for this stub. */
void rpc_stub_cancel(struct rpc_stub *stub);

C_API_END
