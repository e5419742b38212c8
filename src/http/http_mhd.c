/* HTTP over libmicrohttpd. See http.h.
 *
 * The life of a request, on the thread of its connection:
 *   note_target     the request line is there; the request is made
 *   on_access       first call: headers -> check; then the body's pieces; then the handler
 *   (suspended)     between http_defer and http_respond
 *   on_access       last call: the answer is queued
 *   on_completed    the answer is out, or the peer is gone; the request is freed
 * libmicrohttpd calls the handler of a resumed connection only on that same thread, so what
 * http_respond wrote is seen, and a request that answers while its handler still runs is safe. */
#include <assert.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/http_check.h"
#include "http/http_inside_mhd.h"
#include "http/http_socket.h"
#include "http/http_watch.h"

#define REQUEST_CHUNK_BYTES 4096 /* of the arena: the usual order and its answer */
#define BODY_FIRST_BYTES    4096 /* of a chunked body */
#define STREAM_CHUNK_BYTES  4096
#define BODY_EXCESS_FACTOR  4 /* a body so much above the limit is not read to its end */

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    struct http_watch *watch;
    int socket; /* libmicrohttpd's, until it is quiesced */
    bool is_quiesced;
    uint16_t port;
    atomic_size_t busy;
};

static enum status start_daemon(struct http_server *server, struct failure *failure);
static void on_connection(void *server, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what);
static void *note_target(void *server, const char *target, struct MHD_Connection *connection);
static enum MHD_Result on_access(void *server, struct MHD_Connection *connection, const char *url,
                                 const char *verb, const char *version, const char *data,
                                 size_t *size, void **context);
static enum MHD_Result begin(struct http_request *request, const char *verb, const char *version);
static enum MHD_Result take_body(struct http_request *request, const char *data, size_t *size);
static enum MHD_Result handle(struct http_request *request);
static enum MHD_Result refuse(struct http_request *request, unsigned status, const char *why);
static enum MHD_Result send_answer(struct http_request *request, bool is_last);
static void on_completed(void *server, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode how);
static struct MHD_Response *make_response(struct http_request *request);

enum status http_server_start(const struct http_server_options *options,
                              struct http_server **server_out, struct failure *failure)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    server->options = *options;
    server->socket = -1;
    enum status status = http_socket_listen(options->listen, &server->socket, failure);
    if (status == STATUS_OK) {
        server->port = http_socket_port(server->socket);
        status = http_watch_start(options->clock, &server->watch, failure);
    }
    if (status == STATUS_OK) {
        status = start_daemon(server, failure);
    }
    if (status != STATUS_OK) {
        if (server->socket >= 0) {
            (void)close(server->socket);
        }
        http_watch_stop(&server->watch);
        free(server);
        return status;
    }
    *server_out = server;
    return STATUS_OK;
}

static enum status start_daemon(struct http_server *server, struct failure *failure)
{
    const struct http_server_options *options = &server->options;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (char *)(uintptr_t)options->tls_certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (char *)(uintptr_t)options->tls_key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0,
         (char *)(uintptr_t)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    bool is_tls = options->tls_certificate != NULL;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                     (is_tls ? (unsigned)MHD_USE_TLS : 0);
    unsigned idle_s = (unsigned)((options->idle_ms + 999) / 1000);
    /* 0 and 1 both mean one thread; libmicrohttpd knows only 0 for it. */
    unsigned threads = options->threads > 1 ? (unsigned)options->threads : 0;
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, server, MHD_OPTION_LISTEN_SOCKET, server->socket,
        MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->connections_max,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)options->connections_per_address_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->header_bytes_max,
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_URI_LOG_CALLBACK, note_target,
        server, MHD_OPTION_ARRAY, is_tls ? tls : none, MHD_OPTION_END);
    if (server->daemon == NULL) {
        return failure_set(failure, STATUS_UNAVAILABLE, "LISTEN_FAILED",
                           "the HTTP server on %s does not start%s", options->listen,
                           is_tls ? ": are certificate and key PEM texts that fit together?" : "");
    }
    return STATUS_OK;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_quiesce(struct http_server *server)
{
    server->is_quiesced = MHD_quiesce_daemon(server->daemon) != MHD_INVALID_SOCKET;
}

size_t http_server_busy(struct http_server *server)
{
    return atomic_load(&server->busy);
}

void http_server_stop(struct http_server **server)
{
    if (*server == NULL) {
        return;
    }
    MHD_stop_daemon((*server)->daemon);
    if ((*server)->is_quiesced) {
        (void)close((*server)->socket);
    }
    http_watch_stop(&(*server)->watch);
    free(*server);
    *server = NULL;
}

static void on_connection(void *state, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *server = state;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*context != NULL) {
            http_watch_remove(*context);
        }
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *context = http_watch_add(server->watch, info->connect_fd, server->options.idle_ms);
}

static void *note_target(void *state, const char *target, struct MHD_Connection *connection)
{
    struct http_request *request = calloc(1, sizeof *request);
    if (request == NULL) {
        return NULL;
    }
    request->server = state;
    request->connection = connection;
    size_t most = request->server->options.request_memory_bytes_max;
    arena_init(&request->arena, REQUEST_CHUNK_BYTES, most);
    request->target = arena_copy(&request->arena, bytes_of_text(target));
    struct bytes whole = request->target;
    const uint8_t *mark = whole.size == 0 ? NULL : memchr(whole.data, '?', whole.size);
    size_t path_size = mark == NULL ? whole.size : (size_t)(mark - whole.data);
    request->path = bytes_of(whole.data, path_size);
    if (mark != NULL) {
        request->query = bytes_of(mark + 1, whole.size - path_size - 1);
    }
    return request;
}

