/* See mirror.h. */
#include "mirror.h"

#include <embedded/MIRROR_CONTRACTS.h>
#include <json/test/mirror.pb-c.h>
#include <stdio.h>
#include <unistd.h>

#include "rpc/message.h"
#include "tests/cmocka_all.h"

/* Refuses what has the metadata "refuse", in their words. */
static void show(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    assert_int_equal(count, 1);
    struct bytes why;
    struct failure failure;
    if (rpc_call_metadata(calls[0], "refuse", &why)) {
        (void)failure_set(&failure, STATUS_ABORTED, "TOLD_TO", "%.*s", (int)why.size,
                          (const char *)why.data);
        rpc_fail(calls[0], &failure);
        return;
    }
    rpc_reply(calls[0], rpc_call_request(calls[0]));
}

/* With everything that a failure can carry, and what a terminal must not get. */
static void refuse(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    (void)count;
    struct failure failure;
    (void)failure_set_field(&failure, "deeper.unit_price_minor", "TOO_DEAR", "too \x1b[31mdear");
    failure_add(&failure, "most", "%d", 100);
    failure.retry_delay_ms = 1500;
    rpc_fail(calls[0], &failure);
}

static void forget(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    (void)count;
    const Json__Test__Remembered *request =
        (const Json__Test__Remembered *)rpc_call_request(calls[0]);
    if (request->kind != JSON__TEST__REMEMBERED__KIND__KIND_LOWEST) {
        rpc_reply(calls[0], &request->base);
        return;
    }
    struct failure failure;
    (void)failure_set(&failure, STATUS_UNKNOWN, "OUTCOME_UNKNOWN", "nobody knows");
    rpc_fail(calls[0], &failure);
}

void mirror_start(struct mirror *mirror, struct bytes contracts)
{
    static struct rpc_method methods[9];
    const ProtobufCServiceDescriptor *descriptor = &json__test__mirror__descriptor;
    assert_int_equal(descriptor->n_methods, 9);
    for (unsigned i = 0; i < descriptor->n_methods; i++) {
        const char *name = descriptor->methods[i].name;
        methods[i] = (struct rpc_method){.name = name, .lane = RPC_LANE_NONE, .handler = show};
        if (strcmp(name, "Refuse") == 0) {
            methods[i].handler = refuse;
        } else if (strcmp(name, "Remember") == 0) {
            methods[i].handler = forget;
        }
    }
    static unsigned number;
    (void)snprintf(mirror->endpoint, sizeof mirror->endpoint, "ipc:///tmp/mirror-%d-%u.sock",
                   (int)getpid(), number++);
    mirror->endpoints[0] = mirror->endpoint;
    struct rpc_service service = {
        .descriptor = descriptor, .methods = methods, .method_count = descriptor->n_methods};
    struct bytes own = bytes_of(MIRROR_CONTRACTS, sizeof MIRROR_CONTRACTS - 1);
    struct rpc_server_options options = {
        .endpoints = mirror->endpoints,
        .endpoint_count = 1,
        .server_id = "mirror",
        .max_inflight = 16,
        .services = &service,
        .service_count = 1,
        .contracts = contracts.size > 0 ? contracts : own,
        .clock = clock_system(),
    };
    struct failure failure;
    assert_int_equal(rpc_server_start(&options, &mirror->server, &failure), STATUS_OK);
    rpc_server_set_serving(mirror->server, true);
}

void mirror_stop(struct mirror *mirror)
{
    rpc_server_stop(&mirror->server);
}

Google__Protobuf__FileDescriptorSet *mirror_contracts(struct arena *arena)
{
    ProtobufCMessage *set;
    struct bytes encoded = bytes_of(MIRROR_CONTRACTS, sizeof MIRROR_CONTRACTS - 1);
    assert_int_equal(message_decode(&google__protobuf__file_descriptor_set__descriptor, encoded,
                                    arena, &set, NULL),
                     STATUS_OK);
    return (Google__Protobuf__FileDescriptorSet *)set;
}
