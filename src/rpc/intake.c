/* See intake.h. */
#include "rpc/intake.h"

#include "rpc/lane.h"
#include "rpc/limits.h"

/* About two batches: by then there is room, or another server is the better choice. */
#define OVERLOADED_RETRY_MS 50

static enum status examine(struct intake *intake, struct rpc_call *call, struct failure *failure);
static int64_t choose_deadline(struct intake *intake, uint32_t timeout_ms);
static enum status pass_on(struct intake *intake, struct rpc_call *call, struct failure *failure);
static enum status refuse_overload(struct failure *failure);
static enum status refuse_drain(struct failure *failure);

void intake_on_request(void *context, struct listener_request *request)
{
    struct intake *intake = context;
    struct failure failure;
    struct rpc_call *call = call_pool_take(intake->pool, request);
    if (call == NULL) {
        (void)refuse_overload(&failure);
        call_pool_refuse(intake->pool, request, &failure);
        return;
    }
    if (examine(intake, call, &failure) != STATUS_OK ||
        pass_on(intake, call, &failure) != STATUS_OK) {
        rpc_fail(call, &failure);
    }
}

static enum status examine(struct intake *intake, struct rpc_call *call, struct failure *failure)
{
    enum status status = envelope_decode_request(listener_request_message(call->request),
                                                 &call->arena, &call->envelope, failure);
    if (status != STATUS_OK) {
        return status;
    }
    call->deadline_ms = choose_deadline(intake, call->envelope.timeout_ms);
    call->route = router_find(intake->router, call->envelope.method);
    if (call->route == NULL) {
        return failure_set(failure, STATUS_UNIMPLEMENTED, "UNKNOWN_METHOD", "%s is not served here",
                           call->envelope.method);
    }
    return STATUS_OK;
}

static int64_t choose_deadline(struct intake *intake, uint32_t timeout_ms)
{
    uint32_t granted = timeout_ms == 0                   ? RPC_TIMEOUT_MS_DEFAULT
                       : timeout_ms > RPC_TIMEOUT_MS_MAX ? RPC_TIMEOUT_MS_MAX
                                                         : timeout_ms;
    return clock_monotonic_ms(intake->clock) + granted;
}

static enum status pass_on(struct intake *intake, struct rpc_call *call, struct failure *failure)
{
    if (call->route->lane == NULL) {
        enum status status = call_decode(call, failure);
        if (status == STATUS_OK) {
            call->route->handler(NULL, &call, 1);
        }
        return status;
    }
    if (!call_admit(call)) {
        return refuse_overload(failure);
    }
    /* After the admission: whoever set the flag and then saw nobody inside must not get a guest. */
    if (atomic_load(&intake->is_draining)) {
        return refuse_drain(failure);
    }
    if (!lane_put(call->route->lane, call)) {
        return atomic_load(&intake->is_draining) ? refuse_drain(failure) : refuse_overload(failure);
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
