/* Server metrics: what /metrics and /readyz of order-server say. */
#pragma once

#include "http/ops_port.h"
#include "rpc/server.h"
#include "server/audit_walk.h"
#include "server/stock_gate.h"
#include "server/store_fitness.h"

struct server_metrics {
    struct rpc_server *rpc;
    struct stock_gate *gate;
    struct audit_gauges *audit;
    struct store_fitness *fitness;
    const struct clock *clock;
};

/* For struct ops_port_options; context is struct server_metrics. */
void server_metrics_ready(void *metrics, struct http_request *http);
void server_metrics_print(void *metrics, struct ops_page *page);
