/* Metrics: what the gateway counts, as Prometheus reads it. Lock-free; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "http/ops_page.h"

struct metrics;

/* A row of counters for each of method.h. NULL when memory is out. */
struct metrics *metrics_create(size_t rows);
/* NULL-safe; nulls the caller's pointer. */
void metrics_destroy(struct metrics **metrics);

/* A call of methods[method] has ended. */
void metrics_count(struct metrics *metrics, size_t method, enum status code, int64_t took_us);
/* A request that led to no method. */
void metrics_count_unrouted(struct metrics *metrics);

void metrics_print(struct metrics *metrics, struct ops_page *page);
