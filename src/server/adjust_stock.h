/* Adjust stock: the kind of command behind ProductService.AdjustStock. Downwards the units leave
 * Redis with the decision, like an order's; upwards nothing is taken, and they reach Redis after
 * PostgreSQL has the change. */
#pragma once

#include "server/command.h"

extern const struct command_kind adjust_stock_kind;
