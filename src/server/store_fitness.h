/* Store fitness: whether the three stores are set up as a server needs them. A store that is not is
 * a refusal: the server ends, and its log says what to do. One that is away is an outage: the
 * server runs, and the look is taken as soon as it can be. Called by order_server.c before anything
 * is served, and by the auditor from then on. */
#pragma once

#include <stdatomic.h>

#include "base/status.h"

struct lane_options;
struct shop_lane;

/* Each fit once is fit; but Redis' settings can be changed while it runs. */
struct store_fitness {
    bool may_forget; /* that Redis has no append-only file is meant so */
    bool redis, postgres, rabbitmq;
    bool refused;       /* then a stop was requested, and `why` says for what */
    struct failure why; /* of one thread at a time */
    int64_t next_ms;
    _Atomic bool redis_unsafe; /* it was fit, and was changed since: for metrics */
};

/* Looks once at each store, over connections of its own. Fails only for a refusal. */
enum status store_fitness_begin(struct lane_options *options, struct failure *failure);
/* The auditor's: looks at what was not seen yet, and at Redis now and then. */
void store_fitness_step(struct shop_lane *lane);
