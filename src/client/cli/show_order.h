/* Show order: an order as the order commands answer it. */
#pragma once

#include <shop/v1/order.pb-c.h>

#include "client/cli/cli.h"

/* As a record and a table of its lines, or as JSON; returns the exit code. */
int show_order(struct cli *cli, const Shop__V1__Order *order);
