/* Ops port: what those who run order-server or order-worker ask it, on a port of its own that is
 * not for the outside. /healthz  200 as long as the process answers /readyz   200 when it does its
 * work, else 503 with the reason /metrics  Prometheus' text format */
#pragma once

#include "base/clock.h"
#include "base/status.h"
#include "http/ops_page.h"

struct ops_port;

struct ops_port_options {
    const char *listen; /* "127.0.0.1:7490" */
    /* Both on the port's own thread; must not block. is_ready says why not in *why_out. */
    bool (*is_ready)(void *context, const char **why_out);
    void (*print)(void *context, struct ops_page *page);
    void *context;
    const struct clock *clock;
};

enum status ops_port_start(const struct ops_port_options *options, struct ops_port **port_out,
                           struct failure *failure);
/* Which port it listens on (for ":0"). */
uint16_t ops_port_number(const struct ops_port *port);
/* NULL-safe; nulls the caller's pointer. */
void ops_port_stop(struct ops_port **port);
