/* Histogram: durations in microseconds, log-linear: every value within 1 % of what was recorded,
 * from 0 to 19 hours, in fixed memory. Recording is a few instructions. Not thread-safe: each
 * thread has its own, and they are added up in the end. */
#pragma once

#include <stdint.h>

#define HISTOGRAM_EXACT_BITS 8  /* below 2^8 us each value has a bucket of its own */
#define HISTOGRAM_VALUE_BITS 36 /* above 2^36 us all count as 2^36 - 1 */
#define HISTOGRAM_HALF       (1 << (HISTOGRAM_EXACT_BITS - 1)) /* buckets of each further octave */
#define HISTOGRAM_BUCKETS    (HISTOGRAM_HALF * (HISTOGRAM_VALUE_BITS - HISTOGRAM_EXACT_BITS + 2))

struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t most;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* A zeroed one is empty. Negative values count as 0. */
void histogram_record(struct histogram *histogram, int64_t value);
void histogram_add(struct histogram *histogram, const struct histogram *other);
/* The smallest value (its bucket's upper edge, never above the most) that `percent` of all are not
 * above; 0 when empty. 0 < percent <= 100. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);
/* 0 when empty. */
double histogram_mean(const struct histogram *histogram);
