/* Checker: compares what clients were told with what PostgreSQL and Redis hold once the system is
 * at rest, as Jepsen's set tests do. Each thing that does not hold is a violation. */
#pragma once

#include "tests/chaos/chaos_history.h"
#include "tests/support/system.h"

struct chaos_counts {
    int64_t orders, adjustments, accepted, refused;
};

void chaos_check(struct system *system, const struct chaos_history *const *histories, size_t count,
                 struct chaos_counts *counts_out);
