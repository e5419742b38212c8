/* See stats.h. */
#include "rpc/stats.h"

static void count(atomic_uint_least64_t *counter, uint64_t more)
{
    (void)atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

void method_stats_init(struct method_stats *stats)
{
    *stats = (struct method_stats){0};
    (void)pthread_mutex_init(&stats->lock, NULL);
}

void method_stats_fini(struct method_stats *stats)
{
    (void)pthread_mutex_destroy(&stats->lock);
}

void method_stats_start(struct method_stats *stats)
{
    count(&stats->started, 1);
}

static void note_longest(struct method_stats *stats, uint64_t duration_us)
{
    uint64_t longest = atomic_load_explicit(&stats->max_us, memory_order_relaxed);
    while (duration_us > longest &&
           !atomic_compare_exchange_weak_explicit(&stats->max_us, &longest, duration_us,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

void method_stats_end(struct method_stats *stats, const struct failure *failure,
                      int64_t duration_us, int64_t unix_us)
{
    size_t code = failure != NULL ? (size_t)failure->code : STATUS_OK;
    uint64_t took_us = duration_us > 0 ? (uint64_t)duration_us : 0;
    count(&stats->codes[code < STATS_CODES ? code : STATUS_UNKNOWN], 1);
    count(&stats->total_us, took_us);
    count(&stats->latencies[stats_bucket(duration_us)], 1);
    note_longest(stats, took_us);
    if (failure != NULL && pthread_mutex_trylock(&stats->lock) == 0) {
        stats->has_failed = true;
        stats->last_failure = *failure;
        stats->last_failure_unix_us = unix_us;
        (void)pthread_mutex_unlock(&stats->lock);
    }
}

uint64_t method_stats_inflight(const struct method_stats *stats)
{
    uint64_t ended = 0;
    for (size_t i = 0; i < STATS_CODES; i++) {
        ended += atomic_load_explicit(&stats->codes[i], memory_order_relaxed);
    }
    uint64_t started = atomic_load_explicit(&stats->started, memory_order_relaxed);
    return started > ended ? started - ended : 0; /* read apart, so they need not agree */
}

bool method_stats_last_failure(struct method_stats *stats, struct failure *failure_out,
                               int64_t *unix_us_out)
{
    (void)pthread_mutex_lock(&stats->lock);
    bool has_failed = stats->has_failed;
    if (has_failed) {
        *failure_out = stats->last_failure;
        *unix_us_out = stats->last_failure_unix_us;
    }
    (void)pthread_mutex_unlock(&stats->lock);
    return has_failed;
}

size_t stats_bucket(int64_t duration_us)
{
    if (duration_us < 4) {
        return duration_us < 0 ? 0 : (size_t)duration_us;
    }
    unsigned octave = 63U - (unsigned)__builtin_clzll((unsigned long long)duration_us);
    size_t bucket = (size_t)(octave - 1) * 4 + (((uint64_t)duration_us >> (octave - 2)) & 3);
    return bucket < STATS_BUCKETS ? bucket : STATS_BUCKETS - 1;
}

uint64_t stats_bucket_upper_us(size_t bucket)
{
    return bucket < 4 ? bucket + 1 : (uint64_t)(4 + bucket % 4 + 1) << (bucket / 4 - 1);
}
