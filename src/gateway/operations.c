/* See operations.h. */
#include "gateway/operations.h"

#include <grpc/health/v1/health.pb-c.h>
#include <string.h>

#include "gateway/event_hub.h"

#define READY_TIMEOUT_MS 1000 /* a probe that waits longer is as good as a no */
#define TEXT_TYPE        "text/plain; charset=utf-8"

struct probe {
    struct http_request *http;
    struct rpc_stub stub;
};

static void ask_server(struct operations *operations, struct http_request *http);
static void on_health(const Grpc__Health__V1__HealthCheckResponse *response, void *probe);
static void print_metrics(struct operations *operations, struct http_request *http);
static void answer(struct http_request *http, unsigned status, const char *text);

void operations_handle(void *state, struct http_request *http)
{
    struct operations *operations = state;
    struct bytes path = http_request_path(http);
    const char *verb = http_request_verb(http);
    if (strcmp(verb, "GET") != 0 && strcmp(verb, "HEAD") != 0) {
        http_add_header(http, "Allow", "GET, HEAD");
        answer(http, 405, "GET is expected\n");
    } else if (bytes_equal(path, bytes_of_text("/healthz"))) {
        answer(http, 200, "ok\n");
    } else if (bytes_equal(path, bytes_of_text("/readyz"))) {
        ask_server(operations, http);
    } else if (bytes_equal(path, bytes_of_text("/metrics"))) {
        print_metrics(operations, http);
    } else {
        answer(http, 404, "/healthz, /readyz and /metrics are here\n");
    }
}

static void ask_server(struct operations *operations, struct http_request *http)
{
    if (atomic_load(&operations->gateway->is_draining)) {
        answer(http, 503, "draining\n");
        return;
    }
    struct probe *probe = arena_calloc(http_request_arena(http), 1, sizeof *probe);
    if (probe == NULL) {
        answer(http, 503, "no memory\n");
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
    if (response == NULL) {
        answer(probe->http, 503, "no server answers\n");
    } else if (response->status ==
               GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING) {
        answer(probe->http, 200, "ok\n");
    } else {
        answer(probe->http, 503, "the server is not serving\n");
    }
}

static void print_metrics(struct operations *operations, struct http_request *http)
{
    struct ops_page page;
    if (!ops_page_init(&page, http_request_arena(http))) {
        answer(http, 503, "no memory\n");
        return;
    }
    metrics_print(operations->gateway->metrics, &page);
    ops_page_gauge(&page, "order_gateway_requests_busy", "Requests under way, streams among them.",
                   (int64_t)http_server_busy(operations->served));
    ops_page_gauge(&page, "order_gateway_streams", "Followers of events.",
                   (int64_t)event_hub_streams(operations->gateway->events));
    http_add_header(http, "Cache-Control", "no-store");
    http_respond(http, 200, "text/plain; version=0.0.4; charset=utf-8",
                 bytes_of(page.data, page.size));
}

static void answer(struct http_request *http, unsigned status, const char *text)
{
    http_add_header(http, "Cache-Control", "no-store");
    http_respond(http, status, TEXT_TYPE, bytes_of_text(text));
}
