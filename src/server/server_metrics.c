/* See server_metrics.h. */
#include "server/server_metrics.h"

#include <stdio.h>

#define LABELS_BYTES 256

static void print_stock(struct server_metrics *metrics, struct ops_page *page);
static void print_started(void *page, const char *path, const struct rpc_method_counts *counts);
static void print_codes(void *page, const char *path, const struct rpc_method_counts *counts);
static void print_seconds(void *page, const char *path, const struct rpc_method_counts *counts);

void server_metrics_ready(void *state, struct http_request *http)
{
    struct server_metrics *metrics = state;
    struct stock_pass pass;
    ops_port_answer_ready(http,
                          stock_gate_enter(metrics->gate, &pass)
                              ? NULL
                              : "stock is not open: it is being loaded, or a store is away\n");
}

void server_metrics_print(void *state, struct ops_page *page)
{
    struct server_metrics *metrics = state;
    ops_page_family(page, "order_server_calls_started_total", "counter", "Calls, by method.");
    rpc_server_each_method(metrics->rpc, print_started, page);
    ops_page_family(page, "order_server_calls_total", "counter",
                    "Calls that were answered, by method and code.");
    rpc_server_each_method(metrics->rpc, print_codes, page);
    ops_page_family(page, "order_server_call_seconds", "histogram",
                    "From the intake to the answer, by method.");
    rpc_server_each_method(metrics->rpc, print_seconds, page);
    ops_page_gauge(page, "order_server_calls_waiting", "Calls that wait for a lane.",
                   (int64_t)rpc_server_waiting(metrics->rpc));
    print_stock(metrics, page);
}

static void print_stock(struct server_metrics *metrics, struct ops_page *page)
{
    struct audit_gauges *audit = metrics->audit;
    struct stock_pass pass = {0};
    bool open = stock_gate_enter(metrics->gate, &pass);
    int64_t now_ms = clock_monotonic_ms(metrics->clock);
    int64_t walked_ms = atomic_load(&audit->walked_ms), books_ms = atomic_load(&audit->books_ms);
    int64_t lag_us = walked_ms == 0 ? 0 : (now_ms - walked_ms) * 1000;
    int64_t books_lag_us = books_ms == 0 ? 0 : (now_ms - books_ms) * 1000;
    ops_page_gauge(page, "order_stock_epoch", "Epoch in force; 0 while stock is fenced.",
                   pass.epoch);
    ops_page_gauge(page, "order_stock_fenced", "1 while nothing is sold.", open ? 0 : 1);
    ops_page_family(page, "order_oversold_units_total", "counter",
                    "Units that the audit found too many in Redis.");
    ops_page_int(page, "order_oversold_units_total", "", atomic_load(&audit->oversold_units));
    ops_page_gauge(page, "order_drift_units",
                   "Units too few in Redis, or wrong in PostgreSQL's own books, in the last walks.",
                   atomic_load(&audit->drift_units));
    ops_page_gauge(page, "order_waiting_orders",
                   "Orders with changes that wait for one before them for a minute; 100 at most.",
                   atomic_load(&audit->waiting_orders));
    ops_page_family(page, "order_audit_lag_seconds", "gauge",
                    "Since the audit has seen all products; 0 before the first time.");
    ops_page_seconds(page, "order_audit_lag_seconds", "", lag_us);
    ops_page_family(page, "order_audit_books_lag_seconds", "gauge",
                    "Since the audit has seen all of PostgreSQL's own books; 0 before that.");
    ops_page_seconds(page, "order_audit_books_lag_seconds", "", books_lag_us);
    ops_page_gauge(page, "order_redis_unsafe",
                   "1 when Redis was set to evict keys, or to keep nothing on disk.",
                   atomic_load(&metrics->fitness->redis_unsafe) ? 1 : 0);
    ops_page_gauge(page, "order_outbox_events", "Decided events that no worker has settled.",
                   atomic_load(&audit->outbox));
    ops_page_family(page, "order_oldest_unpublished_seconds", "gauge",
                    "How long the oldest unconfirmed event is overdue.");
    ops_page_seconds(page, "order_oldest_unpublished_seconds", "",
                     atomic_load(&audit->unpublished_ms) * 1000);
    ops_page_family(page, "order_oldest_unpersisted_seconds", "gauge",
                    "How long the oldest confirmed event that is not in PostgreSQL is overdue.");
    ops_page_seconds(page, "order_oldest_unpersisted_seconds", "",
                     atomic_load(&audit->unpersisted_ms) * 1000);
}

static void print_started(void *page, const char *path, const struct rpc_method_counts *counts)
{
    char labels[LABELS_BYTES];
    (void)snprintf(labels, sizeof labels, "method=\"%s\"", path);
    ops_page_int(page, "order_server_calls_started_total", labels, (int64_t)counts->started);
}

static void print_codes(void *page, const char *path, const struct rpc_method_counts *counts)
{
    for (size_t i = 0; i < RPC_CODES; i++) {
        char labels[LABELS_BYTES];
        (void)snprintf(labels, sizeof labels, "method=\"%s\",code=\"%s\"", path,
                       status_name((enum status)i));
        if (counts->codes[i] > 0) {
            ops_page_int(page, "order_server_calls_total", labels, (int64_t)counts->codes[i]);
        }
    }
}

static void print_seconds(void *page, const char *path, const struct rpc_method_counts *counts)
{
    char labels[LABELS_BYTES];
    int64_t bounds_us[RPC_LATENCY_BOUNDS];
    (void)snprintf(labels, sizeof labels, "method=\"%s\"", path);
    for (size_t i = 0; i < RPC_LATENCY_BOUNDS; i++) {
        bounds_us[i] = (int64_t)RPC_LATENCY_LEAST_US << i;
    }
    const struct ops_histogram histogram = {.bounds_us = bounds_us,
                                            .counts = counts->latencies,
                                            .bound_count = RPC_LATENCY_BOUNDS,
                                            .sum_us = counts->total_us};
    ops_page_histogram(page, "order_server_call_seconds", labels, &histogram);
}
