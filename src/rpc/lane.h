/* Lane: threads that share one bounded queue of calls, each thread with a state of its own
 * (rpc/server.h). Used by server.c (life) and intake.c (puts). */
#pragma once

#include <stdbool.h>

#include "base/clock.h"
#include "base/status.h"
#include "rpc/server.h"

struct lane;

/* Waits until every thread is open; when one is not, ends the others and fails with its failure. */
enum status lane_start(const struct rpc_lane_kind *kind, const struct clock *clock,
                       struct lane **lane_out, struct failure *failure);
/* False when full or closed; the call stays the caller's. Does not block. Any thread. */
bool lane_put(struct lane *lane, struct rpc_call *call);
const struct rpc_lane_kind *lane_kind(const struct lane *lane);
/* Calls that wait. */
size_t lane_depth(const struct lane *lane);
/* Refuses what waits (UNAVAILABLE, DRAINING), lets what runs come to its end, ends the threads.
 * Puts fail from then on. */
void lane_close(struct lane *lane);
/* Of a closed lane, when nobody puts any more. NULL-safe; nulls the caller's pointer. */
void lane_destroy(struct lane **lane);
