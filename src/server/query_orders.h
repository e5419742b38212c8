/* Order queries. GetOrder sees an order from the moment it was accepted: Redis' record first, then
 * PostgreSQL. ListOrders sees what is in PostgreSQL.
 * Always: NOT_FOUND is said only when both were asked and neither can have lost it.
 * rpc_handlers; `state` is a struct shop_lane. */
#pragma once

#include <stddef.h>

struct rpc_call;

void get_orders(void *state, struct rpc_call **calls, size_t count);
void list_orders(void *state, struct rpc_call **calls, size_t count);
