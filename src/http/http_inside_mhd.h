/* HTTP inside: a request as http_mhd.c moves it and http_request_mhd.c shows it; nobody else
 * includes it. */
#pragma once

#include <microhttpd.h>

#include "http/http.h"

struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct arena arena;
    const char *verb;
    struct bytes target, path, query;
    uint8_t *body;
    size_t body_size, body_room;
    size_t body_excess; /* bytes that came above the limit */
    int64_t start_us;
    bool is_begun, is_handled, is_deferred, is_answered;

    struct http_stream *stream; /* instead of an answer */
    unsigned status;
    const char *content_type;
    struct bytes answer;
    size_t header_count;
    struct {
        const char *name, *value;
    } headers[HTTP_RESPONSE_HEADERS_MAX];
};

/* How long the connection's present phase may take from now on; 0 = as long as it likes. */
void http_request_limit(struct http_request *request, int64_t limit_ms);

/* http_stream_mhd.c: the stream as libmicrohttpd reads it, and its end. */
ssize_t http_stream_read(void *stream, uint64_t position, char *data, size_t most);
void http_stream_close(struct http_stream **stream);
int64_t http_request_transfer_ms(const struct http_request *request);
