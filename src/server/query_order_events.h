/* Order timeline: what has happened to an order, as PostgreSQL has it.
 * An rpc_handler; `state` is a struct shop_lane. */
#pragma once

#include <stddef.h>

struct rpc_call;

void list_order_events(void *state, struct rpc_call **calls, size_t count);
