/* See channel.h: what the generated functions call. A request becomes bytes here, an answer becomes
 * a response or a failure. */
#include <assert.h>
#include <string.h>

#include "base/uuid.h"
#include "rpc/channel_exchange.h"
#include "rpc/envelope_metadata.h"
#include "rpc/message.h"

#define REQUEST_ENVELOPE_BYTES_MAX 384 /* a method, a call_id, a trace and two numbers */
/* With metadata: each pair has three tags and three sizes, of one or two bytes. */
#define METADATA_ENVELOPE_BYTES_MAX \
    (REQUEST_ENVELOPE_BYTES_MAX + RPC_METADATA_BYTES_MAX + RPC_METADATA_MAX * 8)

static void invoke(ProtobufCService *service, unsigned method_index,
                   const ProtobufCMessage *request, ProtobufCClosure closure, void *closure_data);
static void do_nothing(ProtobufCService *service);
static enum status prepare(struct rpc_stub *stub, const ProtobufCMessage *request);
static const char *make_path(struct arena *arena, const char *service, const char *method);
static const char *copy_trace(const char *traceparent, struct arena *arena);
static enum status copy_metadata(struct rpc_stub *stub);
static bool write_with_metadata(const struct envelope_request *envelope, struct attempt *attempt);
static bool write_message(struct attempt *attempt, const uint8_t *head, size_t head_size,
                          struct bytes payload);
static const ProtobufCMessage *with_request_id(const ProtobufCMessage *request,
                                               const char *request_id, struct arena *arena,
                                               bool *carries_out);
static void read_envelope(struct channel_exchange *exchange, struct attempt *attempt);
static const ProtobufCMessage *read_response(struct rpc_stub *stub);
static void explain(enum link_outcome outcome, struct failure *failure);
static enum status fail_malformed(struct failure *failure);

void rpc_stub_init(struct rpc_stub *stub, struct rpc_channel *channel,
                   const ProtobufCServiceDescriptor *service)
{
    memset(stub, 0, sizeof *stub);
    stub->service.descriptor = service;
    stub->service.invoke = invoke;
    stub->service.destroy = do_nothing;
    stub->channel = channel;
}

static void invoke(ProtobufCService *service, unsigned method_index,
                   const ProtobufCMessage *request, ProtobufCClosure closure, void *closure_data)
{
    rpc_stub_invoke((struct rpc_stub *)service, method_index, request, closure, closure_data);
}

static void do_nothing(ProtobufCService *service)
{
    (void)service;
}

void rpc_stub_invoke(struct rpc_stub *stub, unsigned method_index, const ProtobufCMessage *request,
                     ProtobufCClosure closure, void *closure_data)
{
    struct rpc_channel *channel = stub->channel;
    const int32_t timeout_ms = stub->timeout_ms > 0 ? stub->timeout_ms : channel->timeout_ms;
    struct uuid call_id = uuid_v7(channel->clock);
    uuid_print(&call_id, stub->call_id);
    if (stub->failure.code != STATUS_OK) {
        memset(&stub->failure, 0, sizeof stub->failure);
    }
    stub->method = &stub->service.descriptor->methods[method_index];
    stub->closure = closure;
    stub->closure_data = closure_data;

    bool is_ready = channel_enter(channel, stub, timeout_ms, &stub->failure) == STATUS_OK &&
                    prepare(stub, request) == STATUS_OK;
    struct channel_exchange *exchange = stub->exchange;
    if (stub->async) {
        if (is_ready) {
            channel_begin(exchange);
        } else {
            channel_complete(channel, stub);
        }
        return;
    }
    if (is_ready) {
        attempts_run(exchange);
    }
    channel_vacate(channel, stub);
    stub_finish(stub);
    channel_leave(channel, exchange);
}

void rpc_stub_cancel(struct rpc_stub *stub)
{
    struct rpc_channel *channel = stub->channel;
    (void)pthread_mutex_lock(&channel->lock);
    if (stub->running != NULL && stub->running->stub == stub) {
        attempts_cancel(stub->running);
    }
    (void)pthread_mutex_unlock(&channel->lock);
}

static enum status fail_no_memory(struct rpc_stub *stub)
{
    return failure_set(&stub->failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                       "not done: no memory for the request");
}

