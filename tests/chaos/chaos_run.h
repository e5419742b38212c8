/* Run: a whole system, clients, a schedule of faults, healing, and the checker. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/chaos/chaos_schedule.h"

struct chaos_options {
    uint64_t seed; /* of the schedule and of what clients ask for */
    int64_t length_ms;
    const struct chaos_schedule *schedule; /* NULL: drawn from the seed */
    int64_t settle_ms;                     /* how soon all must be at rest; 0: 180 s */
    bool is_canary;                        /* violations are wanted: a few are shown, none kept */
};

/* Prints what it did and found; the number of violations. With any, logs and histories are kept in
 * a folder that it names. Fails the test when the system does not come up at all. */
size_t chaos_run(const struct chaos_options *options);
