/* See health.h. */
#include "rpc/health.h"

#include <grpc/health/v1/health.pb-c.h>

static void check(void *lane, struct rpc_call **calls, size_t count);

struct rpc_service health_service(const struct health *health, struct rpc_method *method)
{
    *method = (struct rpc_method){
        .name = "Check",
        .lane = RPC_LANE_NONE,
        .handler = check,
        .tag = health,
    };
    return (struct rpc_service){
        .descriptor = &grpc__health__v1__health__descriptor,
        .methods = method,
        .method_count = 1,
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
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = atomic_load(&health->is_serving)
                          ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                          : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    rpc_reply(calls[0], &response.base);
}