/* The call's bytes, once for all of its tries: the request may be gone before the last of them. */
static enum status prepare(struct rpc_stub *stub, const ProtobufCMessage *request)
{
    struct channel_exchange *exchange = stub->exchange;
    struct arena *arena = &exchange->request;
    exchange->traceparent = copy_trace(stub->traceparent, arena);
    exchange->metadata_count = stub->metadata_count;
    size_t envelope_max = REQUEST_ENVELOPE_BYTES_MAX;
    if (stub->metadata_count > 0) {
        envelope_max = METADATA_ENVELOPE_BYTES_MAX;
        if (copy_metadata(stub) != STATUS_OK) {
            return stub->failure.code;
        }
    }
    const ProtobufCMessage *sent =
        with_request_id(request, stub->call_id, arena, &exchange->carries_request_id);
    size_t size = protobuf_c_message_get_packed_size(sent);
    if (size > RPC_MESSAGE_BYTES_MAX - envelope_max) {
        return failure_set(&stub->failure, STATUS_INVALID_ARGUMENT, "REQUEST_TOO_LARGE",
                           "not done: the request has %zu bytes, more than fit into a message",
                           size);
    }
    uint8_t *payload = arena_alloc(arena, size > 0 ? size : 1);
    exchange->path = make_path(arena, stub->service.descriptor->name, stub->method->name);
    if (payload == NULL || exchange->path == NULL) {
        return fail_no_memory(stub);
    }
    exchange->payload = bytes_of(payload, protobuf_c_message_pack(sent, payload));
    const struct rpc_channel *channel = stub->channel;
    exchange->is_hedged = channel->hedge_after_ms > 0 && channel->target_count > 1 &&
                          rpc_idempotency_of(exchange->path) == RPC_NO_SIDE_EFFECTS;
    bool may_share = stub->may_share && stub->async && !exchange->is_hedged;
    exchange->kind = may_share ? stub->method : NULL;
    return STATUS_OK;
}

bool stub_write_try(const struct channel_exchange *exchange, struct attempt *attempt,
                    unsigned number, int64_t timeout_ms)
{
    const struct envelope_request envelope = {
        .method = exchange->path,
        .timeout_ms =
            timeout_ms > 0 ? (uint32_t)timeout_ms : 1, /* 0 would leave it to the server */
        .call_id = exchange->stub->call_id,
        .attempt = number,
        .is_forwarded = exchange->channel->is_forwarding,
        .traceparent = exchange->traceparent,
        .metadata = exchange->metadata,
        .metadata_count = exchange->metadata_count,
        .payload = exchange->payload,
    };
    if (envelope.metadata_count > 0) {
        return write_with_metadata(&envelope, attempt);
    }
    uint8_t head[REQUEST_ENVELOPE_BYTES_MAX];
    size_t size = envelope_encode_request(&envelope, head, sizeof head);
    return write_message(attempt, head, size, envelope.payload);
}

/* Apart from the others, which need no kilobytes of stack. */
static bool write_with_metadata(const struct envelope_request *envelope, struct attempt *attempt)
{
    uint8_t head[METADATA_ENVELOPE_BYTES_MAX];
    size_t size = envelope_encode_request(envelope, head, sizeof head);
    return write_message(attempt, head, size, envelope->payload);
}

static bool write_message(struct attempt *attempt, const uint8_t *head, size_t head_size,
                          struct bytes payload)
{
    uint8_t *out = link_exchange_request(attempt->link, head_size + payload.size);
    if (out == NULL) {
        return false;
    }
    memcpy(out, head, head_size);
    memcpy(out + head_size, payload.data, payload.size);
    return true;
}

/* "/package.Service/Method"; NULL when the arena is full. */
static const char *make_path(struct arena *arena, const char *service, const char *method)
{
    size_t service_size = strlen(service), method_size = strlen(method);
    char *path = arena_alloc(arena, service_size + method_size + 3);
    if (path == NULL) {
        return NULL;
    }
    path[0] = '/';
    memcpy(path + 1, service, service_size);
    path[1 + service_size] = '/';
    memcpy(path + 2 + service_size, method, method_size);
    path[2 + service_size + method_size] = '\0';
    return path;
}

/* NULL for what cannot be one; the server looks at the rest. */
static const char *copy_trace(const char *traceparent, struct arena *arena)
{
    if (traceparent == NULL || strlen(traceparent) != ENVELOPE_TRACEPARENT_BYTES - 1) {
        return NULL;
    }
    char *copy = arena_alloc(arena, ENVELOPE_TRACEPARENT_BYTES);
    if (copy != NULL) {
        memcpy(copy, traceparent, ENVELOPE_TRACEPARENT_BYTES);
    }
    return copy;
}

static enum status copy_metadata(struct rpc_stub *stub)
{
    struct channel_exchange *exchange = stub->exchange;
    const struct rpc_metadata *given = stub->metadata;
    const size_t count = stub->metadata_count;
    if (!metadata_are_fine(given, count, exchange->traceparent) ||
        metadata_find(given, count, METADATA_TRACEPARENT) != NULL) {
        return failure_set(&stub->failure, STATUS_INVALID_ARGUMENT, "BAD_METADATA",
                           "not done: metadata are at most %d and %d bytes, with the traceparent; "
                           "keys are 1 to %d of [a-z0-9._-] and not traceparent",
                           RPC_METADATA_MAX, RPC_METADATA_BYTES_MAX, RPC_METADATA_KEY_BYTES_MAX);
    }
    struct arena *arena = &exchange->request;
    exchange->metadata = arena_calloc(arena, count, sizeof *exchange->metadata);
    if (exchange->metadata == NULL) {
        return fail_no_memory(stub);
    }
    for (size_t i = 0; i < count; i++) {
        struct rpc_metadata *copy = &exchange->metadata[i];
        copy->key = arena_strdup(arena, given[i].key);
        copy->value = arena_copy(arena, given[i].value);
        if (copy->key == NULL || copy->value.data == NULL) {
            return fail_no_memory(stub);
        }
    }
    return STATUS_OK;
}

