/* Clock: the only door to time and randomness. main() hands the real one down; tests their own.
 * Deadlines are monotonic milliseconds; wall time is only for what people read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/c_api.h"

C_API_BEGIN

struct clock {
    int64_t (*monotonic_us)(void *state);
    int64_t (*unix_us)(void *state);
    void (*random)(void *state, void *out, size_t size); /* fit for ids, from the system */
    void *state;
};

/* The machine's own. Thread-safe. */
const struct clock *clock_system(void);

static inline int64_t clock_monotonic_us(const struct clock *clock)
{
    return clock->monotonic_us(clock->state);
}
static inline int64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock->monotonic_us(clock->state) / 1000;
}
static inline int64_t clock_unix_us(const struct clock *clock)
{
    return clock->unix_us(clock->state);
}

/* How long to wait before a retry: min(base * 2^attempt, most), the upper half of it by chance. */
int64_t clock_backoff_ms(const struct clock *clock, unsigned attempt, int64_t base_ms,
                         int64_t most_ms);

C_API_END
