/* See script.h. */
#include "script.h"

#include <grpc/health/v1/health.pb-c.h>
#include <nng/protocol/reqrep0/rep.h>
#include <shop/v1/order_service.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "rpc/bundle.h"
#include "rpc/envelope.h"
#include "tests/cmocka_all.h"
#include "toy.h"

static void *answer_all(void *data);
static bool answer(struct script *script, nng_msg *message);
static bool answer_bundle(struct script *script, const struct bytes *parts, size_t count,
                          nng_msg *message);
static bool answer_call(struct script *script, struct bytes call, nng_msg *out);
static void answer_unreadable(nng_msg *out);
static void note_call(struct script *script, const struct envelope_request *request);
static void note_metadata(struct script_call *call, const struct envelope_request *request);
static size_t write_response(const struct envelope_request *request, const struct script *script,
                             uint8_t *out);

void script_start(struct script *script)
{
    memset(script, 0, sizeof *script);
    (void)pthread_mutex_init(&script->lock, NULL);
    toy_endpoint("ipc", script->endpoint);
    assert_int_equal(nng_rep0_open(&script->socket), 0);
    assert_int_equal(nng_listen(script->socket, script->endpoint, NULL, 0), 0);
    assert_int_equal(pthread_create(&script->thread, NULL, answer_all, script), 0);
}

void script_stop(struct script *script)
{
    (void)nng_close(script->socket);
    (void)pthread_join(script->thread, NULL);
    (void)pthread_mutex_destroy(&script->lock);
}

void script_refuse(struct script *script, size_t count, enum status code, int64_t retry_delay_ms)
{
    (void)pthread_mutex_lock(&script->lock);
    script->refusals = count;
    script->code = code;
    script->retry_delay_ms = retry_delay_ms;
    (void)pthread_mutex_unlock(&script->lock);
}

void script_set(struct script *script, bool *what, bool value)
{
    (void)pthread_mutex_lock(&script->lock);
    *what = value;
    (void)pthread_mutex_unlock(&script->lock);
}

size_t script_count(struct script *script, const size_t *what)
{
    (void)pthread_mutex_lock(&script->lock);
    size_t count = *what;
    (void)pthread_mutex_unlock(&script->lock);
    return count;
}

static void *answer_all(void *data)
{
    struct script *script = data;
    nng_msg *message;
    while (nng_recvmsg(script->socket, &message, 0) == 0) {
        (void)pthread_mutex_lock(&script->lock);
        bool has_answer = answer(script, message);
        (void)pthread_mutex_unlock(&script->lock);
        if (!has_answer || nng_sendmsg(script->socket, message, 0) != 0) {
            nng_msg_free(message);
        }
    }
    return NULL;
}

/* Writes the answer over the request; false when there is to be none. */
static bool answer(struct script *script, nng_msg *message)
{
    struct bytes parts[BUNDLE_PARTS_MAX];
    nng_msg *request;
    assert_int_equal(nng_msg_dup(&request, message), 0);
    struct bytes bytes = bytes_of(nng_msg_body(request), nng_msg_len(request));
    size_t count = bundle_read(bytes, parts);
    nng_msg_clear(message);
    bool has_answer = count == 0 ? answer_call(script, bytes, message)
                                 : answer_bundle(script, parts, count, message);
    nng_msg_free(request);
    return has_answer;
}

static bool answer_bundle(struct script *script, const struct bytes *parts, size_t count,
                          nng_msg *message)
{
    struct bytes answers[BUNDLE_PARTS_MAX] = {{0}};
    nng_msg *messages[BUNDLE_PARTS_MAX];
    script->bundles++;
    script->largest_bundle = count > script->largest_bundle ? count : script->largest_bundle;
    if (!script->reads_bundles) {
        answer_unreadable(message);
        return true;
    }
    bool has_answer = true, is_mixed = false;
    for (size_t i = 0; i < count; i++) {
        char before[sizeof script->last_method];
        memcpy(before, script->last_method, sizeof before);
        assert_int_equal(nng_msg_alloc(&messages[i], 0), 0);
        has_answer = answer_call(script, parts[i], messages[i]) && has_answer;
        is_mixed |= i > 0 && strcmp(before, script->last_method) != 0;
        answers[i] = bytes_of(nng_msg_body(messages[i]), nng_msg_len(messages[i]));
    }
    script->mixed_bundles += is_mixed;
    size_t answered = script->is_short ? count - 1 : count;
    assert_int_equal(nng_msg_realloc(message, bundle_size(answers, answered)), 0);
    bundle_write(answers, answered, nng_msg_body(message));
    for (size_t i = 0; i < count; i++) {
        nng_msg_free(messages[i]);
    }
    return has_answer;
}

