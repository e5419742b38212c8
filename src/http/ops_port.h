/* Ops port: what those who run a program ask it, on a port of its own that is not for the outside.
 * Used by order-server, order-worker and order-gateway.
 *     /healthz  200 as long as the process answers
 *     /readyz   200 when it does its work, else 503 with the reason
 *     /metrics  Prometheus' text format */
#pragma once

#include "base/clock.h"
#include "base/status.h"
#include "http/http.h"
#include "http/ops_page.h"

struct ops_port;

struct ops_port_options {
    const char *listen; /* "127.0.0.1:7490" */
    /* Both on the port's own thread; must not block. ask_ready answers with ops_port_answer_ready,
     * once: at once, or, behind http_defer, later and from any thread. */
    void (*ask_ready)(void *context, struct http_request *http);
    void (*print)(void *context, struct ops_page *page);
    void *context;
    const struct clock *clock;
};

enum status ops_port_start(const struct ops_port_options *options, struct ops_port **port_out,
                           struct failure *failure);
/* why_not: a line of text that stays; NULL when it is ready. */
void ops_port_answer_ready(struct http_request *http, const char *why_not);
/* Which port it listens on (for ":0"). */
uint16_t ops_port_number(const struct ops_port *port);
/* NULL-safe; nulls the caller's pointer. */
void ops_port_stop(struct ops_port **port);
