/* Order file: a CreateOrderRequest as proto3 JSON in a file, as `order create --file` takes it. */
#pragma once

#include <shop/v1/order_service.pb-c.h>

#include "client/cli/cli.h"

/* `path` "-" is the program's input. CLI_OK and the request in cli->arena, or CLI_USAGE once it has
 * said what is wrong. */
int order_file_read(struct cli *cli, const char *path, Shop__V1__CreateOrderRequest **request_out);
