/* Operations: what those who run the gateway ask it, on a port of its own that is not for the
 * outside. /healthz   200 as long as the process answers /readyz    200 when a server behind it is
 * SERVING (grpc.health.v1), else 503 /metrics   Prometheus' text format */
#pragma once

#include "gateway/call.h"

struct operations {
    struct gateway *gateway;
    struct http_server *served; /* whose busy requests are counted */
};

/* The handler of an http_server; context is struct operations. */
void operations_handle(void *operations, struct http_request *http);
