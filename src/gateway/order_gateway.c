/* See order_gateway.h. */
#include "gateway/order_gateway.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text_file.h"
#include "gateway/connect.h"
#include "gateway/cors.h"
#include "gateway/event_hub.h"
#include "gateway/operations.h"
#include "gateway/pages.h"
#include "gateway/rest.h"
#include "gateway/watch.h"

#define REQUEST_MEMORY_FACTOR      8                 /* a body unfolds to a few times its size */
#define REQUEST_MEMORY_BYTES_LEAST (4 * 1024 * 1024) /* an answer of 1 MiB, printed */
#define PEM_BYTES_MAX              (1024 * 1024)     /* a chain of certificates has a few KiB */
#define DRAIN_ROUND_MS             20

struct order_gateway {
    const struct gateway_config *config;
    struct gateway gateway;
    struct operations operations;
    struct http_server *server;
    struct ops_port *ops;
    char *tls_certificate, *tls_key;
};

static enum status start(struct order_gateway *order, struct failure *failure);
static enum status open_callers(struct order_gateway *order, struct failure *failure);
static enum status start_events(struct order_gateway *order, struct failure *failure);
static bool make_limits(struct order_gateway *order);
static enum status start_server(struct order_gateway *order, struct failure *failure);
static enum status start_operations(struct order_gateway *order, struct failure *failure);
static void handle(void *gateway, struct http_request *http);
static bool is_method_like(struct bytes path);
static enum status load_text(const char *path, char **text_out, struct failure *failure);
static void drain(struct order_gateway *order);

enum status order_gateway_start(const struct gateway_config *config,
                                struct order_gateway **gateway_out, struct failure *failure)
{
    struct order_gateway *order = calloc(1, sizeof *order);
    if (order == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    order->config = config;
    order->gateway.clock = clock_system();
    order->gateway.cors_origins = config->cors_origins;
    order->gateway.proxies = config->proxies;
    order->gateway.timeout_ms = (int32_t)config->timeout_ms;
    order->operations.gateway = &order->gateway;
    enum status status = start(order, failure);
    if (status != STATUS_OK) {
        order_gateway_stop(&order);
        return status;
    }
    *gateway_out = order;
    return STATUS_OK;
}

static enum status start(struct order_gateway *order, struct failure *failure)
{
    const struct gateway_config *config = order->config;
    struct rpc_channel_options options = {.endpoint = config->endpoint,
                                          .tls = {.ca_file = config->server_ca_file,
                                                  .cert_file = config->server_cert_file,
                                                  .server_name = config->server_name},
                                          .timeout_ms = (int32_t)config->timeout_ms,
                                          .max_outstanding = (size_t)config->calls_max,
                                          .is_forwarding = true,
                                          .clock = order->gateway.clock};
    order->gateway.metrics = metrics_create(method_count);
    if (order->gateway.metrics == NULL || !make_limits(order)) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    enum status status = load_text(config->tls_certificate_file, &order->tls_certificate, failure);
    if (status == STATUS_OK) {
        status = load_text(config->tls_key_file, &order->tls_key, failure);
    }
    if (status == STATUS_OK) {
        status = open_callers(order, failure);
    }
    if (status == STATUS_OK) {
        status = rpc_channel_open(&options, &order->gateway.channel, failure);
    }
    if (status == STATUS_OK) {
        status = start_events(order, failure);
    }
    if (status == STATUS_OK) {
        status = start_server(order, failure);
    }
    return status == STATUS_OK ? start_operations(order, failure) : status;
}

/* None without keys and tokens: then everybody may call everything. */
static enum status open_callers(struct order_gateway *order, struct failure *failure)
{
    const struct gateway_config *config = order->config;
    const struct jwt_rules rules = {.algorithm = config->algorithm,
                                    .issuer = config->jwt_issuer,
                                    .audience = config->jwt_audience,
                                    .customer_claim = config->jwt_customer_claim,
                                    .scope_claim = config->jwt_scope_claim,
                                    .leeway_s = config->jwt_leeway_s};
    const char *keys_file = config->keys_file[0] != '\0' ? config->keys_file : NULL;
    struct tokens *tokens = NULL;
    enum status status =
        config->jwks_file[0] == '\0'
            ? STATUS_OK
            : tokens_open(config->jwks_file, &rules, order->gateway.clock, &tokens, failure);
    if (status != STATUS_OK || (keys_file == NULL && tokens == NULL)) {
        return status;
    }
    return callers_open(keys_file, tokens, order->gateway.clock, &order->gateway.callers, failure);
}

static enum status start_events(struct order_gateway *order, struct failure *failure)
{
    struct event_hub_options options = {
        .channel = order->gateway.channel,
        .clock = order->gateway.clock,
        .streams_max = (size_t)order->config->streams_max,
        .streams_per_caller_max = (size_t)order->config->streams_per_caller_max,
        .poll_ms = order->config->events_poll_ms,
        .heartbeat_ms = order->config->events_heartbeat_ms,
        .slow_ms = order->config->transfer_ms,
        .callers = order->gateway.callers,
    };
    return event_hub_start(&options, &order->gateway.events, failure);
}

static bool make_limits(struct order_gateway *order)
{
    const struct gateway_config *config = order->config;
    struct gateway *gateway = &order->gateway;
    if (config->caller_rate > 0) {
        gateway->caller_limit = rate_limit_create((size_t)config->caller_rate,
                                                  (size_t)config->caller_burst, gateway->clock);
    }
    if (config->address_rate > 0) {
        gateway->address_limit = rate_limit_create((size_t)config->address_rate,
                                                   (size_t)config->address_burst, gateway->clock);
    }
    return (config->caller_rate == 0 || gateway->caller_limit != NULL) &&
           (config->address_rate == 0 || gateway->address_limit != NULL);
}

static enum status start_server(struct order_gateway *order, struct failure *failure)
{
    const struct gateway_config *config = order->config;
    size_t memory = (size_t)config->body_bytes_max * REQUEST_MEMORY_FACTOR;
    struct http_server_options options = {
        .listen = config->listen,
        .threads = (size_t)config->threads,
        .connections_max = (size_t)config->connections_max,
        .connections_per_address_max = (size_t)config->connections_per_address_max,
        .header_bytes_max = (size_t)config->header_bytes_max,
        .body_bytes_max = (size_t)config->body_bytes_max,
        .request_memory_bytes_max =
            memory < REQUEST_MEMORY_BYTES_LEAST ? REQUEST_MEMORY_BYTES_LEAST : memory,
        .idle_ms = config->idle_ms,
        .transfer_ms = config->transfer_ms,
        .tls_certificate = order->tls_certificate,
        .tls_key = order->tls_key,
        .handler = handle,
        .context = &order->gateway,
        .clock = order->gateway.clock,
    };
    return http_server_start(&options, &order->server, failure);
}

static enum status start_operations(struct order_gateway *order, struct failure *failure)
{
    const struct ops_port_options options = {
        .listen = order->config->operations_listen,
        .ask_ready = operations_ask_ready,
        .print = operations_print,
        .context = &order->operations,
        .clock = order->gateway.clock,
    };
    order->operations.served = order->server;
    return ops_port_start(&options, &order->ops, failure);
}

/* Where a request goes: "/shop.v1.OrderService/CreateOrder" is Connect's, all else is REST's. */
static void handle(void *state, struct http_request *http)
{
    struct gateway *gateway = state;
    if (cors_handle(gateway->cors_origins, http)) {
        return;
    }
    struct bytes path = http_request_path(http);
    if (watch_handle(gateway, http)) {
        return;
    }
    const struct method *method = method_find(path);
    if (method != NULL) {
        connect_handle(gateway, http, method);
        return;
    }
    if (pages_handle(http)) {
        return;
    }
    struct route route;
    const char *allow = NULL;
    switch (route_find(http_request_verb(http), path, http_request_arena(http), &route, &allow)) {
    case ROUTE_FOUND:
        rest_handle(gateway, http, &route);
        return;
    case ROUTE_OTHER_VERB:
        metrics_count_unrouted(gateway->metrics);
        rest_refuse_unrouted(http, allow);
        return;
    case ROUTE_NONE:
        break;
    }
    metrics_count_unrouted(gateway->metrics);
    if (http_request_header(http, "Connect-Protocol-Version") != NULL || is_method_like(path)) {
        connect_refuse_unknown(http);
    } else {
        rest_refuse_unrouted(http, NULL);
    }
}

/* "/shop.v1.OrderService/NoSuch": a package's dots before the second slash. */
static bool is_method_like(struct bytes path)
{
    const uint8_t *slash = path.size < 2 ? NULL : memchr(path.data + 1, '/', path.size - 1);
    return slash != NULL && memchr(path.data, '.', (size_t)(slash - path.data)) != NULL;
}

/* NULL for no file. */
static enum status load_text(const char *path, char **text_out, struct failure *failure)
{
    if (path[0] == '\0') {
        *text_out = NULL;
        return STATUS_OK;
    }
    char *text = text_file_read(path, PEM_BYTES_MAX);
    if (text == NULL) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "%s cannot be read as a PEM text", path);
    }
    *text_out = text;
    return STATUS_OK;
}

