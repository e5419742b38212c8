/* Calls from a channel's side: blocking, asynchronous, from many threads, and how they fail. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "rpc/envelope.h"
#include "tests/cmocka_all.h"
#include "toy.h"

/* How a call ended, as its closure saw it. */
struct outcome {
    struct rpc_stub stub;
    size_t answers, failures;
    char order_id[64], customer_id[64], order_ref[64], currency[64], etag[64];
    size_t order_ref_size;
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
    (void)snprintf(outcome->order_ref, sizeof outcome->order_ref, "%s", order->order_ref);
    (void)snprintf(outcome->currency, sizeof outcome->currency, "%s", order->currency);
    (void)snprintf(outcome->etag, sizeof outcome->etag, "%s", order->etag);
    outcome->order_ref_size = strlen(order->order_ref);
}

static void start_toy(struct toy *toy, const char *transport)
{
    char endpoint[128];
    toy_endpoint(transport, endpoint);
    struct toy_options options = {.endpoint = endpoint};
    struct failure failure = {0};
    if (toy_start(toy, &options, &failure) != STATUS_OK) {
        fail_msg("%s", failure.message);
    }
}

static void create(struct outcome *outcome, struct rpc_channel *channel, const char *request_id,
                   const char *customer_id, bool async)
{
    memset(outcome, 0, sizeof *outcome);
    rpc_stub_init(&outcome->stub, channel, &shop__v1__order_service__descriptor);
    outcome->stub.async = async;
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.request_id = text(request_id);
    request.customer_id = text(customer_id);
    shop__v1__order_service__create_order(&outcome->stub.service, &request, on_order, outcome);
}

