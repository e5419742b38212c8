/* Operations: what order-gateway says on its ops port (http/ops_port.h): it is ready when a server
 * behind it is SERVING (grpc.health.v1). */
#pragma once

#include "gateway/call.h"
#include "http/ops_port.h"

struct operations {
    struct gateway *gateway;
    struct http_server *served; /* whose busy requests are counted */
};

/* For struct ops_port_options; context is struct operations. */
void operations_ask_ready(void *operations, struct http_request *http);
void operations_print(void *operations, struct ops_page *page);
