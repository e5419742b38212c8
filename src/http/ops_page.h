/* Ops page: a page of metrics in Prometheus' text format, version 0.0.4, as it is put together. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define OPS_PAGE_BYTES_MAX (512 * 1024)

struct ops_page {
    char *data;
    size_t size, room;
};

/* False when the arena is full. */
bool ops_page_init(struct ops_page *page, struct arena *arena);
/* A family's head; its values follow. type: "counter", "gauge", "histogram". */
void ops_page_family(struct ops_page *page, const char *name, const char *type, const char *help);
/* A value of a family; labels as they are written, method="/x", or "". What does not fit is left
 * out. */
void ops_page_int(struct ops_page *page, const char *name, const char *labels, int64_t value);
void ops_page_seconds(struct ops_page *page, const char *name, const char *labels, int64_t us);
/* Durations by how long they took. */
struct ops_histogram {
    const int64_t *bounds_us; /* upper bounds, ascending */
    const uint64_t *counts; /* of each bound, above the one before; and one more: above them all */
    size_t bound_count;
    uint64_t sum_us;
};
/* A histogram of a family: cumulative buckets, sum and count. */
void ops_page_histogram(struct ops_page *page, const char *name, const char *labels,
                        const struct ops_histogram *histogram);
/* A family of one value without labels. */
void ops_page_gauge(struct ops_page *page, const char *name, const char *help, int64_t value);
