/* HTTP check: whether a request's head means one thing to everybody who reads it. Pure.
 * libmicrohttpd 1.0.1 refuses most of what is malformed; it takes two Content-Lengths, two Hosts,
 * two Transfer-Encodings, chunks in HTTP/1.0, names that are no tokens and control characters in
 * values. A proxy in front may read those otherwise, and so smuggle a request past its rules. */
#pragma once

#include <stddef.h>

#include "base/bytes.h"

struct http_header {
    struct bytes name, value;
};

struct http_head {
    const char *verb, *version; /* "HTTP/1.1" */
    struct bytes target;        /* as sent: "/v1/orders?pageSize=3" */
    const struct http_header *headers;
    size_t header_count;
};

/* NULL when it is fine, else why not, for people. */
const char *http_check(const struct http_head *head);
