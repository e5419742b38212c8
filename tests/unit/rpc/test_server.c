/* Calls from a server's side: health, batches, and what is refused, how much of it and when. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "rpc/envelope.h"
#include "tests/cmocka_all.h"

static void test_health(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct failure failure;
    assert_int_equal(check_health(channel, "", &failure),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING);
    rpc_server_set_serving(toy.server, true);
    assert_int_equal(check_health(channel, "", &failure),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    assert_int_equal(check_health(channel, "shop.v1.OrderService", &failure),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    assert_int_equal(check_health(channel, "shop.v1.NoService", &failure), -1);
    assert_int_equal(failure.code, STATUS_NOT_FOUND);
    assert_string_equal(failure.reason, "SERVICE_NOT_FOUND");
    rpc_server_set_serving(toy.server, false);
    assert_int_equal(check_health(channel, "", &failure),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_what_waits_becomes_a_batch(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    struct calls calls;
    start_toy_busy(&toy, &options, &calls);
    start_creates(&calls, 20, 0);
    expect_waiting(&toy, 20);
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.answers), 21);
    assert_int_equal(atomic_load(&toy.batches), 2);
    assert_int_equal(atomic_load(&toy.largest_batch), 20);
    close_calls(&calls);
    toy_stop(&toy);
}

/* 20 calls of more than 10 and less than 100 bytes. */
static void test_a_batch_has_a_bound_of_bytes(void **state)
{
    (void)state;
    static const struct {
        size_t bytes_max, least, most;
    } cases[] = {{1, 20, 20}, {100, 2, 20}, {2000, 1, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct toy toy;
        struct toy_options options = {.batch_bytes_max = cases[i].bytes_max};
        struct calls calls;
        start_toy_busy(&toy, &options, &calls);
        start_creates(&calls, 20, 0);
        expect_waiting(&toy, 20);
        toy_open_gate(&toy);
        assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
        assert_int_equal(atomic_load(&calls.answers), 21);
        size_t batches = atomic_load(&toy.batches) - 1;
        assert_in_range(batches, cases[i].least, cases[i].most);
        close_calls(&calls);
        toy_stop(&toy);
    }
}

static void test_a_handler_gets_its_own_calls_only(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    toy_shut_gate(&toy);
    struct calls calls;
    open_calls(&calls, &toy);
    start_get(&calls, "gate");
    assert_true(toy_wait_at_gate(&toy, 1));
    start_get(&calls, "a");
    start_list(&calls);
    start_get(&calls, "b");
    start_list(&calls);
    start_list(&calls);
    expect_waiting(&toy, 5);
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.answers), 6);
    /* nng's threads may have overtaken each other: which kind came first is open. */
    assert_true(strcmp(toy.reads, "G1G2L3") == 0 || strcmp(toy.reads, "G1L3G2") == 0);
    close_calls(&calls);
    toy_stop(&toy);
}

static void test_above_max_inflight_is_refused_at_once(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {.max_inflight = 8};
    struct calls calls;
    start_toy_busy(&toy, &options, &calls);
    start_creates(&calls, 30, 0);
    assert_true(toy_wait_for(&calls.failures, 23)); /* while the gate is shut */
    expect_health_answers(&calls);                  /* and health is answered all the same */
    assert_int_equal(atomic_load(&calls.answers), 0);
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.failures), 23);
    assert_int_equal(atomic_load(&calls.answers), 8);
    assert_int_equal(atomic_load(&toy.created), 8);
    assert_int_equal(last_failure(&calls).code, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(last_failure(&calls).reason, "OVERLOADED");
    assert_true(last_failure(&calls).retry_delay_ms > 0);

    /* Room again. */
    start_creates(&calls, 8, 0);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.answers), 16);
    close_calls(&calls);
    toy_stop(&toy);
}

