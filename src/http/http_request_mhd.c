/* A request as its handler sees it. See http.h. */
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/http_inside_mhd.h"

struct arena *http_request_arena(struct http_request *request)
{
    return &request->arena;
}

const char *http_request_verb(const struct http_request *request)
{
    return request->verb;
}

struct bytes http_request_path(const struct http_request *request)
{
    return request->path;
}

struct bytes http_request_query(const struct http_request *request)
{
    return request->query;
}

struct bytes http_request_body(const struct http_request *request)
{
    return bytes_of(request->body, request->body_size);
}

const char *http_request_header(struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

bool http_request_is_identity(struct http_request *request)
{
    const char *encoding = http_request_header(request, "Content-Encoding");
    return encoding == NULL || encoding[0] == '\0' || strcasecmp(encoding, "identity") == 0;
}

struct header_list {
    struct http_request *request;
    const char *name, *joined;
};

static enum MHD_Result join(void *state, enum MHD_ValueKind kind, const char *name,
                            const char *value)
{
    (void)kind;
    struct header_list *list = state;
    if (strcasecmp(name, list->name) != 0 || value == NULL) {
        return MHD_YES;
    }
    size_t before = list->joined == NULL ? 0 : strlen(list->joined);
    size_t room = before + strlen(value) + sizeof ", ";
    char *joined = arena_alloc(&list->request->arena, room);
    if (joined == NULL) {
        list->joined = NULL;
        return MHD_NO;
    }
    (void)snprintf(joined, room, "%s%s%s", before == 0 ? "" : list->joined, before == 0 ? "" : ", ",
                   value);
    list->joined = joined;
    return MHD_YES;
}

const char *http_request_header_list(struct http_request *request, const char *name)
{
    struct header_list list = {.request = request, .name = name};
    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, join, &list);
    return list.joined;
}

void http_request_peer(struct http_request *request, uint8_t address_out[16])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    memset(address_out, 0, 16);
    if (info == NULL) {
        return;
    }
    const void *address = info->client_addr;
    if (info->client_addr->sa_family == AF_INET6) {
        memcpy(address_out, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
        return;
    }
    memset(address_out + 10, 0xFF, 2);
    memcpy(address_out + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
}

int64_t http_request_start_us(const struct http_request *request)
{
    return request->start_us;
}

void http_defer(struct http_request *request)
{
    assert(!request->is_deferred && !request->is_answered);
    request->is_deferred = true;
    MHD_suspend_connection(request->connection);
}

void http_add_header(struct http_request *request, const char *name, const char *value)
{
    if (request->header_count < HTTP_RESPONSE_HEADERS_MAX) {
        request->headers[request->header_count].name = name;
        request->headers[request->header_count].value = value;
        request->header_count++;
    }
}

void http_respond(struct http_request *request, unsigned status, const char *content_type,
                  struct bytes body)
{
    assert(!request->is_answered);
    request->status = status;
    request->content_type = content_type;
    request->answer = body;
    request->is_answered = true;
    if (request->is_deferred) {
        MHD_resume_connection(request->connection);
    }
}
