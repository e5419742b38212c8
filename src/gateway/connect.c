/* See connect.h. */
#include "gateway/connect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/connect_error.h"
#include "gateway/uri.h"
#include "json/base64.h"
#include "json/json_print.h"
#include "json/json_read.h"
#include "rpc/message.h"

#define JSON_TYPE          "application/json"
#define PROTO_TYPE         "application/proto"
#define TIMEOUT_DIGITS_MAX 10 /* the protocol's */

static void handle_post(struct call *call);
static void handle_get(struct call *call);
static bool check_protocol(struct call *call);
static bool read_timeout(struct call *call);
static bool is_type(const char *value, const char *type);
static void start(struct call *call, struct bytes body);
static void on_response(struct call *call, const ProtobufCMessage *response);
static void on_failure(struct call *call, const struct failure *failure);
static void refuse(struct call *call, enum status code, const char *reason, const char *message);
static void refuse_bare(struct call *call, unsigned http_status, const char *header,
                        const char *value);

void connect_handle(struct gateway *gateway, struct http_request *http, const struct method *method)
{
    struct call *call = call_create(gateway, http, method);
    if (call == NULL) {
        return;
    }
    call->on_response = on_response;
    call->on_failure = on_failure;
    const char *verb = http_request_verb(http);
    bool is_get =
        (strcmp(verb, "GET") == 0 || strcmp(verb, "HEAD") == 0) && method->has_no_side_effects;
    if (!is_get && strcmp(verb, "POST") != 0) {
        refuse_bare(call, 405, "Allow", method->has_no_side_effects ? "GET, HEAD, POST" : "POST");
    } else if (!call_admit(call)) {
        return;
    } else if (is_get) {
        handle_get(call);
    } else {
        handle_post(call);
    }
}

static void handle_post(struct call *call)
{
    const char *type = http_request_header(call->http, "Content-Type");
    call->is_proto = is_type(type, PROTO_TYPE);
    if (!call->is_proto && !is_type(type, JSON_TYPE)) {
        refuse_bare(call, 415, "Accept-Post", JSON_TYPE ", " PROTO_TYPE);
        return;
    }
    if (!check_protocol(call)) {
        return;
    }
    if (!http_request_is_identity(call->http)) {
        refuse(call, STATUS_UNIMPLEMENTED, "UNKNOWN_ENCODING",
               "compressed bodies are not supported: identity only");
        return;
    }
    start(call, http_request_body(call->http));
}

/* ?connect=v1&encoding=json&message=...&base64=1, in any order, with others among them. */
static void handle_get(struct call *call)
{
    struct arena *arena = http_request_arena(call->http);
    struct bytes query = http_request_query(call->http);
    struct bytes encoding = uri_find_parameter(query, "encoding", arena);
    struct bytes compression = uri_find_parameter(query, "compression", arena);
    struct bytes base64 = uri_find_parameter(query, "base64", arena);
    struct bytes message = uri_find_parameter(query, "message", arena);
    struct bytes version = uri_find_parameter(query, "connect", arena);
    call->is_proto = bytes_equal(encoding, bytes_of_text("proto"));
    if (!call->is_proto && !bytes_equal(encoding, bytes_of_text("json"))) {
        refuse_bare(call, 415, "Accept-Post", JSON_TYPE ", " PROTO_TYPE);
        return;
    }
    if (!check_protocol(call)) {
        return;
    }
    if (version.data != NULL && !bytes_equal(version, bytes_of_text("v1"))) {
        refuse(call, STATUS_INVALID_ARGUMENT, "BAD_PROTOCOL", "connect=v1 is expected");
        return;
    }
    if (compression.size > 0 && !bytes_equal(compression, bytes_of_text("identity"))) {
        refuse(call, STATUS_UNIMPLEMENTED, "UNKNOWN_ENCODING",
               "compressed messages are not supported: identity only");
        return;
    }
    if (message.data == NULL ||
        (bytes_equal(base64, bytes_of_text("1")) && !base64_decode(message, arena, &message))) {
        refuse(call, STATUS_INVALID_ARGUMENT, "MALFORMED_MESSAGE",
               "the parameter message is missing or malformed");
        return;
    }
    start(call, message);
}

