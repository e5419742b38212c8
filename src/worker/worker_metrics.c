/* See worker_metrics.h. */
#include "worker/worker_metrics.h"

#include <stdio.h>

#include "worker/worker_report.h"

#define LABELS_BYTES 64

static void print_batch_times(struct worker_metrics *metrics, struct ops_page *page);
static int64_t sum(struct worker_metrics *metrics, size_t offset);
static void print_sum(struct worker_metrics *metrics, struct ops_page *page, const char *name,
                      const char *help, size_t offset);

void worker_metrics_ready(void *state, struct http_request *http)
{
    static const char *const WHY[TROUBLE_COUNT] = {"RabbitMQ cannot be consumed from\n",
                                                   "PostgreSQL cannot be written to\n",
                                                   "Redis is not told what was stored\n"};
    struct worker_metrics *metrics = state;
    for (size_t i = 0; i < metrics->count; i++) {
        struct worker_totals *totals = worker_lane_totals(metrics->lanes[i]);
        for (size_t trouble = 0; trouble < TROUBLE_COUNT; trouble++) {
            if (trouble != TROUBLE_BOOK && atomic_load(&totals->troubles[trouble])) {
                ops_port_answer_ready(http, WHY[trouble]);
                return;
            }
        }
    }
    ops_port_answer_ready(http, NULL);
}

void worker_metrics_print(void *state, struct ops_page *page)
{
    static const char *const NAMES[EVENT_OUTCOME_COUNT] = {
        "stored", "duplicate", "double", "stale", "lapsed", "late", "rejected", "waiting"};
    struct worker_metrics *metrics = state;
    ops_page_family(page, "order_worker_events_total", "counter",
                    "Events, by what became of them.");
    for (size_t i = 0; i < EVENT_OUTCOME_COUNT; i++) {
        char labels[LABELS_BYTES];
        (void)snprintf(labels, sizeof labels, "outcome=\"%s\"", NAMES[i]);
        ops_page_int(page, "order_worker_events_total", labels,
                     sum(metrics, offsetof(struct worker_totals, outcomes[0]) +
                                      i * sizeof(_Atomic int64_t)));
    }
    print_sum(metrics, page, "order_worker_batches_total", "Transactions.",
              offsetof(struct worker_totals, batches));
    print_batch_times(metrics, page);
    print_sum(metrics, page, "order_worker_messages_total", "Messages acknowledged.",
              offsetof(struct worker_totals, messages));
    print_sum(metrics, page, "order_worker_dead_letters_total", "Events that could not be stored.",
              offsetof(struct worker_totals, dead));
    print_sum(metrics, page, "order_worker_folded_total", "Events that had waited, applied.",
              offsetof(struct worker_totals, folded));
    ops_page_family(page, "order_worker_stock_notices_total", "counter",
                    "stock.low and stock.back that RabbitMQ has confirmed.");
    ops_page_int(page, "order_worker_stock_notices_total", "", stock_teller_told(metrics->teller));
}

static void print_batch_times(struct worker_metrics *metrics, struct ops_page *page)
{
    uint64_t counts[WORKER_BATCH_BOUNDS + 1];
    for (size_t i = 0; i <= WORKER_BATCH_BOUNDS; i++) {
        counts[i] = (uint64_t)sum(metrics, offsetof(struct worker_totals, batch_times[0]) +
                                               i * sizeof(_Atomic int64_t));
    }
    const struct ops_histogram histogram = {
        .bounds_us = worker_batch_bounds_us,
        .counts = counts,
        .bound_count = WORKER_BATCH_BOUNDS,
        .sum_us = (uint64_t)sum(metrics, offsetof(struct worker_totals, batch_us))};
    ops_page_family(page, "order_worker_batch_seconds", "histogram",
                    "From a batch's messages to their commit, acknowledgement and settling.");
    ops_page_histogram(page, "order_worker_batch_seconds", "", &histogram);
}

static int64_t sum(struct worker_metrics *metrics, size_t offset)
{
    int64_t all = 0;
    for (size_t i = 0; i < metrics->count; i++) {
        char *totals = (char *)worker_lane_totals(metrics->lanes[i]);
        all += atomic_load((_Atomic int64_t *)(void *)(totals + offset));
    }
    return all;
}

static void print_sum(struct worker_metrics *metrics, struct ops_page *page, const char *name,
                      const char *help, size_t offset)
{
    ops_page_family(page, name, "counter", help);
    ops_page_int(page, name, "", sum(metrics, offset));
}
