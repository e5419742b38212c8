/* Stock teller: tells stock.low and stock.back. A thread of a worker with connections of its own,
 * so that RabbitMQ in trouble never makes the lanes wait. Each worker has one; any of them tells
 * what any has left behind.
 * Always: a notice goes from PostgreSQL only once RabbitMQ has confirmed its event. Dying in
 * between tells it again, with the same event_id. */
#pragma once

#include <stdint.h>

#include "worker/worker_config.h"

struct stock_teller;

/* NULL when memory or threads are out. */
struct stock_teller *stock_teller_start(const struct worker_config *config,
                                        struct failure *failure);
/* Waits until it has ended, which follows a stop. NULL-safe; nulls the caller's pointer. */
void stock_teller_join(struct stock_teller **teller);
/* Events confirmed since the start; any thread. */
int64_t stock_teller_told(const struct stock_teller *teller);
