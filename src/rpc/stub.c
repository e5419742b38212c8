/* See channel.h: what the generated functions call. A request becomes bytes here, an answer becomes
 * a response or a failure. */
#include <assert.h>
#include <string.h>

#include "base/uuid.h"
#include "rpc/channel.h"
#include "rpc/channel_exchange.h"
#include "rpc/envelope.h"
#include "rpc/message.h"

#define REQUEST_ENVELOPE_BYTES_MAX 256 /* a method, a call_id and two numbers */

static void invoke(ProtobufCService *service, unsigned method_index,
                   const ProtobufCMessage *request, ProtobufCClosure closure, void *closure_data);
static void do_nothing(ProtobufCService *service);
static enum status write_request(struct rpc_stub *stub, const ProtobufCMessage *request,
                                 int32_t timeout_ms, size_t *size_out);
static const char *make_path(struct arena *arena, const char *service, const char *method);
static const ProtobufCMessage *with_request_id(const ProtobufCMessage *request,
                                               const char *request_id, struct arena *arena);
static const ProtobufCMessage *read_answer(struct rpc_stub *stub);
static const ProtobufCMessage *read_response(struct rpc_stub *stub, struct bytes answer);
static enum status explain(enum link_outcome outcome, struct failure *failure);

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
    int32_t timeout_ms = stub->timeout_ms > 0 ? stub->timeout_ms : channel_timeout_ms(channel);
    struct uuid call_id = uuid_v7(channel_clock(channel));
    uuid_print(&call_id, stub->call_id);
    if (stub->failure.code != STATUS_OK) {
        memset(&stub->failure, 0, sizeof stub->failure);
    }
    stub->method = &stub->service.descriptor->methods[method_index];
    stub->closure = closure;
    stub->closure_data = closure_data;

    size_t size = 0;
    bool is_ready = channel_enter(channel, stub, timeout_ms, &stub->failure) == STATUS_OK &&
                    write_request(stub, request, timeout_ms, &size) == STATUS_OK;
    struct channel_exchange *exchange = stub->exchange;
    if (stub->async) {
        if (is_ready) {
            link_exchange_start(exchange->link, size, timeout_ms);
        } else {
            channel_complete(channel, stub);
        }
        return;
    }
    if (is_ready) {
        link_exchange_run(exchange->link, size, timeout_ms);
    }
    if (exchange != NULL) {
        channel_vacate(channel);
    }
    stub_finish(stub);
    channel_leave(channel, exchange);
}

