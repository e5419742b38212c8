/* RPC server: services, lanes and listeners put together; knows no order.
 *
 *   listener (nng's threads) -> admit -> lane's queue -> lane thread: take all that wait, drop the
 *   expired, decode into each call's arena, run the handler on the batch -> reply -> listener
 *
 * Always: a call is refused at once when its lane's queue is full (RESOURCE_EXHAUSTED, OVERLOADED)
 * or when the server drains (UNAVAILABLE, DRAINING); an expired call is never handled; nothing that
 * a peer sends stops the server.
 * Called by: main of a program. Threads: all of this header from one thread, unless
 * said otherwise. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/queue.h"
#include "base/status.h"
#include "rpc/access.h"
#include "rpc/call.h"
#include "rpc/limits.h"
#include "rpc/security.h"

/* In place of a lane's index: on the listener's own thread, one call at a time with `lane` NULL.
 * For what answers at once from memory; it must never block. */
#define RPC_LANE_NONE SIZE_MAX

#define RPC_LANE_IDLE_MS 2000 /* heartbeats are seconds apart */

/* Handles `count` >= 1 calls that share a handler; answers each exactly once before it returns.
 * `lane` is what the lane's open() made. Runs on the lane's own thread and may block, but each call
 * has a deadline. */
typedef void (*rpc_handler)(void *lane, struct rpc_call **calls, size_t count);

/* A kind of lane: `threads` threads that share one queue, each with a state of its own. */
struct rpc_lane_kind {
    const char *name; /* "write", "read": in logs and metrics */
    size_t threads;
    size_t queue_max; /* calls waiting at most; more are refused */
    size_t batch_max; /* calls a handler is given at most */
    /* Bytes of requests it is given at most, unless a single call has more; 0 = no bound. What a
     * call costs grows with its bytes, and the others that were taken with it wait for it. */
    size_t batch_bytes_max;
    struct queue_pace pace; /* which calls wait for others; zero: none does */
    /* On the lane's thread: its connections. NULL ends the start with *failure. Both may be left
     * out by lanes that need no state. */
    void *(*open)(void *context, struct failure *failure);
    void (*close)(void *lane);
    /* On the lane's thread, when no call came for RPC_LANE_IDLE_MS, and again after each: what its
     * connections need to stay alive. May be left out. */
    void (*idle)(void *lane);
    void *context;
};

struct rpc_method {
    const char *name; /* as in the descriptor: "CreateOrder" */
    size_t lane;      /* index into the lane kinds, or RPC_LANE_NONE */
    rpc_handler handler;
    const void *tag; /* handed to the handler by rpc_call_tag */
};

struct rpc_service {
    const ProtobufCServiceDescriptor *descriptor;
    const struct rpc_method *methods; /* every method of the descriptor, in any order */
    size_t method_count;
};

struct rpc_server_options {
    const char *const *endpoints; /* "tcp://127.0.0.1:7400", "ipc:///run/order.sock" */
    size_t endpoint_count;
    const char *server_id;    /* in every response; at most 64 bytes */
    const char *error_domain; /* ErrorInfo.domain of every failure, such as "shop.orders"; at most
                                 64 bytes; NULL = "rpc" */
    bool allow_plain_tcp;     /* tcp:// beyond the loopback: a network that is private by itself */
    size_t max_inflight;      /* calls inside the server at most; more are refused */
    const struct rpc_lane_kind *lanes;
    size_t lane_count;
    /* grpc.health.v1, rpc.v1.Reflection and rpc.v1.Admin are added by the server itself. */
    const struct rpc_service *services;
    size_t service_count;
    const char *program, *version; /* what Admin tells; NULL = "" */
    struct bytes contracts;        /* what Reflection hands out: an encoded FileDescriptorSet */
    const struct clock *clock;
    struct rpc_security security;
    rpc_on_access on_access; /* told of failures, and of all calls with access_all; NULL = nobody */
    void *access_context;
    bool access_all;
};

struct rpc_server;

/* Whether the nng that is installed will do; before a start. FAILED_PRECONDITION: it will not, and
 * what to do. */
enum status rpc_server_check_library(struct failure *failure);
/* Opens lanes (waits until each is open), then endpoints. On failure nothing is left running.
 * Blocks. The options are copied; texts, descriptors, contexts and tags in them must outlive the
 * server. */
enum status rpc_server_start(const struct rpc_server_options *options,
                             struct rpc_server **server_out, struct failure *failure);
/* What health answers: SERVING or NOT_SERVING. Any thread. Starts as NOT_SERVING. */
void rpc_server_set_serving(struct rpc_server *server, bool serving);
/* Calls that wait for a lane now. Any thread. */
size_t rpc_server_waiting(const struct rpc_server *server);
/* What became of a method's calls so far. */
#define RPC_CODES (STATUS_UNAUTHENTICATED + 1)
/* Latencies are counted below bounds that double: 128 us, 256 us, ... 33.6 s, and above them. */
#define RPC_LATENCY_BOUNDS   19
#define RPC_LATENCY_LEAST_US 128
struct rpc_method_counts {
    uint64_t started, codes[RPC_CODES], total_us, latencies[RPC_LATENCY_BOUNDS + 1];
};
/* Calls `each` with every method, and with path "" for requests that named none. Any thread. */
void rpc_server_each_method(struct rpc_server *server,
                            void (*each)(void *context, const char *path,
                                         const struct rpc_method_counts *counts),
                            void *context);
/* New calls are refused from now on; waits until those inside are answered, at most timeout_ms. */
void rpc_server_drain(struct rpc_server *server, int64_t timeout_ms);
/* Ends threads and frees all. NULL-safe; nulls the caller's pointer. */
void rpc_server_stop(struct rpc_server **server);
