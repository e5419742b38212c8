/* A clock that stands still until it is told to move, and chance that counts. */
#pragma once

#include "base/clock.h"

struct fake_clock {
    struct clock clock;
    int64_t monotonic_us, unix_us;
    uint64_t chance;
};

/* monotonic 1,000,000 ms; unix 2026-06-01. */
void fake_clock_init(struct fake_clock *clock);
void fake_clock_pass_ms(struct fake_clock *clock, int64_t ms);
