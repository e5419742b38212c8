/* Batch create orders: OrderService.BatchCreateOrders. Each of its orders is a command of
 * create_order.h in the batch at hand, beside those of other calls; here is what makes one call of
 * them: how many there may be, that none stands in it twice, and the list of results. */
#pragma once

#include "server/command.h"

/* For the method's tag: nothing but a command_list. */
extern const struct command_kind batch_create_orders_kind;
