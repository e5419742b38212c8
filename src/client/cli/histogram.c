/* Histogram: octave e (values from 2^e) is cut into 128 equal buckets. */
#include "client/cli/histogram.h"

#include <stddef.h>

#define VALUE_MOST ((UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1)

static size_t bucket_of(uint64_t value);
static uint64_t upper_edge(size_t bucket);

void histogram_record(struct histogram *histogram, int64_t value)
{
    uint64_t kept = value < 0 ? 0 : (uint64_t)value;
    if (kept > VALUE_MOST) {
        kept = VALUE_MOST;
    }
    histogram->buckets[bucket_of(kept)]++;
    histogram->count++;
    histogram->sum += kept;
    if (kept > histogram->most) {
        histogram->most = kept;
    }
}

void histogram_add(struct histogram *histogram, const struct histogram *other)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        histogram->buckets[i] += other->buckets[i];
    }
    histogram->count += other->count;
    histogram->sum += other->sum;
    if (other->most > histogram->most) {
        histogram->most = other->most;
    }
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    double exact = percent / 100 * (double)histogram->count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact) {
        rank++;
    }
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= rank && seen > 0) {
            uint64_t edge = upper_edge(i);
            return edge < histogram->most ? edge : histogram->most;
        }
    }
    return 0;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0 : (double)histogram->sum / (double)histogram->count;
}

static size_t bucket_of(uint64_t value)
{
    if (value < 2 * HISTOGRAM_HALF) {
        return (size_t)value;
    }
    unsigned octave = 63u - (unsigned)__builtin_clzll(value);
    unsigned shift = octave - (HISTOGRAM_EXACT_BITS - 1);
    return (size_t)shift * HISTOGRAM_HALF + (size_t)(value >> shift);
}

static uint64_t upper_edge(size_t bucket)
{
    if (bucket < 2 * HISTOGRAM_HALF) {
        return bucket;
    }
    size_t shift = bucket / HISTOGRAM_HALF - 1;
    uint64_t lower = (uint64_t)(bucket - shift * HISTOGRAM_HALF) << shift;
    return lower + (UINT64_C(1) << shift) - 1;
}
