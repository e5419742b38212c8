/* Create order: the kind of command behind OrderService.CreateOrder. The path it takes is
 * accept_commands.c's; here is what an order needs on it - rules, prices, the event, the answer. */
#pragma once

#include "server/command.h"

extern const struct command_kind create_order_kind;
