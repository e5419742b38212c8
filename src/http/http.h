/* HTTP: requests in, responses out, nothing known of what they mean. Implemented by http_mhd.c over
 * libmicrohttpd; used by gateway.c and operations.c.
 * Always: a request that reaches the handler is framed in one way only (http_check.h), its body is
 * whole and within the limit, and it is answered once. Slow and silent peers are cut off: each of
 * reading, writing and being idle has an end.
 * Threads: the handler runs on the server's own threads and must not block. It answers at once with
 * http_respond, or later from any thread after http_defer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"

#define HTTP_HEADERS_MAX          64 /* of a request: browsers behind two proxies send 30 */
#define HTTP_RESPONSE_HEADERS_MAX 12

/* That a reader may leave untaken: with more than that nothing further is written. */
#define HTTP_STREAM_BYTES_MAX (256 * 1024)

struct http_request;
struct http_server;
struct http_stream;

typedef void (*http_handler)(void *context, struct http_request *request);

struct http_server_options {
    const char *listen; /* "127.0.0.1:8080", "[::]:8080" */
    size_t threads;
    size_t connections_max, connections_per_address_max; /* the latter 0 = no limit */
    size_t header_bytes_max;                             /* request line and headers */
    size_t body_bytes_max;
    size_t request_memory_bytes_max;       /* of all that is made for a request */
    int64_t idle_ms;                       /* until the headers of the next request are there */
    int64_t transfer_ms;                   /* for a body to come, and for an answer to be taken */
    const char *tls_certificate, *tls_key; /* PEM texts; NULL: plain HTTP */
    http_handler handler;
    void *context;
    const struct clock *clock;
};

/* Listens. On failure nothing is left running. */
enum status http_server_start(const struct http_server_options *options,
                              struct http_server **server_out, struct failure *failure);
/* Which port it listens on (for ":0"). */
uint16_t http_server_port(const struct http_server *server);
/* Takes no more connections; answers still under way go out. */
void http_server_quiesce(struct http_server *server);
/* Connections that have a request under way; for a drain. */
size_t http_server_busy(struct http_server *server);
/* No request may be deferred any more. NULL-safe; nulls the caller's pointer. */
void http_server_stop(struct http_server **server);

/* Memory that lives as long as the request. */
struct arena *http_request_arena(struct http_request *request);
const char *http_request_verb(const struct http_request *request);
/* As sent, before any decoding: "/v1/orders/a%3Ab". */
struct bytes http_request_path(const struct http_request *request);
/* Behind the '?'; empty when there is none. */
struct bytes http_request_query(const struct http_request *request);
struct bytes http_request_body(const struct http_request *request);
/* By name, whatever its case; the first; NULL when there is none. */
const char *http_request_header(struct http_request *request, const char *name);
/* Whether the body is sent as it is: no Content-Encoding, or "identity". */
bool http_request_is_identity(struct http_request *request);
/* All of that name in the order they stand, joined with ", "; NULL when there is none, or the
 * request's memory is out. */
const char *http_request_header_list(struct http_request *request, const char *name);
/* Who holds the other end of the connection: IPv6, or IPv4 as ::ffff:a.b.c.d; zeros when it is
 * gone.
 */
void http_request_peer(struct http_request *request, uint8_t address_out[16]);
/* When its headers were there: monotonic us. */
int64_t http_request_start_us(const struct http_request *request);

/* From within the handler: the answer comes later. */
void http_defer(struct http_request *request);
/* Before http_respond; silently full after HTTP_RESPONSE_HEADERS_MAX. The texts must live as long
 * as the request. Values must hold no control characters. */
void http_add_header(struct http_request *request, const char *name, const char *value);
/* Answers; the body must live as long as the request (its arena). The request is gone for the
 * caller.
 */
void http_respond(struct http_request *request, unsigned status, const char *content_type,
                  struct bytes body);

/* Answers 200 with a body that goes on until http_stream_end or until the peer leaves, instead of
 * http_respond. `on_closed` is called once, from any thread, whatever ended it; behind it the
 * stream is gone. A reader who has left HTTP_STREAM_BYTES_MAX untaken when more is written, or
 * takes nothing for the server's transfer_ms while there is something, is cut off. NULL when memory
 * is out: nothing was answered. Every stream must be ended before the server stops. */
struct http_stream *http_stream_start(struct http_request *request, const char *content_type,
                                      void (*on_closed)(void *context), void *context);
/* Copies; never blocks. False: the reader is being cut off. Not after http_stream_end. */
bool http_stream_write(struct http_stream *stream, struct bytes bytes);
/* How much of what was written nobody has taken yet: who writes much waits until it is little. */
size_t http_stream_untaken(struct http_stream *stream);
/* Instead of http_stream_end: what was written may be lost, and the reader sees no proper end. */
void http_stream_cut(struct http_stream *stream);
/* What was written still goes out. */
void http_stream_end(struct http_stream *stream);
