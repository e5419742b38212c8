/* See fake_call.h. */
#include "tests/fakes/fake_call.h"

#include <stdlib.h>

#include "tests/cmocka_all.h"

void fake_call_init(struct rpc_call *call, const ProtobufCMessage *request, const void *tag,
                    int64_t deadline_ms)
{
    *call = (struct rpc_call){
        .request = request,
        .tag = tag,
        .id = "call-1",
        .deadline_ms = deadline_ms,
    };
    arena_init(&call->arena, 4096, 8 * 1024 * 1024);
}

void fake_call_fini(struct rpc_call *call)
{
    if (call->response != NULL) {
        protobuf_c_message_free_unpacked(call->response, NULL);
    }
    arena_fini(&call->arena);
}

const ProtobufCMessage *rpc_call_request(const struct rpc_call *call)
{
    return call->request;
}

struct arena *rpc_call_arena(struct rpc_call *call)
{
    return &call->arena;
}

const char *rpc_call_method(const struct rpc_call *call)
{
    (void)call;
    return "/test/Method";
}

const void *rpc_call_tag(const struct rpc_call *call)
{
    return call->tag;
}

const char *rpc_call_id(const struct rpc_call *call)
{
    return call->id;
}

const char *rpc_call_traceparent(const struct rpc_call *call)
{
    assert_non_null(call);
    return "";
}

int64_t rpc_call_deadline_ms(const struct rpc_call *call)
{
    return call->deadline_ms;
}

int64_t rpc_call_answer_by_ms(const struct rpc_call *call)
{
    return call->deadline_ms - 20;
}

bool rpc_call_is_local(const struct rpc_call *call)
{
    return call->local;
}

const char *rpc_call_principal(const struct rpc_call *call)
{
    return call->local ? "local" : "anonymous";
}

void rpc_reply(struct rpc_call *call, const ProtobufCMessage *response)
{
    size_t size = protobuf_c_message_get_packed_size(response);
    uint8_t *bytes = malloc(size + 1);
    assert_non_null(bytes);
    (void)protobuf_c_message_pack(response, bytes);
    call->response = protobuf_c_message_unpack(response->descriptor, NULL, size, bytes);
    free(bytes);
    assert_non_null(call->response);
    call->answers++;
}

void rpc_fail(struct rpc_call *call, const struct failure *failure)
{
    assert_int_not_equal(failure->code, STATUS_OK);
    call->failure = *failure;
    call->answers++;
}

void fake_call_expect_failure(const struct rpc_call *call, enum status code, const char *reason)
{
    assert_int_equal(call->answers, 1);
    assert_null(call->response);
    assert_string_equal(call->failure.reason, reason);
    assert_int_equal(call->failure.code, code);
}

const void *fake_call_expect_reply(const struct rpc_call *call)
{
    if (call->failure.code != STATUS_OK) {
        fail_msg("failed with %s: %s", call->failure.reason, call->failure.message);
    }
    assert_int_equal(call->answers, 1);
    assert_non_null(call->response);
    return call->response;
}

const char *fake_call_metadata(const struct rpc_call *call, const char *key)
{
    for (size_t i = 0; i < call->failure.metadata_count; i++) {
        if (strcmp(call->failure.metadata[i].key, key) == 0) {
            return call->failure.metadata[i].value;
        }
    }
    return "";
}