static enum status write_request(struct rpc_stub *stub, const ProtobufCMessage *request,
                                 int32_t timeout_ms, size_t *size_out)
{
    struct channel_exchange *exchange = stub->exchange;
    arena_reset(&exchange->arena);
    const ProtobufCMessage *sent = with_request_id(request, stub->call_id, &exchange->arena);
    size_t size = protobuf_c_message_get_packed_size(sent);
    if (size > RPC_MESSAGE_BYTES_MAX - REQUEST_ENVELOPE_BYTES_MAX) {
        return failure_set(&stub->failure, STATUS_INVALID_ARGUMENT, "REQUEST_TOO_LARGE",
                           "not done: the request has %zu bytes, more than fit into a message",
                           size);
    }
    uint8_t *out = link_exchange_request(exchange->link, REQUEST_ENVELOPE_BYTES_MAX + size);
    const char *path =
        make_path(&exchange->arena, stub->service.descriptor->name, stub->method->name);
    if (out == NULL || path == NULL) {
        return failure_set(&stub->failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "not done: no memory for the request");
    }
    struct envelope_request envelope = {
        .method = path,
        .timeout_ms = (uint32_t)timeout_ms,
        .call_id = stub->call_id,
    };
    size_t used = envelope_encode_request(&envelope, out, REQUEST_ENVELOPE_BYTES_MAX);
    *size_out = used + protobuf_c_message_pack(sent, out + used);
    return STATUS_OK;
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

/* The caller's message stays as it is: a copy of its outermost part gets the id. */
static const ProtobufCMessage *with_request_id(const ProtobufCMessage *request,
                                               const char *request_id, struct arena *arena)
{
    const ProtobufCMessageDescriptor *descriptor = request->descriptor;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(descriptor, "request_id");
    if (field == NULL || field->type != PROTOBUF_C_TYPE_STRING ||
        field->label != PROTOBUF_C_LABEL_NONE ||
        (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        return request;
    }
    const char *given;
    memcpy(&given, (const char *)request + field->offset, sizeof given);
    if (given != NULL && given[0] != '\0') {
        return request;
    }
    ProtobufCMessage *copy = arena_alloc(arena, descriptor->sizeof_message);
    if (copy == NULL) {
        return request; /* the server refuses it */
    }
    memcpy(copy, request, descriptor->sizeof_message);
    memcpy((char *)copy + field->offset, &request_id, sizeof request_id);
    return copy;
}

void stub_finish(struct rpc_stub *stub)
{
    const ProtobufCMessage *response = NULL;
    if (stub->failure.code == STATUS_OK) {
        response = read_answer(stub);
    }
    struct channel_exchange *exchange = stub->exchange;
    stub->exchange = NULL;
    stub->closure(response, stub->closure_data);
    if (exchange != NULL) {
        link_exchange_reset(exchange->link);
    }
}

static const ProtobufCMessage *read_answer(struct rpc_stub *stub)
{
    struct channel_exchange *exchange = stub->exchange;
    assert(exchange != NULL); /* a call without a place has failed already */
    enum link_outcome outcome = link_exchange_outcome(exchange->link);
    if (outcome != LINK_ANSWERED) {
        (void)explain(outcome, &stub->failure);
        return NULL;
    }
    arena_reset(&exchange->arena);
    const ProtobufCMessage *response = read_response(stub, link_exchange_answer(exchange->link));
    if (response == NULL && stub->failure.code == STATUS_OK) {
        (void)failure_set(&stub->failure, STATUS_UNKNOWN, "MALFORMED_RESPONSE",
                          "the server's answer cannot be read; it may have been done");
    }
    return response;
}

/* NULL with stub->failure as the server gave it, or untouched when the answer is none to this. */
static const ProtobufCMessage *read_response(struct rpc_stub *stub, struct bytes answer)
{
    struct arena *arena = &stub->exchange->arena;
    struct envelope_response envelope;
    if (envelope_decode_response(answer, arena, &envelope, NULL) != STATUS_OK) {
        return NULL;
    }
    bool is_ours = strcmp(envelope.call_id, stub->call_id) == 0;
    if (envelope.failure != NULL) {
        /* A server that could not read the envelope does not know the id. */
        if (is_ours || envelope.call_id[0] == '\0') {
            stub->failure = *envelope.failure;
        }
        return NULL;
    }
    ProtobufCMessage *response = NULL;
    if (!is_ours || message_decode(stub->method->output, envelope.payload, arena, &response,
                                   NULL) != STATUS_OK) {
        return NULL;
    }
    return response;
}

static enum status explain(enum link_outcome outcome, struct failure *failure)
{
    switch (outcome) {
    case LINK_NOT_SENT:
        return failure_set(failure, STATUS_UNAVAILABLE, "NO_SERVER",
                           "not done: no server took the call in time");
    case LINK_NO_ANSWER:
        return failure_set(failure, STATUS_DEADLINE_EXCEEDED, "NO_ANSWER",
                           "no answer in time; it may have been done");
    case LINK_LOST:
        return failure_set(failure, STATUS_UNKNOWN, "CONNECTION_LOST",
                           "the connection broke before the answer; it may have been done");
    case LINK_CLOSED:
        return failure_set(failure, STATUS_CANCELLED, "CHANNEL_CLOSED",
                           "the channel was closed before the answer");
    case LINK_NO_MEMORY:
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "not done: no memory for the call");
    case LINK_ANSWERED:
        break;
    }
    return STATUS_OK;
}
