/* Persist waiter: holds the answers of callers that want their order in PostgreSQL (wait_for), so
 * that no lane waits for it. One thread for all of them: it asks Redis, in one exchange for
 * everybody, which orders a worker has settled, answers those, and answers the others when their
 * time is up, with the durability that was reached. With nobody waiting it sleeps.
 * Called by command_calls.c (take) and order_server.c (life). */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/uuid.h"
#include "shop/order.h"

struct lane_options;
struct persist_waiter;
struct rpc_call;

/* More than these are answered at once, with what was reached. */
#define PERSIST_WAITS_MAX 4096

/* The options must outlive it. Its connection is made by its first use. */
enum status persist_waiter_start(const struct lane_options *options,
                                 struct persist_waiter **waiter_out, struct failure *failure);
/* Takes the call over: it will be answered with this order (a shop.v1.Order, copied) and what it
 * has `reached` by then, by another thread. False, and
 * the call stays the caller's: no waiter (NULL), too many wait, it is stopping, or no memory. Any
 * thread. */
bool persist_waiter_take(struct persist_waiter *waiter, struct rpc_call *call,
                         const struct uuid *order_id, const ProtobufCMessage *order,
                         enum durability reached);
/* Answers everybody with what was reached, ends the thread, and takes nobody any more. */
void persist_waiter_stop(struct persist_waiter *waiter);
/* When no lane may call it any more. NULL-safe; nulls the caller's pointer. */
void persist_waiter_destroy(struct persist_waiter **waiter);
