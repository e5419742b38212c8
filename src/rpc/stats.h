/* Stats: what became of a method's calls since the start, counted without locks where calls are
 * answered and read by rpc.v1.Admin. Used by intake and call (count), admin (reads).
 * Always: a handful of relaxed atomic additions a call; a lock only for a failure's text, and who
 * does not get it at once leaves the text out. Thread-safe. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define STATS_CODES (STATUS_UNAUTHENTICATED + 1)
/* Four to a doubling, up to the longest deadline and its double: a percentile is 25 % off at most.
 */
#define STATS_BUCKETS 100

struct method_stats {
    /* What every call counts, together: the processors pass a line of memory on, not four. */
    atomic_uint_least64_t started, total_us, max_us, codes[STATS_CODES];
    atomic_uint_least64_t latencies[STATS_BUCKETS];
    pthread_mutex_t lock; /* the rest */
    bool has_failed;
    struct failure last_failure;
    int64_t last_failure_unix_us;
};

void method_stats_init(struct method_stats *stats);
void method_stats_fini(struct method_stats *stats);

void method_stats_start(struct method_stats *stats);
/* One that was started is answered, after duration_us; failure NULL = OK. */
void method_stats_end(struct method_stats *stats, const struct failure *failure,
                      int64_t duration_us, int64_t unix_us);

uint64_t method_stats_inflight(const struct method_stats *stats);
/* False when there was none. */
bool method_stats_last_failure(struct method_stats *stats, struct failure *failure_out,
                               int64_t *unix_us_out);
/* The bucket of a duration, and what lies just above a bucket. */
size_t stats_bucket(int64_t duration_us);
uint64_t stats_bucket_upper_us(size_t bucket);