static enum MHD_Result on_access(void *server, struct MHD_Connection *connection, const char *url,
                                 const char *verb, const char *version, const char *data,
                                 size_t *size, void **context)
{
    (void)server, (void)connection, (void)url;
    struct http_request *request = *context;
    if (request == NULL) { /* no memory */
        return MHD_NO;
    }
    if (!request->is_begun) {
        return begin(request, verb, version);
    }
    if (*size > 0) {
        return take_body(request, data, size);
    }
    if (!request->is_handled) {
        return handle(request);
    }
    return request->is_answered ? send_answer(request, false) : MHD_YES;
}

struct header_list {
    struct http_header *headers;
    size_t count;
};

static enum MHD_Result collect_header(void *state, enum MHD_ValueKind kind, const char *name,
                                      size_t name_size, const char *value, size_t value_size)
{
    (void)kind;
    struct header_list *list = state;
    if (list->count < HTTP_HEADERS_MAX) {
        list->headers[list->count] = (struct http_header){.name = bytes_of(name, name_size),
                                                          .value = bytes_of(value, value_size)};
    }
    list->count++;
    return MHD_YES;
}

static enum MHD_Result begin(struct http_request *request, const char *verb, const char *version)
{
    struct http_server *server = request->server;
    struct http_header headers[HTTP_HEADERS_MAX];
    struct header_list list = {.headers = headers};
    request->is_begun = true;
    request->start_us = clock_monotonic_us(server->options.clock);
    request->verb = arena_strdup(&request->arena, verb);
    (void)atomic_fetch_add(&server->busy, 1);
    http_request_limit(request, server->options.transfer_ms);
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, collect_header, &list);
    if (request->verb == NULL || list.count > HTTP_HEADERS_MAX) {
        return refuse(request, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "too many headers");
    }
    struct http_head head = {.verb = request->verb,
                             .version = version,
                             .target = request->target,
                             .headers = headers,
                             .header_count = list.count};
    const char *why = http_check(&head);
    if (why != NULL) {
        return refuse(request, MHD_HTTP_BAD_REQUEST, why);
    }
    const char *length = http_request_header(request, "Content-Length");
    if (length != NULL && strtoull(length, NULL, 10) > server->options.body_bytes_max) {
        return refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
    }
    return MHD_YES;
}

static enum MHD_Result take_body(struct http_request *request, const char *data, size_t *size)
{
    size_t most = request->server->options.body_bytes_max;
    if (request->body_excess > 0 || *size > most - request->body_size) {
        request->body_excess += *size;
        *size = 0;
        return request->body_excess < BODY_EXCESS_FACTOR * most ? MHD_YES : MHD_NO;
    }
    if (request->body_room - request->body_size < *size) {
        size_t room = request->body_room == 0 ? BODY_FIRST_BYTES : 2 * request->body_room;
        room = room < request->body_size + *size ? request->body_size + *size : room;
        uint8_t *body = arena_alloc(&request->arena, room);
        if (body == NULL) {
            return MHD_NO;
        }
        if (request->body_size > 0) {
            memcpy(body, request->body, request->body_size);
        }
        request->body = body;
        request->body_room = room;
    }
    memcpy(request->body + request->body_size, data, *size);
    request->body_size += *size;
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result handle(struct http_request *request)
{
    if (request->body_excess > 0) {
        return refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
    }
    request->is_handled = true;
    http_request_limit(request, 0);
    request->server->options.handler(request->server->options.context, request);
    if (request->is_deferred) { /* it may be answered already: hands off */
        return MHD_YES;
    }
    assert(request->is_answered);
    return send_answer(request, false);
}

static enum MHD_Result refuse(struct http_request *request, unsigned status, const char *why)
{
    request->is_handled = true;
    request->status = status;
    request->content_type = "text/plain; charset=utf-8";
    request->answer = bytes_of_text(why);
    return send_answer(request, true);
}

static enum MHD_Result send_answer(struct http_request *request, bool is_last)
{
    struct MHD_Response *response = make_response(request);
    if (response == NULL) {
        return MHD_NO;
    }
    http_request_limit(request, request->server->options.transfer_ms);
    if (request->content_type != NULL) {
        (void)MHD_add_response_header(response, "Content-Type", request->content_type);
    }
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < request->header_count; i++) {
        (void)MHD_add_response_header(response, request->headers[i].name,
                                      request->headers[i].value);
    }
    if (is_last) { /* who frames requests oddly may think that another one follows */
        (void)MHD_add_response_header(response, "Connection", "close");
    }
    enum MHD_Result result = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return result;
}

static struct MHD_Response *make_response(struct http_request *request)
{
    if (request->stream != NULL) {
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_CHUNK_BYTES,
                                                 http_stream_read, request->stream, NULL);
    }
    return MHD_create_response_from_buffer_static(request->answer.size, request->answer.data);
}

static void on_completed(void *state, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode how)
{
    (void)connection, (void)how;
    struct http_server *server = state;
    struct http_request *request = *context;
    if (request == NULL) {
        return;
    }
    http_stream_close(&request->stream);
    http_request_limit(request, server->options.idle_ms);
    if (request->is_begun) {
        (void)atomic_fetch_sub(&server->busy, 1);
    }
    arena_fini(&request->arena);
    free(request);
    *context = NULL;
}

void http_request_limit(struct http_request *request, int64_t limit_ms)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info != NULL && info->socket_context != NULL) {
        http_watch_limit(info->socket_context, limit_ms);
    }
}

int64_t http_request_transfer_ms(const struct http_request *request)
{
    return request->server->options.transfer_ms;
}
