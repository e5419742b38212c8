/* See rest_request.h. */
#include "gateway/rest_request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/uri.h"
#include "json/json_read.h"

#define FIELD_PATH_BYTES 160

static enum status read_body(struct http_request *http, const struct route *route,
                             ProtobufCMessage **message, struct failure *failure);
static enum status read_body_field(struct http_request *http, const struct route *route,
                                   ProtobufCMessage *message, struct failure *failure);
static enum status read_path(struct http_request *http, const struct route *route,
                             ProtobufCMessage *message, struct failure *failure);
static enum status read_query(struct http_request *http, const struct route *route,
                              ProtobufCMessage *message, struct failure *failure);
static enum status read_idempotency_key(struct http_request *http, ProtobufCMessage *message,
                                        struct failure *failure);
static enum status read_if_match(struct http_request *http, const struct route *route,
                                 ProtobufCMessage *message, struct rest_condition *condition,
                                 struct failure *failure);
static const char **find_etag(const struct route *route, ProtobufCMessage *message);
static enum status fill_update_mask(struct http_request *http, const struct route *route,
                                    ProtobufCMessage *message, struct failure *failure);
static void leave_out(Google__Protobuf__FieldMask *mask, const char *name);
static bool is_json(const char *type);
static struct bytes unquote(struct bytes text);

static const struct json_read_options STRICT;

enum status rest_request_read(struct http_request *http, const struct route *route,
                              ProtobufCMessage **message_out, struct rest_condition *condition_out,
                              struct failure *failure)
{
    ProtobufCMessage *message = NULL;
    *condition_out = (struct rest_condition){0};
    enum status status = read_body(http, route, &message, failure);
    if (status == STATUS_OK) {
        status = read_path(http, route, message, failure);
    }
    if (status == STATUS_OK) {
        status = read_query(http, route, message, failure);
    }
    if (status == STATUS_OK) {
        status = read_idempotency_key(http, message, failure);
    }
    if (status == STATUS_OK) {
        status = read_if_match(http, route, message, condition_out, failure);
    }
    if (status == STATUS_OK && strcmp(route->rule->verb, "PATCH") == 0) {
        status = fill_update_mask(http, route, message, failure);
    }
    if (status == STATUS_OK) {
        *message_out = message;
    }
    return status;
}

/* No body at all stands for an empty one, so that ":cancel" needs no "{}". */
static enum status read_body(struct http_request *http, const struct route *route,
                             ProtobufCMessage **message, struct failure *failure)
{
    const ProtobufCMessageDescriptor *type = method_descriptor(route->method)->input;
    struct arena *arena = http_request_arena(http);
    struct bytes body = http_request_body(http);
    if (body.size > 0 && route->rule->body[0] == '\0') {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "UNEXPECTED_BODY",
                           "this request has no body");
    }
    if (body.size > 0 && !is_json(http_request_header(http, "Content-Type"))) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "UNKNOWN_CONTENT_TYPE",
                           "Content-Type: application/json is expected");
    }
    if (body.size > 0 && !http_request_is_identity(http)) {
        http_add_header(http, "Accept-Encoding", "identity");
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "UNKNOWN_ENCODING",
                           "compressed bodies are not supported: identity only");
    }
    if (body.size > 0 && strcmp(route->rule->body, "*") == 0) {
        return json_read(type, body, &STRICT, arena, message, failure);
    }
    *message = json_message_create(type, arena);
    if (*message == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX", "no memory");
    }
    return body.size == 0 ? STATUS_OK : read_body_field(http, route, *message, failure);
}

static enum status read_body_field(struct http_request *http, const struct route *route,
                                   ProtobufCMessage *message, struct failure *failure)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, route->rule->body);
    ProtobufCMessage *held;
    if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE) {
        return failure_set(failure, STATUS_INTERNAL, "BAD_BINDING",
                           "the binding's body is no message");
    }
    enum status status = json_read(field->descriptor, http_request_body(http), &STRICT,
                                   http_request_arena(http), &held, failure);
    if (status == STATUS_OK) {
        *(ProtobufCMessage **)(void *)((char *)message + field->offset) = held;
    }
    return status;
}

static enum status read_path(struct http_request *http, const struct route *route,
                             ProtobufCMessage *message, struct failure *failure)
{
    struct arena *arena = http_request_arena(http);
    for (size_t i = 0; i < route->variable_count; i++) {
        struct bytes text;
        if (!uri_decode(route->variables[i].text, false, arena, &text)) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "MALFORMED_URL",
                               "the path has a malformed escape");
        }
        enum status status = json_assign(message, route->variables[i].field, text, arena, failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status read_query(struct http_request *http, const struct route *route,
                              ProtobufCMessage *message, struct failure *failure)
{
    struct arena *arena = http_request_arena(http);
    struct bytes query = http_request_query(http), name, value, path, text;
    size_t body_size = strlen(route->rule->body);
    while (uri_next_parameter(&query, &name, &value)) {
        if (!uri_decode(name, true, arena, &path) || !uri_decode(value, true, arena, &text)) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "MALFORMED_URL",
                               "the query has a malformed escape");
        }
        const char *body = route->rule->body;
        bool is_of_body = body_size > 0 && path.size >= body_size &&
                          memcmp(path.data, body, body_size) == 0 &&
                          (path.size == body_size || path.data[body_size] == '.');
        if (strcmp(body, "*") == 0 || is_of_body) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "UNKNOWN_FIELD",
                               "a parameter of the query belongs into the body");
        }
        enum status status = json_assign(message, path, text, arena, failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status read_idempotency_key(struct http_request *http, ProtobufCMessage *message,
                                        struct failure *failure)
{
    const char *header = http_request_header(http, "Idempotency-Key");
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, "request_id");
    if (header == NULL || field == NULL) {
        return STATUS_OK;
    }
    struct bytes key = unquote(bytes_of_text(header));
    const char *given = *(const char *const *)(const void *)((char *)message + field->offset);
    if (key.size == 0) {
        return failure_set_field(failure, "request_id", "BAD_VALUE", "Idempotency-Key is empty");
    }
    if (given[0] != '\0' && !bytes_equal(bytes_of_text(given), key)) {
        return failure_set_field(failure, "request_id", "DUPLICATE_FIELD",
                                 "Idempotency-Key and requestId differ");
    }
    return given[0] != '\0' ? STATUS_OK
                            : json_assign(message, bytes_of_text("request_id"), key,
                                          http_request_arena(http), failure);
}