static void test_above_a_lanes_queue_is_refused_at_once(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {.queue_max = 4};
    struct calls calls;
    start_toy_busy(&toy, &options, &calls);
    start_creates(&calls, 10, 0);
    assert_true(toy_wait_for(&calls.failures, 6));
    /* The other lane does not suffer. */
    start_get(&calls, "a");
    assert_true(toy_wait_for(&calls.answers, 1));
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.failures), 6);
    assert_int_equal(atomic_load(&toy.created), 5);
    assert_string_equal(last_failure(&calls).reason, "OVERLOADED");
    close_calls(&calls);
    toy_stop(&toy);
}

static void test_what_expires_in_the_queue_is_never_handled(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    struct calls calls;
    start_toy_busy(&toy, &options, &calls);
    start_creates(&calls, 5, 500); /* a busy machine has sent them by then */
    expect_waiting(&toy, 5);
    int64_t expired_ms = toy_now_ms() + 502; /* for the server, too: it counts from the arrival */
    while (toy_now_ms() < expired_ms) {
        expect_health_answers(&calls);
    }
    assert_true(toy_wait_for(&calls.failures, 5));
    assert_int_equal(last_failure(&calls).code, STATUS_DEADLINE_EXCEEDED);
    start_creates(&calls, 1, 0);
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.answers), 2);
    assert_int_equal(atomic_load(&toy.created), 2);
    close_calls(&calls);
    toy_stop(&toy);
}

/* What the toy says to this customer about a call with this time, as the header names it. */
static long ask_ms(const struct toy *toy, const char *customer_id, uint32_t timeout_ms)
{
    uint8_t request[1024];
    const struct envelope_request envelope = {
        .method = "/shop.v1.OrderService/CreateOrder", .timeout_ms = timeout_ms, .call_id = "c"};
    Shop__V1__CreateOrderRequest body = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    body.customer_id = text(customer_id);
    size_t size = envelope_encode_request(&envelope, request, sizeof request);
    size += shop__v1__create_order_request__pack(&body, request + size);
    nng_socket socket;
    uint8_t *answer = NULL;
    size_t answer_size = 0;
    assert_int_equal(nng_req0_open(&socket), 0);
    assert_int_equal(nng_dial(socket, toy->endpoint, NULL, 0), 0);
    assert_int_equal(nng_send(socket, request, size, 0), 0);
    assert_int_equal(nng_recv(socket, &answer, &answer_size, NNG_FLAG_ALLOC), 0);
    struct arena arena;
    struct envelope_response response;
    arena_init(&arena, 4096, 1024 * 1024);
    assert_int_equal(
        envelope_decode_response(bytes_of(answer, answer_size), &arena, &response, NULL),
        STATUS_OK);
    assert_null(response.failure);
    Shop__V1__Order *order =
        shop__v1__order__unpack(NULL, response.payload.size, response.payload.data);
    assert_non_null(order);
    long ms = strtol(order->order_ref, NULL, 10);
    shop__v1__order__free_unpacked(order, NULL);
    arena_fini(&arena);
    nng_free(answer, answer_size);
    (void)nng_close(socket);
    return ms;
}

static void test_a_deadline_has_a_default_and_a_maximum(void **state)
{
    (void)state;
    static const struct {
        uint32_t asked;
        long given;
    } CASES[] = {
        {0, RPC_TIMEOUT_MS_DEFAULT},
        {RPC_TIMEOUT_MS_DEFAULT + 1000, RPC_TIMEOUT_MS_DEFAULT + 1000},
        {RPC_TIMEOUT_MS_MAX, RPC_TIMEOUT_MS_MAX},
        {RPC_TIMEOUT_MS_MAX + 20000, RPC_TIMEOUT_MS_MAX},
        {UINT32_MAX, RPC_TIMEOUT_MS_MAX},
    };
    struct toy toy;
    start_toy_on(&toy, "ipc");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        long left_ms = ask_ms(&toy, "deadline", CASES[i].asked);
        assert_in_range(left_ms, CASES[i].given - 900, CASES[i].given); /* a busy machine */
    }
    toy_stop(&toy);
}

