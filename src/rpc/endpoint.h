/* Endpoint: "tcp://host:port", "tls+tcp://host:port" or "ipc://path", checked before nng sees it.
 * Used by listener and channel. */
#pragma once

#include <stdbool.h>

#include "base/status.h"

#define ENDPOINT_TEXT_BYTES_MAX 127 /* nng's own limit of an address */

struct endpoint {
    bool is_ipc;
    bool is_tls;
    bool is_loopback;    /* of tcp: 127.0.0.0/8, ::1, localhost */
    const char *address; /* behind "://": a view of the text */
};

/* Fails with INVALID_ARGUMENT, ENDPOINT_INVALID. */
enum status endpoint_parse(const char *text, struct endpoint *endpoint_out,
                           struct failure *failure);
