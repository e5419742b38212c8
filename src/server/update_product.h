/* Update product: UpdateProduct and DeleteProduct, each call a transaction of its own under the
 * lock of the product's row; what Redis decides by is told behind the commit, before the answer.
 *
 * A product is deleted in two steps, because orders that Redis has accepted a moment ago are not in
 * PostgreSQL yet: first it is sold no more, then both are compared; if units are promised or on
 * their way, it is what it was again (STOCK_IN_USE). A server that dies in between leaves it
 * deleted, with orders that go on as they would have.
 *
 * Called by rpc's bulk lane; not here: what an update makes of a product (shop/product_update.h).
 */
#pragma once

#include <stddef.h>

struct rpc_call;

/* rpc_handlers; `state` is a struct shop_lane. */
void update_products(void *state, struct rpc_call **calls, size_t count);
void delete_products(void *state, struct rpc_call **calls, size_t count);