static void test_an_answer_has_time_to_reach_its_caller(void **state)
{
    (void)state;
    static const struct {
        uint32_t timeout_ms;
        long margin_ms;
    } CASES[] = {{50, 20}, {400, 20}, {2000, 100}, {4000, 200}, {RPC_TIMEOUT_MS_MAX, 200}};
    struct toy toy;
    start_toy_on(&toy, "ipc");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        long margin_ms = ask_ms(&toy, "margin", CASES[i].timeout_ms);
        assert_in_range(margin_ms, CASES[i].margin_ms - 1, CASES[i].margin_ms); /* rounded */
    }
    toy_stop(&toy);
}

static void test_unknown_methods(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    struct calls calls;
    open_calls(&calls, &toy);
    struct rpc_stub stub;
    rpc_stub_init(&stub, calls.channel, &shop__v1__product_service__descriptor);
    Shop__V1__GetProductRequest request = SHOP__V1__GET_PRODUCT_REQUEST__INIT;
    shop__v1__product_service__get_product(
        &stub.service, &request, (Shop__V1__Product_Closure)(void (*)(void))ignore_order, NULL);
    assert_int_equal(stub.failure.code, STATUS_UNIMPLEMENTED);
    assert_string_equal(stub.failure.reason, "UNKNOWN_METHOD");
    close_calls(&calls);
    toy_stop(&toy);
}

static void test_bad_text_is_refused_with_its_field(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    struct calls calls;
    open_calls(&calls, &toy);
    struct rpc_stub stub;
    rpc_stub_init(&stub, calls.channel, &shop__v1__order_service__descriptor);
    Shop__V1__CreateOrderLine line = SHOP__V1__CREATE_ORDER_LINE__INIT;
    Shop__V1__CreateOrderLine *lines[] = {&line, &line};
    line.product_id = text("\xff");
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.n_lines = 2;
    request.lines = lines;
    shop__v1__order_service__create_order(&stub.service, &request, ignore_order, NULL);
    assert_int_equal(stub.failure.code, STATUS_INVALID_ARGUMENT);
    assert_string_equal(stub.failure.reason, "INVALID_TEXT");
    assert_string_equal(stub.failure.field, "lines[0].product_id");
    assert_int_equal(atomic_load(&toy.created), 0);
    close_calls(&calls);
    toy_stop(&toy);
}

/* Issue 3, item 2: RetryInfo on everything that may be repeated, and on nothing else. */
static void test_what_may_be_repeated_says_when(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    for (int code = STATUS_CANCELLED; code <= STATUS_UNAUTHENTICATED; code++) {
        bool may_be_repeated = code == STATUS_UNAVAILABLE || code == STATUS_RESOURCE_EXHAUSTED ||
                               code == STATUS_ABORTED || code == STATUS_UNKNOWN ||
                               code == STATUS_DEADLINE_EXCEEDED;
        char customer_id[24];
        (void)snprintf(customer_id, sizeof customer_id, "code %d", code);
        struct outcome outcome;
        create_order(&outcome, channel, "r", customer_id, false);
        assert_int_equal(outcome.stub.failure.code, code);
        assert_string_equal(outcome.stub.failure.reason, "TOLD_TO");
        assert_int_equal(outcome.stub.failure.retry_delay_ms > 0, may_be_repeated);
    }
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_what_waits_becomes_a_batch),
        cmocka_unit_test(test_a_batch_has_a_bound_of_bytes),
        cmocka_unit_test(test_a_handler_gets_its_own_calls_only),
        cmocka_unit_test(test_what_may_be_repeated_says_when),
        cmocka_unit_test(test_above_max_inflight_is_refused_at_once),
        cmocka_unit_test(test_above_a_lanes_queue_is_refused_at_once),
        cmocka_unit_test(test_what_expires_in_the_queue_is_never_handled),
        cmocka_unit_test(test_a_deadline_has_a_default_and_a_maximum),
        cmocka_unit_test(test_an_answer_has_time_to_reach_its_caller),
        cmocka_unit_test(test_unknown_methods),
        cmocka_unit_test(test_bad_text_is_refused_with_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