static bool answer_call(struct script *script, struct bytes call, nng_msg *out)
{
    struct arena arena;
    struct envelope_request request;
    uint8_t bytes[4096];
    arena_init(&arena, 1024, 1024 * 1024);
    assert_int_equal(envelope_decode_request(call, &arena, &request, NULL), STATUS_OK);
    bool is_check = strcmp(request.method, "/grpc.health.v1.Health/Check") == 0;
    (void)snprintf(script->last_method, sizeof script->last_method, "%s", request.method);
    if (is_check) {
        script->checks++;
    } else {
        note_call(script, &request);
    }
    bool has_answer = !script->is_mute && (is_check || !script->is_deaf);
    if (has_answer) {
        size_t size = write_response(&request, script, bytes);
        if (!is_check && script->refusals > 0) {
            script->refusals--;
        }
        assert_int_equal(nng_msg_append(out, bytes, size), 0);
    }
    arena_fini(&arena);
    return has_answer;
}

static void answer_unreadable(nng_msg *out)
{
    struct failure failure;
    (void)failure_set(&failure, STATUS_INVALID_ARGUMENT, "MALFORMED_ENVELOPE", "what is this");
    const struct envelope_response response = {
        .failure = &failure, .call_id = "", .server_id = "script", .domain = "tests"};
    uint8_t bytes[4096];
    assert_int_equal(
        nng_msg_append(out, bytes, envelope_encode_response(&response, bytes, sizeof bytes)), 0);
}

static void note_call(struct script *script, const struct envelope_request *request)
{
    if (script->call_count++ >= SCRIPT_CALLS_MAX) {
        return;
    }
    struct script_call *call = &script->calls[script->call_count - 1];
    (void)snprintf(call->method, sizeof call->method, "%s", request->method);
    (void)snprintf(call->call_id, sizeof call->call_id, "%s", request->call_id);
    call->attempt = request->attempt;
    call->timeout_ms = request->timeout_ms;
    (void)snprintf(call->traceparent, sizeof call->traceparent, "%s", request->traceparent);
    note_metadata(call, request);
    if (strstr(request->method, "/CreateOrder") != NULL) {
        Shop__V1__CreateOrderRequest *body = shop__v1__create_order_request__unpack(
            NULL, request->payload.size, request->payload.data);
        assert_non_null(body);
        (void)snprintf(call->request_id, sizeof call->request_id, "%s", body->request_id);
        shop__v1__create_order_request__free_unpacked(body, NULL);
    }
}

static void note_metadata(struct script_call *call, const struct envelope_request *request)
{
    call->metadata_count = request->metadata_count;
    for (size_t i = 0; i < request->metadata_count; i++) {
        const struct rpc_metadata *pair = &request->metadata[i];
        size_t used = strlen(call->metadata);
        (void)snprintf(call->metadata + used, sizeof call->metadata - used, "%s=%.*s;", pair->key,
                       (int)pair->value.size, (const char *)pair->value.data);
    }
}

static size_t write_response(const struct envelope_request *request, const struct script *script,
                             uint8_t *out)
{
    struct envelope_response response = {
        .call_id = request->call_id, .server_id = "script", .domain = "tests"};
    bool is_check = strcmp(request->method, "/grpc.health.v1.Health/Check") == 0;
    struct failure failure;
    if (!is_check && script->refusals > 0) {
        (void)failure_set(&failure, script->code, "REFUSED", "as the script says");
        failure.retry_delay_ms = script->retry_delay_ms;
        response.failure = &failure;
    }
    size_t size = envelope_encode_response(&response, out, 2048);
    if (is_check) {
        Grpc__Health__V1__HealthCheckResponse health =
            GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
        health.status = script->is_not_serving
                            ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
                            : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
        size += grpc__health__v1__health_check_response__pack(&health, out + size);
    }
    return size; /* an empty message is a response of any type */
}
