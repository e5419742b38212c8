/* Outage: a store that is away is logged when it goes and when it is back, not once a batch.
 * Each lane and thread has its own; not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "server/refusals.h"

struct outage {
    enum store store;
    bool away;
    int64_t since_ms;
    int64_t failures; /* since it went */
};

/* It failed. */
void outage_note(struct outage *outage, const struct clock *clock, const struct failure *cause);
/* It answered. */
void outage_over(struct outage *outage, const struct clock *clock);
