/* Order gateway: the program, put together and taken apart. Called by main and by tests. */
#pragma once

#include "gateway/gateway_config.h"

struct order_gateway;

/* On failure nothing is left running. The config must outlive it. */
enum status order_gateway_start(const struct gateway_config *config,
                                struct order_gateway **gateway_out, struct failure *failure);
/* Where it listens (for ":0"). */
uint16_t order_gateway_port(const struct order_gateway *gateway);
uint16_t order_gateway_operations_port(const struct order_gateway *gateway);
/* Takes no more connections, waits for what is under way, frees. NULL-safe; nulls the caller's
 * pointer.
 */
void order_gateway_stop(struct order_gateway **gateway);
