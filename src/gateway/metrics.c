/* See metrics.h. */
#include "gateway/metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/method.h"

#define CODES        17 /* google.rpc.Code */
#define BUCKETS      12
#define LABELS_BYTES 160

/* Upper bounds in us: from a cache's answer to the longest deadline. */
static const int64_t BOUNDS[BUCKETS] = {500,   1000,   2500,   5000,    10000,   25000,
                                        50000, 100000, 250000, 1000000, 5000000, 30000000};

struct row {
    atomic_uint_fast64_t codes[CODES];
    atomic_uint_fast64_t buckets[BUCKETS + 1]; /* the last: longer than all bounds */
    atomic_uint_fast64_t sum_us;
};

struct metrics {
    size_t row_count;
    atomic_uint_fast64_t unrouted;
    struct row rows[];
};

static void print_codes(const struct metrics *metrics, struct ops_page *page);
static void print_durations(const struct metrics *metrics, struct ops_page *page);

struct metrics *metrics_create(size_t rows)
{
    struct metrics *metrics = calloc(1, sizeof *metrics + rows * sizeof(struct row));
    if (metrics != NULL) {
        metrics->row_count = rows;
    }
    return metrics;
}

void metrics_destroy(struct metrics **metrics)
{
    free(*metrics);
    *metrics = NULL;
}

void metrics_count(struct metrics *metrics, size_t method, enum status code, int64_t took_us)
{
    struct row *row = &metrics->rows[method];
    size_t bucket = 0;
    while (bucket < BUCKETS && took_us > BOUNDS[bucket]) {
        bucket++;
    }
    (void)atomic_fetch_add_explicit(&row->buckets[bucket], 1, memory_order_relaxed);
    size_t index = (size_t)code < CODES ? (size_t)code : STATUS_UNKNOWN;
    (void)atomic_fetch_add_explicit(&row->codes[index], 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&row->sum_us, (uint64_t)took_us, memory_order_relaxed);
}

void metrics_count_unrouted(struct metrics *metrics)
{
    (void)atomic_fetch_add_explicit(&metrics->unrouted, 1, memory_order_relaxed);
}

void metrics_print(struct metrics *metrics, struct ops_page *page)
{
    ops_page_family(page, "order_gateway_requests_total", "counter",
                    "Calls that ended, by method and code.");
    print_codes(metrics, page);
    ops_page_family(page, "order_gateway_unrouted_total", "counter",
                    "Requests that led to no method.");
    ops_page_int(page, "order_gateway_unrouted_total", "",
                 (int64_t)atomic_load(&metrics->unrouted));
    ops_page_family(page, "order_gateway_request_seconds", "histogram",
                    "From the headers to the answer.");
    print_durations(metrics, page);
}

static void print_codes(const struct metrics *metrics, struct ops_page *page)
{
    for (size_t i = 0; i < metrics->row_count; i++) {
        for (size_t code = 0; code < CODES; code++) {
            uint64_t count = atomic_load(&metrics->rows[i].codes[code]);
            char labels[LABELS_BYTES];
            (void)snprintf(labels, sizeof labels, "method=\"%s\",code=\"%s\"", methods[i].path,
                           status_name((enum status)code));
            if (count > 0) {
                ops_page_int(page, "order_gateway_requests_total", labels, (int64_t)count);
            }
        }
    }
}

static void print_durations(const struct metrics *metrics, struct ops_page *page)
{
    for (size_t i = 0; i < metrics->row_count; i++) {
        const struct row *row = &metrics->rows[i];
        uint64_t counts[BUCKETS + 1];
        char labels[LABELS_BYTES];
        (void)snprintf(labels, sizeof labels, "method=\"%s\"", methods[i].path);
        for (size_t bucket = 0; bucket <= BUCKETS; bucket++) {
            counts[bucket] = atomic_load(&row->buckets[bucket]);
        }
        const struct ops_histogram histogram = {.bounds_us = BOUNDS,
                                                .counts = counts,
                                                .bound_count = BUCKETS,
                                                .sum_us = atomic_load(&row->sum_us)};
        ops_page_histogram(page, "order_gateway_request_seconds", labels, &histogram);
    }
}
