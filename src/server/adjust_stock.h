/* Adjust stock: the kind of command behind ProductService.AdjustStock. Downwards the units leave
 * Redis with the decision, like an order's; upwards nothing is taken, and they reach Redis after
 * PostgreSQL has the change. */
#pragma once

#include "server/command.h"

extern const struct command_kind adjust_stock_kind;

/* For set_stock.c, which does the same on a condition. Up to what will be decided; those that
 * cannot go on fail. */
void adjust_stock_read(struct shop_lane *lane, struct command **commands, size_t count);
void adjust_stock_plan(struct shop_lane *lane, struct command *command);
void adjust_stock_recall(struct shop_lane *lane, struct command **commands, size_t count);