/* The first etag is put into the message; others may follow, each in its place (rest.c). */
static enum status read_if_match(struct http_request *http, const struct route *route,
                                 ProtobufCMessage *message, struct rest_condition *condition,
                                 struct failure *failure)
{
    const char *header = http_request_header_list(http, "If-Match");
    if (header == NULL || strcmp(header, "*") == 0) {
        return STATUS_OK;
    }
    struct if_match if_match;
    enum status status = if_match_read(header, http_request_arena(http), &if_match, failure);
    if (status != STATUS_OK) {
        return status;
    }
    const char **place = find_etag(route, message);
    if (place == NULL) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "IF_MATCH_UNSUPPORTED",
                           "this method knows no etag: If-Match would protect nothing");
    }
    if ((*place)[0] != '\0') {
        return failure_set_field(failure, "etag", "DUPLICATE_FIELD",
                                 "the etag stands in the request and in If-Match");
    }
    *condition = (struct rest_condition){if_match, place};
    if (if_match.count == 0) {
        return failure_set(failure, STATUS_ABORTED, "ETAG_MISMATCH",
                           "nothing was done: a weak or empty etag matches nothing");
    }
    *place = if_match.etags[0];
    return STATUS_OK;
}

/* It stands in the request, or in the resource that is its body; NULL when in neither. */
static const char **find_etag(const struct route *route, ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *body =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, route->rule->body);
    ProtobufCMessage *holders[] = {message, NULL};
    if (body != NULL && body->type == PROTOBUF_C_TYPE_MESSAGE) {
        holders[1] = *(ProtobufCMessage **)(void *)((char *)message + body->offset);
    }
    for (size_t i = 0; i < 2 && holders[i] != NULL; i++) {
        const ProtobufCFieldDescriptor *etag =
            protobuf_c_message_descriptor_get_field_by_name(holders[i]->descriptor, "etag");
        if (etag != NULL && etag->type == PROTOBUF_C_TYPE_STRING) {
            return (const char **)(void *)((char *)holders[i] + etag->offset);
        }
    }
    return NULL;
}

/* A PATCH changes what its body names, unless a parameter says updateMask. The etag is no change:
 * it says what the change is made to. */
static enum status fill_update_mask(struct http_request *http, const struct route *route,
                                    ProtobufCMessage *message, struct failure *failure)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, "update_mask");
    const ProtobufCFieldDescriptor *body =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, route->rule->body);
    struct arena *arena = http_request_arena(http);
    if (field == NULL || body == NULL ||
        field->descriptor != &google__protobuf__field_mask__descriptor) {
        return failure_set(failure, STATUS_INTERNAL, "BAD_BINDING",
                           "a PATCH needs an update_mask and a body");
    }
    Google__Protobuf__FieldMask **place = (void *)((char *)message + field->offset);
    Google__Protobuf__FieldMask *mask = *place;
    if (mask == NULL) {
        mask = (Google__Protobuf__FieldMask *)json_message_create(field->descriptor, arena);
        struct bytes text = http_request_body(http);
        if (mask == NULL || !json_read_mask(body->descriptor, text, arena, mask)) {
            return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
                               "no memory");
        }
        leave_out(mask, "etag");
        *place = mask;
    }
    return mask->n_paths > 0 ? STATUS_OK
                             : failure_set_field(failure, "update_mask", "BAD_VALUE",
                                                 "the body names no field to change");
}

static void leave_out(Google__Protobuf__FieldMask *mask, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < mask->n_paths; i++) {
        if (strcmp(mask->paths[i], name) != 0) {
            mask->paths[kept++] = mask->paths[i];
        }
    }
    mask->n_paths = kept;
}

static bool is_json(const char *type)
{
    static const char JSON[] = "application/json";
    size_t size = sizeof JSON - 1;
    return type != NULL && strncasecmp(type, JSON, size) == 0 &&
           (type[size] == '\0' || type[size] == ';' || type[size] == ' ');
}

static struct bytes unquote(struct bytes text)
{
    bool is_quoted = text.size >= 2 && text.data[0] == '"' && text.data[text.size - 1] == '"';
    return is_quoted ? bytes_of(text.data + 1, text.size - 2) : text;
}
