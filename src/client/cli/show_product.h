/* Show product: one product, as a record or as JSON. Called by the product commands. */
#pragma once

#include <shop/v1/product.pb-c.h>

#include "client/cli/cli.h"

/* Returns the exit code. */
int show_product(struct cli *cli, const Shop__V1__Product *product);
