/* Stock queries: what can be sold now by Redis, what there is by PostgreSQL.
 * A product that Redis does not know (it is being loaded) has nothing that can be sold.
 * rpc_handlers; `state` is a struct shop_lane. */
#pragma once

#include <stddef.h>

struct rpc_call;

void get_stock(void *state, struct rpc_call **calls, size_t count);
void list_stock(void *state, struct rpc_call **calls, size_t count);
