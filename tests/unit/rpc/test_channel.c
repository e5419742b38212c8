/* Calls from a channel's side: blocking, asynchronous, from many threads, and how they fail. */
#include <grpc/health/v1/health.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "toy.h"

struct outcome {
    size_t answers, failures;
    char order_id[64];
    char customer_id[64];
};

static void on_order(const Shop__V1__Order *order, void *data)
{
    struct outcome *outcome = data;
    if (order == NULL) {
        outcome->failures++;
        return;
    }
    outcome->answers++;
    (void)snprintf(outcome->order_id, sizeof outcome->order_id, "%s", order->order_id);
    (void)snprintf(outcome->customer_id, sizeof outcome->customer_id, "%s", order->customer_id);
}

static void start(struct toy *toy, const char *transport)
{
    char endpoint[128];
    toy_endpoint(transport, endpoint);
    struct toy_options options = {.endpoint = endpoint};
    struct failure failure = {0};
    if (toy_start(toy, &options, &failure) != STATUS_OK) {
        fail_msg("%s", failure.message);
    }
}

static void blocking_call_on(const char *transport)
{
    struct toy toy;
    start(&toy, transport);
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);

    struct outcome outcome = {0};
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.request_id = text("r-1");
    request.customer_id = text("c-1");
    shop__v1__order_service__create_order(&stub.service, &request, on_order, &outcome);
    assert_int_equal(stub.failure.code, STATUS_OK);
    assert_int_equal(outcome.answers, 1);
    assert_string_equal(outcome.order_id, "r-1");
    assert_string_equal(outcome.customer_id, "c-1");

    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_blocking_call_over_ipc(void **state)
{
    (void)state;
    blocking_call_on("ipc");
}

static void test_blocking_call_over_tcp(void **state)
{
    (void)state;
    blocking_call_on("tcp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocking_call_over_ipc),
        cmocka_unit_test(test_blocking_call_over_tcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