uint16_t order_gateway_port(const struct order_gateway *order)
{
    return http_server_port(order->server);
}

uint16_t order_gateway_operations_port(const struct order_gateway *order)
{
    return ops_port_number(order->ops);
}

void order_gateway_stop(struct order_gateway **gateway)
{
    struct order_gateway *order = *gateway;
    if (order == NULL) {
        return;
    }
    if (order->server != NULL) {
        drain(order);
    }
    /* First the calls, so that no answer comes for a request whose server is gone; each call that
     * is cancelled answers its request. */
    rpc_channel_close(&order->gateway.channel);
    ops_port_stop(&order->ops);
    http_server_stop(&order->server);
    event_hub_stop(&order->gateway.events);
    rate_limit_destroy(&order->gateway.caller_limit);
    rate_limit_destroy(&order->gateway.address_limit);
    callers_close(&order->gateway.callers);
    metrics_destroy(&order->gateway.metrics);
    free(order->tls_certificate);
    free(order->tls_key);
    free(order);
    *gateway = NULL;
}

static void drain(struct order_gateway *order)
{
    const struct clock *clock = order->gateway.clock;
    int64_t deadline_ms = clock_monotonic_ms(clock) + order->config->drain_timeout_ms;
    atomic_store(&order->gateway.is_draining, true);
    http_server_quiesce(order->server);
    event_hub_drain(order->gateway.events);
    while (http_server_busy(order->server) > 0 && clock_monotonic_ms(clock) < deadline_ms) {
        (void)nanosleep(&(struct timespec){.tv_nsec = DRAIN_ROUND_MS * 1000000L}, NULL);
    }
}
