/* See client_call.h. */
#include "client/client_call.h"

#include <assert.h>

#include "rpc/message.h"

struct kept {
    struct arena *arena;
    ProtobufCMessage *response;
    struct failure failure;
};

static void on_response(const ProtobufCMessage *response, void *data);

enum status client_call(struct rpc_channel *channel, const ProtobufCServiceDescriptor *service,
                        const char *method, const ProtobufCMessage *request, int32_t timeout_ms,
                        struct arena *arena, ProtobufCMessage **response_out,
                        struct failure *failure)
{
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, service);
    stub.timeout_ms = timeout_ms;
    return client_call_stub(&stub, method, request, arena, response_out, failure);
}

enum status client_call_stub(struct rpc_stub *stub, const char *method,
                             const ProtobufCMessage *request, struct arena *arena,
                             ProtobufCMessage **response_out, struct failure *failure)
{
    assert(!stub->async);
    struct kept kept = {.arena = arena};
    unsigned index = client_method(stub->service.descriptor, method);
    rpc_stub_invoke(stub, index, request, on_response, &kept);
    const struct failure *why = stub->failure.code != STATUS_OK ? &stub->failure : &kept.failure;
    if (why->code != STATUS_OK) {
        *failure = *why;
        return why->code;
    }
    *response_out = kept.response;
    return STATUS_OK;
}

enum status client_keep(const ProtobufCMessage *message, struct arena *arena,
                        ProtobufCMessage **copy_out, struct failure *failure)
{
    struct bytes encoded = message_encode(message, arena);
    if (encoded.data == NULL && protobuf_c_message_get_packed_size(message) > 0) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE",
                           "the response does not fit into the memory set aside for it");
    }
    return message_decode(message->descriptor, encoded, arena, copy_out, failure);
}

bool client_may_retry(enum status code)
{
    return code == STATUS_UNAVAILABLE || code == STATUS_DEADLINE_EXCEEDED ||
           code == STATUS_UNKNOWN || code == STATUS_RESOURCE_EXHAUSTED;
}

unsigned client_method(const ProtobufCServiceDescriptor *service, const char *method)
{
    const ProtobufCMethodDescriptor *found =
        protobuf_c_service_descriptor_get_method_by_name(service, method);
    assert(found != NULL);
    return (unsigned)(found - service->methods);
}

static void on_response(const ProtobufCMessage *response, void *data)
{
    struct kept *kept = data;
    if (response != NULL) {
        client_keep(response, kept->arena, &kept->response, &kept->failure);
    }
}
