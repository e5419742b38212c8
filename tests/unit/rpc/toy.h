/* Toy: a server in this process for the tests of rpc: shop's OrderService with handlers that answer
 * from nothing, and a gate that holds the write lane while a test looks at what waits. */
#pragma once

#include <pthread.h>
#include <shop/v1/order_service.pb-c.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "rpc/channel.h"
#include "rpc/server.h"

#define TOY_WAIT_MS 10000 /* until a test gives up on what should come at once */

struct toy_options {
    const char *endpoint; /* NULL: an ipc socket of its own */
    size_t max_inflight;  /* 0 = 64 */
    size_t queue_max;     /* 0 = 64, of each lane */
    size_t write_threads; /* 0 = 1 */
    size_t batch_bytes_max;
    struct rpc_security security;
    const char *failure; /* lanes do not open, for this reason */
    bool is_serving;     /* for its health */
};

struct toy {
    struct rpc_server *server;
    char endpoint[128];
    atomic_size_t created, got, listed; /* calls handled */
    atomic_size_t batches, largest_batch;
    atomic_size_t open_lanes;
    const char *failure;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool gate_is_shut; /* CreateOrder waits, and GetOrder of "gate" */
    size_t at_gate;    /* handlers that wait */
    char reads[64];    /* the read lane's batches: "G2L1" for two GetOrder, then a ListOrders */
};

/* CreateOrder answers with request_id as order_id and with the customer_id, but for customers named
 *   "refused"   FAILED_PRECONDITION with all that a failure can carry
 *   "code 14"   a failure with that code and no retry delay
 *   "huge"      an answer above the limit
 *   "principal" customer_id says who called, order_ref the call_id
 *   "deadline"  order_ref says how many ms are left
 *   "margin"    order_ref says how many ms before the deadline the answer should go
 *   "metadata"  order_ref says in hex what is in the metadata under the key that it was; or "none"
 * GetOrder answers with the order_id; ListOrders with one order a page_size. */
enum status toy_start(struct toy *toy, const struct toy_options *options, struct failure *failure);
void toy_stop(struct toy *toy);
void toy_shut_gate(struct toy *toy);
void toy_open_gate(struct toy *toy);
/* False after TOY_WAIT_MS. */
bool toy_wait_at_gate(struct toy *toy, size_t handlers);

/* An endpoint that nobody uses yet: "ipc" below the test's own folder, or "tcp" on loopback. */
void toy_endpoint(const char *transport, char out[128]);
/* Channels whose calls are tried once, unless the options say otherwise. */
struct rpc_channel *toy_channel(const char *endpoint);
struct rpc_channel *toy_channel_with(const char *endpoint, size_t max_outstanding,
                                     int32_t timeout_ms);
struct rpc_channel *toy_channel_open(const struct rpc_channel_options *options);
int64_t toy_now_ms(void);
/* For generated members, which are not const though nobody writes to them. */
static inline char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}
/* The toy as a process of its own, running and serving when this returns: the test program once
 * more. */
pid_t toy_spawn(const char *endpoint, bool gate_is_shut);
void toy_kill(pid_t toy);
/* First in main: does not return in a process that toy_spawn made. */
void toy_main(int argc, char **argv);
/* Polls until *value >= least; false after TOY_WAIT_MS. */
bool toy_wait_for(atomic_size_t *value, size_t least);
