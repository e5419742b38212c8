/* Query movements: ListStockMovements and ExplainStock, from PostgreSQL and, for what is available,
 * Redis. rpc_handlers of the bulk lane; `state` is a struct shop_lane. */
#pragma once

#include <stddef.h>

struct rpc_call;

void list_stock_movements(void *state, struct rpc_call **calls, size_t count);
void explain_stock(void *state, struct rpc_call **calls, size_t count);
