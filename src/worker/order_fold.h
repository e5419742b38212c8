/* Order fold: one change that was decided, applied to the order as PostgreSQL has it. Pure.
 * Called by event_plan.c, version after version.
 * Always: what is applied is what shop/lifecycle makes of that order - the same units, the same
 * state; anything else is refused and leaves the order as it was. */
#pragma once

#include "shop/event_codec.h"

enum fold_outcome {
    FOLD_APPLIED,
    FOLD_WAITS,   /* the version before it is not there */
    FOLD_REFUSED, /* it contradicts the order */
    FOLD_FULL,    /* the arena is: nothing is said about the event */
};

/* Whether the event is the order's next; FOLD_REFUSED when it is that, but of another state or
 * other units. *after_out shares texts with both. */
enum fold_outcome order_fold(const struct order *order, const struct event *event,
                             struct arena *arena, struct order *after_out);
/* The order's expired hold is taken again. */
bool order_fold_reacquires(const struct order_change *change);
