/* See operations.h. */
#include "gateway/operations.h"

#include <grpc/health/v1/health.pb-c.h>
#include <stdio.h>

#include "gateway/event_hub.h"

#define READY_TIMEOUT_MS 1000 /* a probe that waits longer is as good as a no */
#define LABEL_BYTES      16   /* file="keys" */

struct probe {
    struct http_request *http;
    struct rpc_stub stub;
};

static void on_health(const Grpc__Health__V1__HealthCheckResponse *response, void *probe);
static void print_files(struct callers *callers, struct ops_page *page);

void operations_ask_ready(void *state, struct http_request *http)
{
    struct operations *operations = state;
    if (atomic_load(&operations->gateway->is_draining)) {
        ops_port_answer_ready(http, "draining\n");
        return;
    }
    struct probe *probe = arena_calloc(http_request_arena(http), 1, sizeof *probe);
    if (probe == NULL) {
        ops_port_answer_ready(http, "no memory\n");
        return;
    }
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    probe->http = http;
    rpc_stub_init(&probe->stub, operations->gateway->channel,
                  &grpc__health__v1__health__descriptor);
    probe->stub.async = true;
    probe->stub.timeout_ms = READY_TIMEOUT_MS;
    http_defer(http);
    grpc__health__v1__health__check(&probe->stub.service, &request, on_health, probe);
}

static void on_health(const Grpc__Health__V1__HealthCheckResponse *response, void *state)
{
    struct probe *probe = state;
    bool is_serving =
        response != NULL &&
        response->status == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    ops_port_answer_ready(probe->http, is_serving         ? NULL
                                       : response == NULL ? "no server answers\n"
                                                          : "the server is not serving\n");
}

void operations_print(void *state, struct ops_page *page)
{
    struct operations *operations = state;
    metrics_print(operations->gateway->metrics, page);
    ops_page_gauge(page, "order_gateway_requests_busy", "Requests under way, streams among them.",
                   (int64_t)http_server_busy(operations->served));
    ops_page_gauge(page, "order_gateway_streams", "Followers of events.",
                   (int64_t)event_hub_streams(operations->gateway->events));
    if (operations->gateway->callers != NULL) {
        print_files(operations->gateway->callers, page);
    }
}

static void print_files(struct callers *callers, struct ops_page *page)
{
    struct watched_file files[CALLERS_FILES_MAX];
    char labels[CALLERS_FILES_MAX][LABEL_BYTES];
    size_t count = callers_files(callers, files);
    ops_page_family(page, "order_gateway_credentials_usable", "gauge",
                    "0: the file is gone, unreadable or malformed, and the keys that were read "
                    "last stay in force.");
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(labels[i], sizeof labels[i], "file=\"%s\"", files[i].name);
        ops_page_int(page, "order_gateway_credentials_usable", labels[i], files[i].is_usable);
    }
    ops_page_family(page, "order_gateway_credentials_read_time_seconds", "gauge",
                    "Unix time when the keys in force were read.");
    for (size_t i = 0; i < count; i++) {
        ops_page_int(page, "order_gateway_credentials_read_time_seconds", labels[i],
                     files[i].read_us / 1000000);
    }
}
