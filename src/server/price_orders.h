/* Price orders: lines get the catalogue's price of the moment, or the one the request names where
 * that is allowed; and the order its currency and total. The middle step of create_order.c: one
 * look at the catalogue for all products of all orders of the batch. */
#pragma once

#include "server/command.h"

/* struct command.body of a create_order_kind. */
struct create_order {
    const struct order_request *request;
    int64_t now_us;
    struct product_quantity *units; /* by product, sorted */
    size_t unit_count;
    struct order order; /* as it will be, or as PostgreSQL has it */
};

/* Of those that are still OPEN. They fail with PRODUCT_NOT_FOUND, CURRENCY_MISMATCH,
 * TOTAL_OUT_OF_RANGE, or STORE_UNAVAILABLE when a product is neither cached nor can be asked for.
 */
void price_orders(struct shop_lane *lane, struct command **commands, size_t count);
