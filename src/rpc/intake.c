/* See intake.h. */
#include "rpc/intake.h"

#include "rpc/lane.h"
#include "rpc/limits.h"

/* About two batches: by then there is room, or another server is the better choice. */
#define OVERLOADED_RETRY_MS 50

static void refuse_without_memory(struct intake *intake, struct listener_request *request);
static enum status examine(struct intake *intake, struct rpc_call *call);
static int64_t choose_deadline(int64_t arrived_us, uint32_t timeout_ms);
static enum status pass_on(struct intake *intake, struct rpc_call *call);
static enum status refuse_overload(struct failure *failure);
static enum status refuse_drain(struct failure *failure);

void intake_on_request(void *context, struct listener_request *request)
{
    struct intake *intake = context;
    struct rpc_call *call =
        call_pool_take(intake->pool, request, router_stray_stats(intake->router));
    if (call == NULL) {
        refuse_without_memory(intake, request);
        return;
    }
    if (examine(intake, call) != STATUS_OK || pass_on(intake, call) != STATUS_OK) {
        rpc_fail(call, &call->failure);
    }
}

static void refuse_without_memory(struct intake *intake, struct listener_request *request)
{
    struct failure failure;
    (void)refuse_overload(&failure);
    call_pool_refuse(intake->pool, request, &failure);
}

static enum status examine(struct intake *intake, struct rpc_call *call)
{
    enum status status = envelope_decode_request(listener_request_message(call->request),
                                                 &call->arena, &call->envelope, &call->failure);
    if (status != STATUS_OK) {
        return status;
    }
    call->deadline_ms = choose_deadline(call->arrived_us, call->envelope.timeout_ms);
    const struct route *route = router_find(intake->router, call->envelope.method);
    if (route == NULL) {
        return failure_set(&call->failure, STATUS_UNIMPLEMENTED, "UNKNOWN_METHOD",
                           "%s is not served here", call->envelope.method);
    }
    call_set_route(call, route);
    return STATUS_OK;
}

static int64_t choose_deadline(int64_t arrived_us, uint32_t timeout_ms)
{
    uint32_t granted = timeout_ms == 0                   ? RPC_TIMEOUT_MS_DEFAULT
                       : timeout_ms > RPC_TIMEOUT_MS_MAX ? RPC_TIMEOUT_MS_MAX
                                                         : timeout_ms;
    return arrived_us / 1000 + granted;
}

static enum status pass_on(struct intake *intake, struct rpc_call *call)
{
    if (call->route->lane == NULL) {
        enum status status = call_decode(call);
        if (status == STATUS_OK) {
            call->route->handler(NULL, &call, 1);
        }
        return status;
    }
    if (!call_admit(call)) {
        return refuse_overload(&call->failure);
    }
    /* After the admission: whoever set the flag and then saw nobody inside must not get a guest. */
    if (atomic_load(&intake->is_draining)) {
        return refuse_drain(&call->failure);
    }
    if (!lane_put(call->route->lane, call)) {
        return atomic_load(&intake->is_draining) ? refuse_drain(&call->failure)
                                                 : refuse_overload(&call->failure);
    }
    return STATUS_OK;
}

static enum status refuse_overload(struct failure *failure)
{
    enum status status = failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OVERLOADED",
                                     "not done: this server has as much to do as it can");
    failure->retry_delay_ms = OVERLOADED_RETRY_MS;
    return status;
}

static enum status refuse_drain(struct failure *failure)
{
    return failure_set(failure, STATUS_UNAVAILABLE, "DRAINING",
                       "not done: this server is stopping");
}
