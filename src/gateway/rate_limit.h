/* Rate limit: how often each caller may call. A token bucket for each key (GCRA: one moment a
 * bucket), in a table of fixed size: a bucket that is full again is as good as none and makes room.
 * Always: memory is bounded whatever is asked. When the table is full of busy callers a new one is
 * let through: that takes tens of thousands of callers at their limit at once, and refusing
 * strangers would be the easier attack. Threads: any. */
#pragma once

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"

struct rate_limit;

/* `per_second` calls in the long run, `burst` at once; both >= 1. NULL when memory is out. */
struct rate_limit *rate_limit_create(size_t per_second, size_t burst, const struct clock *clock);
/* NULL-safe; nulls the caller's pointer. */
void rate_limit_destroy(struct rate_limit **limit);
/* RESOURCE_EXHAUSTED (RATE_LIMITED) with the time until a call would pass. */
enum status rate_limit_take(struct rate_limit *limit, struct bytes key, struct failure *failure);
