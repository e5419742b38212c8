/* Set stock: the kind of command behind ProductService.SetStock - an adjustment by the difference,
 * if on_hand is what the caller believes. That is so when PostgreSQL says it and no adjustment that
 * it does not have yet was decided before; the script sees to it that none comes in between. Orders
 * that leave meanwhile are not adjustments: they are not undone by it. */
#pragma once

#include "server/command.h"

extern const struct command_kind set_stock_kind;
