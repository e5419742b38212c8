/* Worker metrics: what /metrics and /readyz of order-worker say. */
#pragma once

#include "http/ops_port.h"
#include "worker/stock_teller.h"
#include "worker/worker_lane.h"

#define WORKER_LANES_MAX 64 /* the table's most */

struct worker_metrics {
    struct worker_lane *lanes[WORKER_LANES_MAX];
    size_t count;
    struct stock_teller *teller;
};

/* For struct ops_port_options; context is struct worker_metrics. */
void worker_metrics_ready(void *metrics, struct http_request *http);
void worker_metrics_print(void *metrics, struct ops_page *page);
