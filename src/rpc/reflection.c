/* See reflection.h. */
#include "rpc/reflection.h"

#include <rpc/v1/reflection.pb-c.h>

static void list_services(void *lane, struct rpc_call **calls, size_t count);
static void get_file_descriptor_set(void *lane, struct rpc_call **calls, size_t count);

struct rpc_service reflection_service(const struct reflection *reflection,
                                      struct rpc_method methods[REFLECTION_METHODS])
{
    methods[0] = (struct rpc_method){
        .name = "ListServices",
        .lane = RPC_LANE_NONE,
        .handler = list_services,
        .tag = reflection,
    };
    methods[1] = (struct rpc_method){
        .name = "GetFileDescriptorSet",
        .lane = RPC_LANE_NONE,
        .handler = get_file_descriptor_set,
        .tag = reflection,
    };
    return (struct rpc_service){
        .descriptor = &rpc__v1__reflection__descriptor,
        .methods = methods,
        .method_count = REFLECTION_METHODS,
    };
}

static void list_services(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    (void)count;
    const struct reflection *reflection = rpc_call_tag(calls[0]);
    Rpc__V1__ListServicesResponse response = RPC__V1__LIST_SERVICES_RESPONSE__INIT;
    /* The generated member is not const, but packing only reads it. */
    response.services =
        (char **)(uintptr_t)router_services(reflection->router, &response.n_services);
    rpc_reply(calls[0], &response.base);
}

static void get_file_descriptor_set(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    (void)count;
    const struct reflection *reflection = rpc_call_tag(calls[0]);
    if (reflection->contracts.size == 0) {
        struct failure failure;
        (void)failure_set(&failure, STATUS_UNIMPLEMENTED, "NO_CONTRACTS",
                          "this server was built without its contracts");
        rpc_fail(calls[0], &failure);
        return;
    }
    Rpc__V1__GetFileDescriptorSetResponse response =
        RPC__V1__GET_FILE_DESCRIPTOR_SET_RESPONSE__INIT;
    response.file_descriptor_set.data = (uint8_t *)(uintptr_t)reflection->contracts.data;
    response.file_descriptor_set.len = reflection->contracts.size;
    rpc_reply(calls[0], &response.base);
}
