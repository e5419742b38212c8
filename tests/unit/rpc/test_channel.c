/* Calls from a channel's side: blocking, asynchronous, from many threads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/uuid.h"
#include "calls.h"
#include "tests/cmocka_all.h"

static void blocking_call_over(const char *transport)
{
    struct toy toy;
    start_toy_on(&toy, transport);
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    create_order(&outcome, channel, "r-1", "c-1", false);
    assert_int_equal(outcome.stub.failure.code, STATUS_OK);
    assert_int_equal(outcome.answers, 1);
    assert_string_equal(outcome.order_id, "r-1");
    assert_string_equal(outcome.customer_id, "c-1");

    /* What a handler knows of a call. */
    create_order(&outcome, channel, "r-2", "principal", false);
    char local[32];
    (void)snprintf(local, sizeof local, "uid:%u", (unsigned)getuid());
    assert_string_equal(outcome.customer_id, strcmp(transport, "ipc") == 0 ? local : "anonymous");
    assert_string_equal(outcome.order_ref, outcome.stub.call_id);
    assert_string_equal(outcome.currency, "toy");
    assert_string_equal(outcome.etag, "/shop.v1.OrderService/CreateOrder");
    rpc_channel_close(&channel);
    assert_null(channel);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_blocking_call_over_ipc(void **state)
{
    (void)state;
    blocking_call_over("ipc");
}

static void test_blocking_call_over_tcp(void **state)
{
    (void)state;
    blocking_call_over("tcp");
}