/* The caller's message stays as it is: a copy of its outermost part gets the id. */
static const ProtobufCMessage *with_request_id(const ProtobufCMessage *request,
                                               const char *request_id, struct arena *arena,
                                               bool *carries_out)
{
    const ProtobufCMessageDescriptor *descriptor = request->descriptor;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(descriptor, "request_id");
    if (field == NULL || field->type != PROTOBUF_C_TYPE_STRING ||
        field->label != PROTOBUF_C_LABEL_NONE ||
        (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        return request;
    }
    *carries_out = true;
    const char *given;
    memcpy(&given, (const char *)request + field->offset, sizeof given);
    if (given != NULL && given[0] != '\0') {
        return request;
    }
    ProtobufCMessage *copy = arena_alloc(arena, descriptor->sizeof_message);
    if (copy == NULL) {
        *carries_out = false;
        return request; /* the server refuses it */
    }
    memcpy(copy, request, descriptor->sizeof_message);
    memcpy((char *)copy + field->offset, &request_id, sizeof request_id);
    return copy;
}

void stub_read_try(struct channel_exchange *exchange, struct attempt *attempt)
{
    struct failure *failure = &exchange->stub->failure;
    enum link_outcome outcome = link_exchange_outcome(attempt->link);
    if (outcome == LINK_ANSWERED) {
        read_envelope(exchange, attempt);
    } else {
        explain(outcome, failure);
    }
}

/* An answer that is none to this call may hide what was done. */
static void read_envelope(struct channel_exchange *exchange, struct attempt *attempt)
{
    struct rpc_stub *stub = exchange->stub;
    struct envelope_response *envelope = &exchange->envelope;
    arena_reset(&exchange->response);
    if (envelope_decode_response(link_exchange_answer(attempt->link), &exchange->response, envelope,
                                 NULL) != STATUS_OK) {
        (void)fail_malformed(&stub->failure);
        return;
    }
    bool is_ours = strcmp(envelope->call_id, stub->call_id) == 0;
    /* A server that could not read the envelope does not know the id. */
    bool is_blind = envelope->failure != NULL && envelope->call_id[0] == '\0';
    if (!is_ours && !is_blind) {
        (void)fail_malformed(&stub->failure);
    } else if (envelope->failure != NULL) {
        stub->failure = *envelope->failure;
    } else if (stub->failure.code != STATUS_OK) {
        memset(&stub->failure, 0, sizeof stub->failure); /* of an earlier try */
    }
}

void stub_finish(struct rpc_stub *stub)
{
    struct channel_exchange *exchange = stub->exchange;
    const ProtobufCMessage *response = NULL;
    if (stub->failure.code == STATUS_OK) {
        response = read_response(stub);
    }
    stub->exchange = NULL;
    stub->closure(response, stub->closure_data);
    for (size_t i = 0; exchange != NULL && i < exchange->channel->target_count; i++) {
        if (atomic_exchange(&exchange->attempts[i].is_started, false)) {
            link_exchange_reset(exchange->attempts[i].link);
        }
    }
}

/* NULL with stub->failure. */
static const ProtobufCMessage *read_response(struct rpc_stub *stub)
{
    struct channel_exchange *exchange = stub->exchange;
    assert(exchange != NULL); /* a call without a place has failed already */
    ProtobufCMessage *response = NULL;
    if (message_decode(stub->method->output, exchange->envelope.payload, &exchange->response,
                       &response, NULL) != STATUS_OK) {
        (void)fail_malformed(&stub->failure);
        return NULL;
    }
    return response;
}

static enum status fail_malformed(struct failure *failure)
{
    return failure_set(failure, STATUS_UNKNOWN, "MALFORMED_RESPONSE",
                       "the server's answer cannot be read; it may have been done");
}

static void explain(enum link_outcome outcome, struct failure *failure)
{
    switch (outcome) {
    case LINK_NOT_SENT:
        (void)failure_set(failure, STATUS_UNAVAILABLE, "NO_SERVER",
                          "not done: no server took the call in time");
        break;
    case LINK_NO_ANSWER:
        (void)failure_set(failure, STATUS_DEADLINE_EXCEEDED, "NO_ANSWER",
                          "no answer in time; it may have been done");
        break;
    case LINK_LOST:
        (void)failure_set(failure, STATUS_UNKNOWN, "CONNECTION_LOST",
                          "the connection broke before the answer; it may have been done");
        break;
    case LINK_CANCELLED:
        (void)failure_set(failure, STATUS_CANCELLED, "CALL_CANCELLED",
                          "the caller cancelled it; it may have been done");
        break;
    case LINK_CLOSED:
        (void)failure_set(failure, STATUS_CANCELLED, "CHANNEL_CLOSED",
                          "the channel was closed before the answer");
        break;
    case LINK_NO_MEMORY:
        (void)failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                          "not done: no memory for the call");
        break;
    case LINK_ANSWERED:
        break;
    }
}
