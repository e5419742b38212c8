/* See calls.h. */
#include "calls.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/cmocka_all.h"

static void note(struct call *call, const void *response)
{
    struct calls *calls = call->calls;
    if (response != NULL) {
        (void)atomic_fetch_add(&calls->answers, 1);
        return;
    }
    (void)pthread_mutex_lock(&calls->lock);
    calls->last_failure = call->stub.failure;
    (void)pthread_mutex_unlock(&calls->lock);
    (void)atomic_fetch_add(&calls->failures, 1);
}

struct failure last_failure(struct calls *calls)
{
    (void)pthread_mutex_lock(&calls->lock);
    struct failure failure = calls->last_failure;
    (void)pthread_mutex_unlock(&calls->lock);
    return failure;
}

static void on_order(const Shop__V1__Order *order, void *call)
{
    note(call, order);
}

static void on_orders(const Shop__V1__ListOrdersResponse *orders, void *call)
{
    note(call, orders);
}

void ignore_order(const Shop__V1__Order *order, void *data)
{
    (void)order;
    (void)data;
}

static void on_health(const Grpc__Health__V1__HealthCheckResponse *response, void *status)
{
    *(int *)status = response != NULL ? (int)response->status : -1;
}

void start_toy(struct toy *toy, const struct toy_options *options)
{
    struct failure failure = {0};
    if (toy_start(toy, options, &failure) != STATUS_OK) {
        fail_msg("%s", failure.message);
    }
}

void start_toy_busy(struct toy *toy, const struct toy_options *options, struct calls *calls)
{
    start_toy(toy, options);
    toy_shut_gate(toy);
    open_calls(calls, toy);
    start_creates(calls, 1, 0);
    assert_true(toy_wait_at_gate(toy, 1));
}

static struct call *next_call(struct calls *calls)
{
    assert_true(calls->started < CALLS_MAX);
    struct call *call = &calls->list[calls->started++];
    call->calls = calls;
    rpc_stub_init(&call->stub, calls->channel, &shop__v1__order_service__descriptor);
    call->stub.async = true;
    return call;
}

void start_creates(struct calls *calls, size_t count, int32_t timeout_ms)
{
    for (size_t i = 0; i < count; i++) {
        struct call *call = next_call(calls);
        call->stub.timeout_ms = timeout_ms;
        Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
        shop__v1__order_service__create_order(&call->stub.service, &request, on_order, call);
    }
}

void start_get(struct calls *calls, const char *order_id)
{
    struct call *call = next_call(calls);
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    request.order_id = text(order_id);
    shop__v1__order_service__get_order(&call->stub.service, &request, on_order, call);
}

void start_list(struct calls *calls)
{
    struct call *call = next_call(calls);
    Shop__V1__ListOrdersRequest request = SHOP__V1__LIST_ORDERS_REQUEST__INIT;
    request.page_size = 2;
    shop__v1__order_service__list_orders(&call->stub.service, &request, on_orders, call);
}

int check_health(struct rpc_channel *channel, const char *service, struct failure *failure)
{
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, &grpc__health__v1__health__descriptor);
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    request.service = text(service);
    int status = -1;
    grpc__health__v1__health__check(&stub.service, &request, on_health, &status);
    *failure = stub.failure;
    return status;
}

void open_calls(struct calls *calls, const struct toy *toy)
{
    memset(calls, 0, sizeof *calls);
    (void)pthread_mutex_init(&calls->lock, NULL);
    calls->channel = toy_channel(toy->endpoint);
}

void close_calls(struct calls *calls)
{
    rpc_channel_close(&calls->channel);
    (void)pthread_mutex_destroy(&calls->lock);
}

void expect_health_answers(struct calls *calls)
{
    struct failure failure;
    assert_int_not_equal(check_health(calls->channel, "", &failure), -1);
}

void expect_waiting(struct toy *toy, size_t count)
{
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    while (rpc_server_waiting(toy->server) != count && toy_now_ms() < until_ms) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    assert_int_equal(rpc_server_waiting(toy->server), count);
}

void note_outcome(const Shop__V1__Order *order, void *data)
{
    struct outcome *outcome = data;
    if (order == NULL) {
        outcome->failures++;
        return;
    }
    outcome->answers++;
    (void)snprintf(outcome->order_id, sizeof outcome->order_id, "%s", order->order_id);
    (void)snprintf(outcome->customer_id, sizeof outcome->customer_id, "%s", order->customer_id);
    (void)snprintf(outcome->order_ref, sizeof outcome->order_ref, "%s", order->order_ref);
    (void)snprintf(outcome->currency, sizeof outcome->currency, "%s", order->currency);
    (void)snprintf(outcome->etag, sizeof outcome->etag, "%s", order->etag);
    outcome->order_ref_size = strlen(order->order_ref);
}

void start_toy_on(struct toy *toy, const char *transport)
{
    char endpoint[128];
    toy_endpoint(transport, endpoint);
    struct toy_options options = {.endpoint = endpoint};
    start_toy(toy, &options);
}

void start_toy_serving(struct toy *toy, const char *transport)
{
    enum { ROOM = 1024 };
    char endpoint[128];
    toy_endpoint(transport, endpoint);
    const struct toy_options options = {
        .endpoint = endpoint, .is_serving = true, .max_inflight = ROOM, .queue_max = ROOM};
    start_toy(toy, &options);
}

void create_order(struct outcome *outcome, struct rpc_channel *channel, const char *request_id,
                  const char *customer_id, bool async)
{
    memset(outcome, 0, sizeof *outcome);
    rpc_stub_init(&outcome->stub, channel, &shop__v1__order_service__descriptor);
    outcome->stub.async = async;
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.request_id = text(request_id);
    request.customer_id = text(customer_id);
    shop__v1__order_service__create_order(&outcome->stub.service, &request, note_outcome, outcome);
}

void get_order(struct outcome *outcome, struct rpc_channel *channel, const char *order_id,
               bool async)
{
    memset(outcome, 0, sizeof *outcome);
    rpc_stub_init(&outcome->stub, channel, &shop__v1__order_service__descriptor);
    outcome->stub.async = async;
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    request.order_id = text(order_id);
    shop__v1__order_service__get_order(&outcome->stub.service, &request, note_outcome, outcome);
}

void wait_ready(struct rpc_channel *channel, size_t number, bool is_ready)
{
    struct rpc_endpoint_state states[RPC_ENDPOINTS_MAX];
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    do {
        assert_true(number < rpc_channel_endpoints(channel, states));
        if (states[number].is_ready == is_ready) {
            return;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    } while (toy_now_ms() < until_ms);
    fail_msg("%s is %sready", states[number].endpoint, is_ready ? "not " : "");
}
