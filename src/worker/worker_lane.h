/* Lane: one thread of the worker with connections of its own, which runs the story until a stop is
 * asked for. Lanes share nothing but the queue. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "worker/worker_config.h"

struct worker_lane;
struct worker_totals;

/* Starts the thread. NULL when memory or threads are out, or the Redis URL cannot be read. */
struct worker_lane *worker_lane_start(const struct worker_config *config, int64_t number,
                                      struct failure *failure);
/* What it has done; the lane's. */
struct worker_totals *worker_lane_totals(struct worker_lane *lane);
/* Waits until it has ended. False when it gave up by itself: PostgreSQL or RabbitMQ is not
 * as it must be, which the log says. */
bool worker_lane_join(struct worker_lane **lane);
