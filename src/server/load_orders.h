/* Load orders: each as it is now - Redis' record, where it has a current one, else PostgreSQL's
 * row. Called by change_order.c, query_orders.c and query_order_events.c. One exchange with each
 * store for all. An order that is another customer's takes the way of one that does not exist, so
 * that no answer, whatever is away, tells them apart. */
#pragma once

#include "shop/identity.h"
#include "shop/order.h"

struct shop_lane;

enum order_presence {
    ORDER_NOT_SAID, /* a store could not be asked */
    ORDER_FOUND,
    ORDER_MISSING, /* both were asked, and neither has it */
};

struct order_lookup {
    struct uuid order_id;
    const char *customer_id; /* another's counts as not there; NULL and "" = anybody's */

    enum order_presence presence;
    struct order order; /* FOUND; lives in the lane's arena */
    uint8_t request_hash[REQUEST_HASH_BYTES];
};

/* Whether an order of `owner` is what `customer_id` of a lookup asks for. */
bool load_orders_is_asked_for(const char *customer_id, const char *owner);
/* *failure says why some are NOT_SAID. Blocks up to deadline_ms (monotonic). */
void load_orders(struct shop_lane *lane, struct order_lookup *lookups, size_t count,
                 int64_t deadline_ms, struct failure *failure);