static bool check_protocol(struct call *call)
{
    const char *version = http_request_header(call->http, "Connect-Protocol-Version");
    if (version != NULL && strcmp(version, "1") != 0) {
        refuse(call, STATUS_INVALID_ARGUMENT, "BAD_PROTOCOL",
               "Connect-Protocol-Version: 1 is expected");
        return false;
    }
    return read_timeout(call);
}

static bool read_timeout(struct call *call)
{
    const char *text = http_request_header(call->http, "Connect-Timeout-Ms");
    if (text == NULL) {
        return true;
    }
    size_t digits = strspn(text, "0123456789");
    long long timeout_ms = strtoll(text, NULL, 10);
    if (digits == 0 || digits > TIMEOUT_DIGITS_MAX || text[digits] != '\0' || timeout_ms == 0) {
        refuse(call, STATUS_INVALID_ARGUMENT, "BAD_TIMEOUT",
               "Connect-Timeout-Ms must be a positive integer of at most 10 digits");
        return false;
    }
    /* The body has taken some of it. */
    int64_t passed_ms =
        (clock_monotonic_us(call->gateway->clock) - http_request_start_us(call->http)) / 1000;
    int64_t left_ms = timeout_ms - passed_ms;
    if (left_ms <= 0) {
        refuse(call, STATUS_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
               "the deadline was over before the request was whole; nothing was done");
        return false;
    }
    call->timeout_ms = left_ms < CALL_TIMEOUT_MS_MAX ? (int32_t)left_ms : CALL_TIMEOUT_MS_MAX;
    return true;
}

/* With or without parameters such as charset=utf-8. */
static bool is_type(const char *value, const char *type)
{
    size_t size = strlen(type);
    return value != NULL && strncasecmp(value, type, size) == 0 &&
           (value[size] == '\0' || value[size] == ';' || value[size] == ' ');
}

static void start(struct call *call, struct bytes body)
{
    static const struct json_read_options LAX = {.ignore_unknown = true};
    const ProtobufCMessageDescriptor *type = method_descriptor(call->method)->input;
    struct arena *arena = http_request_arena(call->http);
    struct failure failure = {0};
    ProtobufCMessage *message;
    enum status status = call->is_proto ? message_decode(type, body, arena, &message, &failure)
                                        : json_read(type, body, &LAX, arena, &message, &failure);
    if (status != STATUS_OK) {
        on_failure(call, &failure);
        return;
    }
    call_start(call, message);
}

static void on_response(struct call *call, const ProtobufCMessage *response)
{
    static const struct json_print_options PLAIN = {0};
    struct arena *arena = http_request_arena(call->http);
    struct failure failure = {0};
    struct bytes body;
    enum status status = STATUS_OK;
    if (call->is_proto) {
        body = message_encode(response, arena);
        if (body.data == NULL) {
            status = failure_set(&failure, STATUS_RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE",
                                 "the answer is too large");
        }
    } else {
        status = json_print(response, &PLAIN, arena, &body, &failure);
    }
    if (status != STATUS_OK) { /* ours, not the caller's */
        failure.code = STATUS_INTERNAL;
        on_failure(call, &failure);
        return;
    }
    call_add_cache_control(call, "no-store");
    call_answer(call, STATUS_OK, 200, call->is_proto ? PROTO_TYPE : JSON_TYPE, body);
}

static void on_failure(struct call *call, const struct failure *failure)
{
    struct bytes body = connect_error_print(failure, http_request_arena(call->http));
    call_add_failure_headers(call, failure);
    call_answer(call, failure->code, call_http_status(failure->code), JSON_TYPE, body);
}

static void refuse(struct call *call, enum status code, const char *reason, const char *message)
{
    struct failure failure = {0};
    (void)failure_set(&failure, code, reason, "%s", message);
    on_failure(call, &failure);
}

/* Before the protocol begins: no Connect error, as the protocol has it. */
static void refuse_bare(struct call *call, unsigned http_status, const char *header,
                        const char *value)
{
    http_add_header(call->http, header, value);
    call_answer(call, STATUS_INVALID_ARGUMENT, http_status, NULL, (struct bytes){0});
}

void connect_refuse_unknown(struct http_request *http)
{
    struct failure failure = {0};
    (void)failure_set(&failure, STATUS_UNIMPLEMENTED, "UNKNOWN_METHOD", "there is no such method");
    http_respond(http, 404, JSON_TYPE, connect_error_print(&failure, http_request_arena(http)));
}