static void blocking_call_over(const char *transport)
{
    struct toy toy;
    start_toy(&toy, transport);
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    create(&outcome, channel, "r-1", "c-1", false);
    assert_int_equal(outcome.stub.failure.code, STATUS_OK);
    assert_int_equal(outcome.answers, 1);
    assert_string_equal(outcome.order_id, "r-1");
    assert_string_equal(outcome.customer_id, "c-1");

    /* What a handler knows of a call. */
    create(&outcome, channel, "r-2", "principal", false);
    assert_string_equal(outcome.customer_id, strcmp(transport, "ipc") == 0 ? "local" : "anonymous");
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
    start_toy(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    rpc_stub_init(&outcome.stub, channel, &shop__v1__order_service__descriptor);
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    shop__v1__order_service__create_order(&outcome.stub.service, &request, on_order, &outcome);
    struct uuid id;
    assert_true(uuid_parse(outcome.order_id, &id));
    assert_int_equal(uuid_version(&id), 7);
    assert_string_equal(outcome.order_id, outcome.stub.call_id);
    assert_string_equal(request.request_id, "");

    char first[64];
    (void)snprintf(first, sizeof first, "%s", outcome.order_id);
    shop__v1__order_service__create_order(&outcome.stub.service, &request, on_order, &outcome);
    assert_int_equal(outcome.answers, 2);
    assert_string_not_equal(outcome.order_id, first);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_failure_arrives_with_all_it_says(void **state)
{
    (void)state;
    struct toy toy;
    start_toy(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    create(&outcome, channel, "r-1", "refused", false);
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
    shop__v1__order_service__get_order(&outcome.stub.service, &request, on_order, &outcome);
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

static void start_get(struct rpc_stub *stub, struct rpc_channel *channel, struct crowd *crowd)
{
    rpc_stub_init(stub, channel, &shop__v1__order_service__descriptor);
    stub->async = true;
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    shop__v1__order_service__get_order(&stub->service, &request, on_crowd_order, crowd);
}

static void test_a_thousand_asynchronous_calls(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {.max_inflight = 1000, .queue_max = 1000};
    assert_int_equal(toy_start(&toy, &options, NULL), STATUS_OK);
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct crowd *crowd = calloc(1, sizeof *crowd);
    for (size_t i = 0; i < 1000; i++) {
        start_get(&crowd->stubs[i], channel, crowd);
    }
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    assert_int_equal(crowd->answers, 1000);
    assert_int_equal(crowd->failures, 0);
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
    start_toy(&toy, "ipc");
    toy_shut_gate(&toy);
    struct rpc_channel *channel = toy_channel_with(toy.endpoint, 4, 10000);
    struct outcome outcomes[10];
    for (size_t i = 0; i < 10; i++) {
        create(&outcomes[i], channel, "r", "c", true);
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
    start_toy(&toy, "ipc");
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
        create(&caller->outcome, caller->channel, request_id, "c", false);
        caller->answers +=
            caller->outcome.answers == 1 && strcmp(caller->outcome.order_id, request_id) == 0;
    }
    return NULL;
}

static void test_eight_threads_on_one_channel(void **state)
{
    (void)state;
    struct toy toy;
    start_toy(&toy, "tcp");
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

static void test_blocking_calls_wait_for_room_until_their_time(void **state)
{
    (void)state;
    struct toy toy;
    start_toy(&toy, "ipc");
    toy_shut_gate(&toy);
    struct rpc_channel *channel = toy_channel_with(toy.endpoint, 1, 50);
    struct outcome first, second;
    memset(&first, 0, sizeof first);
    rpc_stub_init(&first.stub, channel, &shop__v1__order_service__descriptor);
    first.stub.async = true;
    first.stub.timeout_ms = TOY_WAIT_MS;
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    shop__v1__order_service__create_order(&first.stub.service, &request, on_order, &first);
    assert_true(toy_wait_at_gate(&toy, 1));
    create(&second, channel, "r", "c", false);
    assert_int_equal(second.stub.failure.code, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(second.stub.failure.reason, "CHANNEL_FULL");
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    assert_int_equal(first.answers, 1);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_no_server_is_unavailable_at_the_deadline(void **state)
{
    (void)state;
    const char *transports[] = {"ipc", "tcp"};
    for (int i = 0; i < 2; i++) {
        char endpoint[128];
        toy_endpoint(transports[i], endpoint);
        struct rpc_channel *channel = toy_channel_with(endpoint, 0, 100);
        struct outcome blocking, async;
        int64_t begin_ms = toy_now_ms();
        create(&async, channel, "r", "c", true);
        create(&blocking, channel, "r", "c", false);
        assert_true(toy_now_ms() - begin_ms >= 100);
        assert_true(toy_now_ms() - begin_ms < 2000);
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
        assert_int_equal(blocking.stub.failure.code, STATUS_UNAVAILABLE);
        assert_string_equal(blocking.stub.failure.reason, "NO_SERVER");
        assert_int_equal(async.failures, 1);
        assert_int_equal(async.stub.failure.code, STATUS_UNAVAILABLE);
        rpc_channel_close(&channel);
    }
}

static void test_a_call_waits_for_its_server(void **state)
{
    (void)state;
    char endpoint[128];
    toy_endpoint("ipc", endpoint);
    struct rpc_channel *channel = toy_channel(endpoint);
    struct outcome outcome;
    create(&outcome, channel, "r", "c", true);
    struct toy toy;
    struct toy_options options = {.endpoint = endpoint};
    assert_int_equal(toy_start(&toy, &options, NULL), STATUS_OK);
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    assert_int_equal(outcome.answers, 1);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_deadline_passes_while_the_server_works(void **state)
{
    (void)state;
    struct toy toy;
    start_toy(&toy, "ipc");
    toy_shut_gate(&toy);
    struct rpc_channel *channel = toy_channel_with(toy.endpoint, 0, 60);
    struct outcome blocking, async;
    create(&async, channel, "r", "c", true);
    create(&blocking, channel, "r", "c", false);
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    assert_int_equal(blocking.stub.failure.code, STATUS_DEADLINE_EXCEEDED);
    assert_string_equal(blocking.stub.failure.reason, "NO_ANSWER");
    assert_int_equal(async.stub.failure.code, STATUS_DEADLINE_EXCEEDED);

    /* The late answers disturb nobody. */
    toy_open_gate(&toy);
    create(&blocking, channel, "r-3", "c", false);
    assert_string_equal(blocking.order_id, "r-3");
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_server_dies_in_the_middle_and_comes_back(void **state)
{
    (void)state;
    const char *transports[] = {"ipc", "tcp"};
    for (int i = 0; i < 2; i++) {
        char endpoint[128];
        toy_endpoint(transports[i], endpoint);
        pid_t server = toy_spawn(endpoint, true);
        struct rpc_channel *channel = toy_channel(endpoint);
        struct outcome lost, other;
        create(&lost, channel, "r", "c", true);
        /* A read behind it: the write has arrived, too. */
        memset(&other, 0, sizeof other);
        rpc_stub_init(&other.stub, channel, &shop__v1__order_service__descriptor);
        Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
        shop__v1__order_service__get_order(&other.stub.service, &request, on_order, &other);
        assert_int_equal(other.answers, 1);

        toy_kill(server);
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
        assert_int_equal(lost.failures, 1);
        assert_int_equal(lost.stub.failure.code, STATUS_UNKNOWN);
        assert_string_equal(lost.stub.failure.reason, "CONNECTION_LOST");

        /* For ipc: over the socket file that the dead one left. */
        server = toy_spawn(endpoint, false);
        create(&other, channel, "again", "c", false);
        assert_int_equal(other.stub.failure.code, STATUS_OK);
        assert_string_equal(other.order_id, "again");
        toy_kill(server);
        rpc_channel_close(&channel);
    }
}

static void *close_channel(void *channel)
{
    rpc_channel_close((struct rpc_channel **)channel);
    return NULL;
}

static void test_close_cancels_what_is_under_way(void **state)
{
    (void)state;
    struct toy toy;
    start_toy(&toy, "ipc");
    toy_shut_gate(&toy);
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome async[3];
    for (int i = 0; i < 3; i++) {
        create(&async[i], channel, "r", "c", true);
    }
    struct caller caller = {.channel = channel, .calls = 1};
    assert_int_equal(pthread_create(&caller.thread, NULL, call_often, &caller), 0);
    assert_true(toy_wait_at_gate(&toy, 1));
    pthread_t closer;
    assert_int_equal(pthread_create(&closer, NULL, close_channel, &channel), 0);
    (void)pthread_join(caller.thread, NULL);
    (void)pthread_join(closer, NULL);
    assert_null(channel);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(async[i].failures, 1);
        assert_int_equal(async[i].stub.failure.code, STATUS_CANCELLED);
    }
    assert_int_equal(caller.outcome.failures, 1);
    assert_int_equal(caller.outcome.stub.failure.code, STATUS_CANCELLED);
    toy_stop(&toy);
}

static void test_request_size_is_bounded(void **state)
{
    (void)state;
    struct toy toy;
    start_toy(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    size_t most = RPC_MESSAGE_BYTES_MAX - 256; /* what the envelope may take */
    char *large = malloc(most + 1);
    memset(large, 'x', most);
    /* order_ref: a tag and four bytes of length */
    large[most - 4] = '\0';
    memset(&outcome, 0, sizeof outcome);
    rpc_stub_init(&outcome.stub, channel, &shop__v1__order_service__descriptor);
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.request_id = text("");
    for (int over = 1; over >= 0; over--) {
        request.request_id = text("r");
        request.order_ref = large;
        size_t size = shop__v1__create_order_request__get_packed_size(&request);
        large[strlen(large) - (size - most) + (size_t)over] = '\0';
        assert_int_equal(shop__v1__create_order_request__get_packed_size(&request),
                         most + (size_t)over);
        shop__v1__order_service__create_order(&outcome.stub.service, &request, on_order, &outcome);
        if (over > 0) {
            assert_int_equal(outcome.stub.failure.code, STATUS_INVALID_ARGUMENT);
            assert_string_equal(outcome.stub.failure.reason, "REQUEST_TOO_LARGE");
            assert_int_equal(atomic_load(&toy.created), 0);
        }
    }
    assert_int_equal(outcome.stub.failure.code, STATUS_OK);
    assert_int_equal(outcome.order_ref_size, strlen(large));
    free(large);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_response_that_is_too_large_is_an_error(void **state)
{
    (void)state;
    struct toy toy;
    start_toy(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    create(&outcome, channel, "r", "huge", false);
    assert_int_equal(outcome.stub.failure.code, STATUS_INTERNAL);
    assert_string_equal(outcome.stub.failure.reason, "RESPONSE_TOO_LARGE");
    create(&outcome, channel, "r", "c", false);
    assert_int_equal(outcome.stub.failure.code, STATUS_OK);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_bad_endpoints_are_refused(void **state)
{
    (void)state;
    const char *endpoints[] = {"", "http://localhost:1", "tcp://localhost", "ipc://"};
    for (int i = 0; i < 4; i++) {
        struct rpc_channel_options options = {.endpoint = endpoints[i]};
        struct rpc_channel *channel = NULL;
        struct failure failure = {0};
        assert_int_equal(rpc_channel_open(&options, &channel, &failure), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "ENDPOINT_INVALID");
        assert_null(channel);
    }
}

/* A server that answers every request with the same bytes. */
struct parrot {
    nng_socket socket;
    pthread_t thread;
    uint8_t answer[4096];
    size_t size;
};

static void *answer_all(void *data)
{
    struct parrot *parrot = data;
    nng_msg *message;
    while (nng_recvmsg(parrot->socket, &message, 0) == 0) {
        nng_msg_clear(message);
        (void)nng_msg_append(message, parrot->answer, parrot->size);
        if (nng_sendmsg(parrot->socket, message, 0) != 0) {
            nng_msg_free(message);
        }
    }
    return NULL;
}

static void expect_answer_read_as(const void *answer, size_t size, enum status code,
                                  const char *reason)
{
    struct parrot parrot = {.size = size};
    memcpy(parrot.answer, answer, size);
    char endpoint[128];
    toy_endpoint("ipc", endpoint);
    assert_int_equal(nng_rep0_open(&parrot.socket), 0);
    assert_int_equal(nng_listen(parrot.socket, endpoint, NULL, 0), 0);
    assert_int_equal(pthread_create(&parrot.thread, NULL, answer_all, &parrot), 0);
    struct rpc_channel *channel = toy_channel(endpoint);
    struct outcome outcome;
    create(&outcome, channel, "r", "c", false);
    assert_int_equal(outcome.failures, 1);
    assert_int_equal(outcome.stub.failure.code, code);
    assert_string_equal(outcome.stub.failure.reason, reason);
    rpc_channel_close(&channel);
    (void)nng_close(parrot.socket);
    (void)pthread_join(parrot.thread, NULL);
}

static void test_answers_that_are_none(void **state)
{
    (void)state;
    uint8_t answer[4096];
    expect_answer_read_as("", 0, STATUS_UNKNOWN, "MALFORMED_RESPONSE");
    expect_answer_read_as("HTTP/1.1 200 OK", 15, STATUS_UNKNOWN, "MALFORMED_RESPONSE");

    /* Somebody else's answer. */
    struct envelope_response response = {.call_id = "other", .server_id = "s", .domain = "tests"};
    size_t size = envelope_encode_response(&response, answer, sizeof answer);
    expect_answer_read_as(answer, size, STATUS_UNKNOWN, "MALFORMED_RESPONSE");
    (void)failure_set(&response.failure, STATUS_NOT_FOUND, "ORDER_NOT_FOUND", "no");
    size = envelope_encode_response(&response, answer, sizeof answer);
    expect_answer_read_as(answer, size, STATUS_UNKNOWN, "MALFORMED_RESPONSE");

    /* A server that could not read the id. */
    response.call_id = "";
    size = envelope_encode_response(&response, answer, sizeof answer);
    expect_answer_read_as(answer, size, STATUS_NOT_FOUND, "ORDER_NOT_FOUND");
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
        cmocka_unit_test(test_blocking_calls_wait_for_room_until_their_time),
        cmocka_unit_test(test_no_server_is_unavailable_at_the_deadline),
        cmocka_unit_test(test_a_call_waits_for_its_server),
        cmocka_unit_test(test_deadline_passes_while_the_server_works),
        cmocka_unit_test(test_server_dies_in_the_middle_and_comes_back),
        cmocka_unit_test(test_close_cancels_what_is_under_way),
        cmocka_unit_test(test_request_size_is_bounded),
        cmocka_unit_test(test_response_that_is_too_large_is_an_error),
        cmocka_unit_test(test_bad_endpoints_are_refused),
        cmocka_unit_test(test_answers_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
