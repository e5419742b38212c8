/* See health.h. */
#include "rpc/health.h"

#include <grpc/health/v1/health.pb-c.h>

static void check(void *lane, struct rpc_call **calls, size_t count);
static void list(void *lane, struct rpc_call **calls, size_t count);
static Grpc__Health__V1__HealthCheckResponse make_status(const struct health *health);

struct rpc_service health_service(const struct health *health,
                                  struct rpc_method methods[HEALTH_METHODS])
{
    methods[0] = (struct rpc_method){
        .name = "Check", .lane = RPC_LANE_NONE, .handler = check, .tag = health};
    methods[1] =
        (struct rpc_method){.name = "List", .lane = RPC_LANE_NONE, .handler = list, .tag = health};
    return (struct rpc_service){
        .descriptor = &grpc__health__v1__health__descriptor,
        .methods = methods,
        .method_count = HEALTH_METHODS,
    };
}

/* A service is as healthy as the server; one that is not there is NOT_FOUND, as gRPC has it. */
static void check(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    (void)count;
    const struct health *health = rpc_call_tag(calls[0]);
    const char *service =
        ((const Grpc__Health__V1__HealthCheckRequest *)rpc_call_request(calls[0]))->service;
    if (service[0] != '\0' && !router_has_service(health->router, service)) {
        struct failure failure;
        (void)failure_set(&failure, STATUS_NOT_FOUND, "SERVICE_NOT_FOUND",
                          "no service %s is served here", service);
        rpc_fail(calls[0], &failure);
        return;
    }
    Grpc__Health__V1__HealthCheckResponse response = make_status(health);
    rpc_reply(calls[0], &response.base);
}

/* The server as a whole ("") and every service. */
static void list(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    (void)count;
    typedef Grpc__Health__V1__HealthListResponse__StatusesEntry entry;
    const struct health *health = rpc_call_tag(calls[0]);
    struct arena *arena = rpc_call_arena(calls[0]);
    Grpc__Health__V1__HealthListResponse response = GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__INIT;
    Grpc__Health__V1__HealthCheckResponse status = make_status(health);
    size_t service_count;
    const char *const *services = router_services(health->router, &service_count);
    entry *entries = arena_calloc(arena, service_count + 1, sizeof *entries);
    response.statuses = arena_calloc(arena, service_count + 1, sizeof response.statuses[0]);
    if (entries == NULL || response.statuses == NULL) {
        struct failure failure;
        (void)failure_set(&failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                          "no memory for the answer");
        rpc_fail(calls[0], &failure);
        return;
    }
    response.n_statuses = service_count + 1;
    for (size_t i = 0; i < response.n_statuses; i++) {
        grpc__health__v1__health_list_response__statuses_entry__init(&entries[i]);
        /* The generated member is not const, but packing only reads it. */
        entries[i].key = (char *)(uintptr_t)(i == 0 ? "" : services[i - 1]);
        entries[i].value = &status;
        response.statuses[i] = &entries[i];
    }
    rpc_reply(calls[0], &response.base);
}

static Grpc__Health__V1__HealthCheckResponse make_status(const struct health *health)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = atomic_load(&health->is_serving)
                          ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                          : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    return response;
}
