/* See rest.h. */
#include "gateway/rest.h"

#include <stdio.h>
#include <string.h>

#include "gateway/rest_error.h"
#include "gateway/rest_request.h"
#include "json/json_print.h"

#define JSON_TYPE "application/json"

/* What the way back of a call needs to know of its way there. */
struct rest_state {
    ProtobufCMessage *request;
    struct rest_condition condition;
};

static void on_response(struct call *call, const ProtobufCMessage *response);
static void on_failure(struct call *call, const struct failure *failure);
static bool is_mismatch(const struct rest_condition *condition, const struct failure *failure);
static void fail(struct call *call, const struct failure *failure, unsigned http_status);
static unsigned http_status_of(const struct failure *failure);
static const char *etag_header(struct call *call, const ProtobufCMessage *response);

void rest_handle(struct gateway *gateway, struct http_request *http, const struct route *route)
{
    struct call *call = call_create(gateway, http, route->method);
    if (call == NULL) {
        return;
    }
    call->on_response = on_response;
    call->on_failure = rest_fail;
    if (!call_admit(call)) {
        return;
    }
    struct failure failure = {0};
    struct rest_state *state = arena_calloc(http_request_arena(http), 1, sizeof *state);
    if (state == NULL) {
        (void)failure_set(&failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX", "no memory");
        rest_fail(call, &failure);
        return;
    }
    call->protocol_state = state;
    call->on_failure = on_failure;
    if (rest_request_read(http, route, &state->request, &state->condition, &failure) != STATUS_OK) {
        on_failure(call, &failure);
        return;
    }
    call_start(call, state->request);
}

/* The servers compare with one etag. When If-Match has the one that the thing has now, too, the
 * same is asked again with that; nothing was done before. */
static void on_failure(struct call *call, const struct failure *failure)
{
    struct rest_state *state = call->protocol_state;
    if (!is_mismatch(&state->condition, failure)) {
        rest_fail(call, failure);
        return;
    }
    const char *present = if_match_find(&state->condition.if_match, failure);
    bool is_new = present != NULL && present != *state->condition.place;
    *state->condition.place = present;
    if (!is_new || !call_again(call, state->request)) {
        struct failure mismatch = *failure;
        mismatch.retry_delay_ms = 0; /* what is ABORTED may be repeated, but not as it stands */
        fail(call, &mismatch, 412);
    }
}

static bool is_mismatch(const struct rest_condition *condition, const struct failure *failure)
{
    return condition->place != NULL && strcmp(failure->reason, "ETAG_MISMATCH") == 0;
}

static void on_response(struct call *call, const ProtobufCMessage *response)
{
    /* With all fields: who reads by eye or without a schema must see that nothing is left. */
    static const struct json_print_options ALL = {.defaults = true};
    struct failure failure = {0};
    struct bytes body;
    if (json_print(response, &ALL, http_request_arena(call->http), &body, &failure) != STATUS_OK) {
        failure.code = STATUS_INTERNAL; /* ours, not the caller's */
        rest_fail(call, &failure);
        return;
    }
    const char *etag = etag_header(call, response);
    const char *known = http_request_header_list(call->http, "If-None-Match");
    /* With an etag the caller may keep it, but asks each time: 304 costs little. */
    call_add_cache_control(call, etag != NULL ? "private, no-cache" : "no-store");
    if (etag != NULL) {
        http_add_header(call->http, "ETag", etag);
    }
    if (etag != NULL && known != NULL && call->method->has_no_side_effects &&
        (strstr(known, etag) != NULL || strcmp(known, "*") == 0)) {
        call_answer(call, STATUS_OK, 304, NULL, (struct bytes){0});
        return;
    }
    call_answer(call, STATUS_OK, 200, JSON_TYPE, body);
}

void rest_fail(struct call *call, const struct failure *failure)
{
    fail(call, failure, http_status_of(failure));
}

static void fail(struct call *call, const struct failure *failure, unsigned http_status)
{
    struct bytes body = rest_error_print(failure, http_status, http_request_arena(call->http));
    call_add_failure_headers(call, failure);
    call_answer(call, failure->code, http_status, JSON_TYPE, body);
}

/* HTTP has a word of its own for a body that nobody can read. */
static unsigned http_status_of(const struct failure *failure)
{
    bool is_unreadable = strcmp(failure->reason, "UNKNOWN_CONTENT_TYPE") == 0 ||
                         strcmp(failure->reason, "UNKNOWN_ENCODING") == 0;
    return is_unreadable ? 415 : call_http_status(failure->code);
}

/* "\"3\""; NULL when the response has none. Etags are ours: of no characters that would need care.
 */
static const char *etag_header(struct call *call, const ProtobufCMessage *response)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(response->descriptor, "etag");
    if (field == NULL || field->type != PROTOBUF_C_TYPE_STRING) {
        return NULL;
    }
    const char *etag = *(const char *const *)(const void *)((const char *)response + field->offset);
    size_t size = strlen(etag);
    char *header = size == 0 || strpbrk(etag, "\"\r\n") != NULL
                       ? NULL
                       : arena_alloc(http_request_arena(call->http), size + 3);
    if (header != NULL) {
        (void)snprintf(header, size + 3, "\"%s\"", etag);
    }
    return header;
}

void rest_refuse_unrouted(struct http_request *http, const char *allow)
{
    struct failure failure = {0};
    if (allow != NULL) {
        (void)failure_set(&failure, STATUS_UNIMPLEMENTED, "WRONG_VERB", "here is only %s", allow);
        http_add_header(http, "Allow", allow);
    } else {
        (void)failure_set(&failure, STATUS_NOT_FOUND, "UNKNOWN_PATH", "there is nothing here");
    }
    unsigned http_status = allow != NULL ? 405 : 404;
    http_respond(http, http_status, JSON_TYPE,
                 rest_error_print(&failure, http_status, http_request_arena(http)));
}
