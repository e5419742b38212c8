/* Change order: the kind of command behind ConfirmOrder, CancelOrder and FulfillOrder, and the one
 * that expires holds. The order is loaded as it is, shop/lifecycle.h says what the verb makes of
 * it, and Redis' script lets it through if the order is still in the version that was loaded and
 * its hold is as it must be; else the verb is applied to what the order has become.
 * The event's id follows from the request_id, so that a request which Redis has forgotten is found
 * among the order's events. */
#pragma once

#include "server/command.h"
#include "server/load_orders.h"

extern const struct command_kind change_order_kind;

/* struct command.body of it. A command without a call comes with its request filled in. */
struct order_changing {
    const struct verb_request *request;
    struct order_lookup found;
    struct order after; /* what is answered */
};
