/* Create product: a catalogue change. One PostgreSQL transaction for the batch decides and is the
 * truth; then the cache gets the row and Redis the units, and what Redis could not be told stays in
 * stock_deltas for the worker's sweep.
 * Always: the same request_id with the same body gives the same product; units never reach Redis
 * before the transaction is committed.
 * An rpc_handler; `state` is a struct shop_lane. Runs on a lane of PostgreSQL's pace, so that a
 * slow database does not hold up orders. */
#pragma once

#include <stddef.h>

struct rpc_call;

void create_products(void *state, struct rpc_call **calls, size_t count);
