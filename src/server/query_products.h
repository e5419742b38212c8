/* Product queries: GetProduct and BatchGetProducts from the cache, ListProducts from PostgreSQL.
 * rpc_handlers; `state` is a struct shop_lane. */
#pragma once

#include <stddef.h>

struct rpc_call;

/* One exchange with the cache for the batch; see find_products.h. */
void get_products(void *state, struct rpc_call **calls, size_t count);
void batch_get_products(void *state, struct rpc_call **calls, size_t count);
void list_products(void *state, struct rpc_call **calls, size_t count);
