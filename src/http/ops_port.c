/* See ops_port.h. */
#include "http/ops_port.h"

#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX   64 /* probes and scrapers */
#define HEADER_BYTES_MAX  8192
#define BODY_BYTES_MAX    1024
#define IDLE_MS           60000
#define TRANSFER_MS       10000
#define TEXT_TYPE         "text/plain; charset=utf-8"
#define METRICS_TYPE      "text/plain; version=0.0.4; charset=utf-8"
#define REQUEST_BYTES_MAX (2 * OPS_PAGE_BYTES_MAX)

struct ops_port {
    struct ops_port_options options;
    struct http_server *server;
};

static void handle(void *port, struct http_request *http);
static void print_metrics(struct ops_port *port, struct http_request *http);
static void answer(struct http_request *http, unsigned status, const char *text);

enum status ops_port_start(const struct ops_port_options *options, struct ops_port **port_out,
                           struct failure *failure)
{
    struct ops_port *port = calloc(1, sizeof *port);
    if (port == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    port->options = *options;
    const struct http_server_options http = {
        .listen = options->listen,
        .threads = 1,
        .connections_max = CONNECTIONS_MAX,
        .header_bytes_max = HEADER_BYTES_MAX,
        .body_bytes_max = BODY_BYTES_MAX,
        .request_memory_bytes_max = REQUEST_BYTES_MAX,
        .idle_ms = IDLE_MS,
        .transfer_ms = TRANSFER_MS,
        .handler = handle,
        .context = port,
        .clock = options->clock,
    };
    enum status status = http_server_start(&http, &port->server, failure);
    if (status != STATUS_OK) {
        free(port);
        return status;
    }
    *port_out = port;
    return STATUS_OK;
}

uint16_t ops_port_number(const struct ops_port *port)
{
    return http_server_port(port->server);
}

void ops_port_stop(struct ops_port **port)
{
    if (*port == NULL) {
        return;
    }
    http_server_stop(&(*port)->server);
    free(*port);
    *port = NULL;
}

static void handle(void *state, struct http_request *http)
{
    struct ops_port *port = state;
    struct bytes path = http_request_path(http);
    const char *verb = http_request_verb(http);
    if (strcmp(verb, "GET") != 0 && strcmp(verb, "HEAD") != 0) {
        http_add_header(http, "Allow", "GET, HEAD");
        answer(http, 405, "GET is expected\n");
    } else if (bytes_equal(path, bytes_of_text("/healthz"))) {
        answer(http, 200, "ok\n");
    } else if (bytes_equal(path, bytes_of_text("/readyz"))) {
        port->options.ask_ready(port->options.context, http);
    } else if (bytes_equal(path, bytes_of_text("/metrics"))) {
        print_metrics(port, http);
    } else {
        answer(http, 404, "/healthz, /readyz and /metrics are here\n");
    }
}

void ops_port_answer_ready(struct http_request *http, const char *why_not)
{
    answer(http, why_not == NULL ? 200 : 503, why_not == NULL ? "ok\n" : why_not);
}

static void print_metrics(struct ops_port *port, struct http_request *http)
{
    struct ops_page page;
    if (!ops_page_init(&page, http_request_arena(http))) {
        answer(http, 503, "no memory\n");
        return;
    }
    port->options.print(port->options.context, &page);
    http_add_header(http, "Cache-Control", "no-store");
    http_respond(http, 200, METRICS_TYPE, bytes_of(page.data, page.size));
}

static void answer(struct http_request *http, unsigned status, const char *text)
{
    http_add_header(http, "Cache-Control", "no-store");
    http_respond(http, status, TEXT_TYPE, bytes_of_text(text));
}