static void test_empty_request_id_is_filled_in(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    rpc_stub_init(&outcome.stub, channel, &shop__v1__order_service__descriptor);
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    shop__v1__order_service__create_order(&outcome.stub.service, &request, note_outcome, &outcome);
    struct uuid id;
    assert_true(uuid_parse(outcome.order_id, &id));
    assert_int_equal(uuid_version(&id), 7);
    assert_string_equal(outcome.order_id, outcome.stub.call_id);
    assert_string_equal(request.request_id, "");

    char first[64];
    (void)snprintf(first, sizeof first, "%s", outcome.order_id);
    shop__v1__order_service__create_order(&outcome.stub.service, &request, note_outcome, &outcome);
    assert_int_equal(outcome.answers, 2);
    assert_string_not_equal(outcome.order_id, first);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_failure_arrives_with_all_it_says(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    create_order(&outcome, channel, "r-1", "refused", false);
    const struct failure *failure = &outcome.stub.failure;
    assert_int_equal(outcome.failures, 1);
    assert_int_equal(failure->code, STATUS_FAILED_PRECONDITION);
    assert_string_equal(failure->reason, "OUT_OF_STOCK");
    assert_string_equal(failure->message, "2 left of 5");
    assert_string_equal(failure->field, "lines[3].quantity");
    assert_int_equal(failure->retry_delay_ms, 1500);
    assert_int_equal(failure->metadata_count, 2);
    assert_string_equal(failure->metadata[1].key, "available");
    assert_string_equal(failure->metadata[1].value, "2");

    /* A stub forgets it with the next call. */
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    shop__v1__order_service__get_order(&outcome.stub.service, &request, note_outcome, &outcome);
    assert_int_equal(failure->code, STATUS_OK);
    assert_string_equal(failure->reason, "");
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

struct crowd {
    struct rpc_stub stubs[1000];
    size_t answers, failures; /* closures run one at a time */
    atomic_int inside;
    bool overlapped;
};

static void on_crowd_order(const Shop__V1__Order *order, void *data)
{
    struct crowd *crowd = data;
    crowd->overlapped |= atomic_fetch_add(&crowd->inside, 1) != 0;
    if (order != NULL) {
        crowd->answers++;
    } else {
        crowd->failures++;
    }
    (void)atomic_fetch_sub(&crowd->inside, 1);
}

static void start_crowd_call(struct rpc_stub *stub, struct rpc_channel *channel,
                             struct crowd *crowd)
{
    rpc_stub_init(stub, channel, &shop__v1__order_service__descriptor);
    stub->async = true;
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    shop__v1__order_service__get_order(&stub->service, &request, on_crowd_order, crowd);
}

static void assert_none_failed(const struct crowd *crowd, size_t count)
{
    for (size_t i = 0; i < count && crowd->failures > 0; i++) {
        const struct failure *failure = &crowd->stubs[i].failure;
        if (failure->code != STATUS_OK) {
            fail_msg("%zu failed, the first with %s %s: %s", crowd->failures,
                     status_name(failure->code), failure->reason, failure->message);
        }
    }
}

static void test_a_thousand_asynchronous_calls(void **state)
{
    (void)state;
    struct toy toy;
    /* The channel asks for health besides. */
    struct toy_options options = {.max_inflight = 1200, .queue_max = 1200};
    assert_int_equal(toy_start(&toy, &options, NULL), STATUS_OK);
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct crowd *crowd = calloc(1, sizeof *crowd);
    for (size_t i = 0; i < 1000; i++) {
        start_crowd_call(&crowd->stubs[i], channel, crowd);
    }
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    assert_none_failed(crowd, 1000);
    assert_int_equal(crowd->answers, 1000);
    assert_false(crowd->overlapped);
    assert_int_equal(atomic_load(&toy.got), 1000);
    rpc_channel_close(&channel);
    toy_stop(&toy);
    free(crowd);
}

static void test_asynchronous_calls_above_the_limit_fail_later(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    toy_shut_gate(&toy);
    struct rpc_channel *channel = toy_channel_with(toy.endpoint, 4, 10000);
    struct outcome outcomes[10];
    for (size_t i = 0; i < 10; i++) {
        create_order(&outcomes[i], channel, "r", "c", true);
    }
    assert_false(rpc_channel_wait_idle(channel, 50));
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(outcomes[i].answers, i < 4);
        assert_int_equal(outcomes[i].failures, i >= 4);
        if (i >= 4) {
            assert_int_equal(outcomes[i].stub.failure.code, STATUS_RESOURCE_EXHAUSTED);
            assert_string_equal(outcomes[i].stub.failure.reason, "CHANNEL_FULL");
        }
    }
    assert_int_equal(atomic_load(&toy.created), 4);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

struct chain {
    struct rpc_stub stub;
    size_t left, failures;
};

static void on_link_of_chain(const Shop__V1__Order *order, void *data)
{
    struct chain *chain = data;
    chain->failures += order == NULL;
    if (--chain->left > 0) {
        Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
        shop__v1__order_service__get_order(&chain->stub.service, &request, on_link_of_chain, chain);
    }
}

static void test_closures_start_calls_on_a_full_channel(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel_with(toy.endpoint, 2, 10000);
    struct chain chains[2] = {{.left = 200}, {.left = 200}};
    for (int i = 0; i < 2; i++) {
        rpc_stub_init(&chains[i].stub, channel, &shop__v1__order_service__descriptor);
        chains[i].stub.async = true;
        Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
        shop__v1__order_service__get_order(&chains[i].stub.service, &request, on_link_of_chain,
                                           &chains[i]);
    }
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    assert_int_equal(chains[0].failures + chains[1].failures, 0);
    assert_int_equal(atomic_load(&toy.got), 400);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

struct caller {
    pthread_t thread;
    struct rpc_channel *channel;
    size_t calls, answers;
    int id;
    struct outcome outcome;
};

static void *call_often(void *data)
{
    struct caller *caller = data;
    for (size_t i = 0; i < caller->calls; i++) {
        char request_id[32];
        (void)snprintf(request_id, sizeof request_id, "%d-%zu", caller->id, i);
        create_order(&caller->outcome, caller->channel, request_id, "c", false);
        caller->answers +=
            caller->outcome.answers == 1 && strcmp(caller->outcome.order_id, request_id) == 0;
    }
    return NULL;
}

static void test_eight_threads_on_one_channel(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "tcp");
    struct rpc_channel *channel = toy_channel_with(toy.endpoint, 4, 10000); /* four have to wait */
    struct caller callers[8];
    for (int i = 0; i < 8; i++) {
        callers[i] = (struct caller){.channel = channel, .calls = 200, .id = i};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        (void)pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].answers, 200);
    }
    assert_int_equal(atomic_load(&toy.created), 1600);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocking_call_over_ipc),
        cmocka_unit_test(test_blocking_call_over_tcp),
        cmocka_unit_test(test_empty_request_id_is_filled_in),
        cmocka_unit_test(test_failure_arrives_with_all_it_says),
        cmocka_unit_test(test_a_thousand_asynchronous_calls),
        cmocka_unit_test(test_asynchronous_calls_above_the_limit_fail_later),
        cmocka_unit_test(test_closures_start_calls_on_a_full_channel),
        cmocka_unit_test(test_eight_threads_on_one_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
