/* Order feed: what has happened to all orders, in the order PostgreSQL got it.
 * An rpc_handler; `state` is a struct shop_lane. Always: whoever asks again with the cursor of the
 * answer misses no event and gets none twice. */
#pragma once

#include <stddef.h>

struct rpc_call;

void follow_order_events(void *state, struct rpc_call **calls, size_t count);
