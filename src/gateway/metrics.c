/* See metrics.h. */
#include "gateway/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/method.h"

#define CODES          17 /* google.rpc.Code */
#define BUCKETS        12
#define LINE_BYTES_MAX 200 /* a name, labels and a number */

/* Upper bounds in us: from a cache's answer to the longest deadline. */
static const int64_t BOUNDS[BUCKETS] = {500,   1000,   2500,   5000,    10000,   25000,
                                        50000, 100000, 250000, 1000000, 5000000, 30000000};

struct row {
    atomic_uint_fast64_t codes[CODES];
    atomic_uint_fast64_t buckets[BUCKETS]; /* not cumulative: that is made when printed */
    atomic_uint_fast64_t count, sum_us;
};

struct metrics {
    size_t row_count;
    atomic_uint_fast64_t unrouted;
    struct row rows[];
};

struct page {
    char *data;
    size_t size, room;
};

static void print_codes(const struct metrics *metrics, struct page *page);
static void print_durations(const struct metrics *metrics, struct page *page);
static void append(struct page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

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
    if (bucket < BUCKETS) {
        (void)atomic_fetch_add_explicit(&row->buckets[bucket], 1, memory_order_relaxed);
    }
    size_t index = (size_t)code < CODES ? (size_t)code : STATUS_UNKNOWN;
    (void)atomic_fetch_add_explicit(&row->codes[index], 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&row->count, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&row->sum_us, (uint64_t)took_us, memory_order_relaxed);
}

void metrics_count_unrouted(struct metrics *metrics)
{
    (void)atomic_fetch_add_explicit(&metrics->unrouted, 1, memory_order_relaxed);
}

struct bytes metrics_print(struct metrics *metrics, size_t busy, struct arena *arena)
{
    struct page page = {.room = (metrics->row_count * (CODES + BUCKETS + 3) + 16) * LINE_BYTES_MAX};
    page.data = arena_alloc(arena, page.room);
    if (page.data == NULL) {
        return (struct bytes){0};
    }
    append(&page, "# HELP order_gateway_requests_total Calls that ended, by method and code.\n"
                  "# TYPE order_gateway_requests_total counter\n");
    print_codes(metrics, &page);
    append(&page,
           "# HELP order_gateway_unrouted_total Requests that led to no method.\n"
           "# TYPE order_gateway_unrouted_total counter\n"
           "order_gateway_unrouted_total %" PRIuFAST64 "\n",
           atomic_load(&metrics->unrouted));
    append(&page,
           "# HELP order_gateway_requests_busy Requests under way.\n"
           "# TYPE order_gateway_requests_busy gauge\n"
           "order_gateway_requests_busy %zu\n",
           busy);
    append(&page, "# HELP order_gateway_request_seconds From the headers to the answer.\n"
                  "# TYPE order_gateway_request_seconds histogram\n");
    print_durations(metrics, &page);
    return bytes_of(page.data, page.size);
}

static void print_codes(const struct metrics *metrics, struct page *page)
{
    for (size_t i = 0; i < metrics->row_count; i++) {
        for (size_t code = 0; code < CODES; code++) {
            uint64_t count = atomic_load(&metrics->rows[i].codes[code]);
            if (count > 0) {
                append(page,
                       "order_gateway_requests_total{method=\"%s\",code=\"%s\"} %" PRIu64 "\n",
                       methods[i].path, status_name((enum status)code), count);
            }
        }
    }
}

static void print_durations(const struct metrics *metrics, struct page *page)
{
    for (size_t i = 0; i < metrics->row_count; i++) {
        const struct row *row = &metrics->rows[i];
        uint64_t below = 0, count = atomic_load(&row->count);
        for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
            below += atomic_load(&row->buckets[bucket]);
            append(page,
                   "order_gateway_request_seconds_bucket{method=\"%s\",le=\"%g\"} %" PRIu64 "\n",
                   methods[i].path, (double)BOUNDS[bucket] / 1e6, below);
        }
        append(page,
               "order_gateway_request_seconds_bucket{method=\"%s\",le=\"+Inf\"} %" PRIu64 "\n",
               methods[i].path, count < below ? below : count);
        append(page, "order_gateway_request_seconds_sum{method=\"%s\"} %.6f\n", methods[i].path,
               (double)atomic_load(&row->sum_us) / 1e6);
        append(page, "order_gateway_request_seconds_count{method=\"%s\"} %" PRIu64 "\n",
               methods[i].path, count < below ? below : count);
    }
}

static void append(struct page *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(page->data + page->size, page->room - page->size, format, arguments);
    va_end(arguments);
    if (size > 0 && (size_t)size < page->room - page->size) {
        page->size += (size_t)size;
    }
}
