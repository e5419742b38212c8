/* How calls fail, from a channel's side, and what is known then. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "rpc/envelope.h"
#include "tests/cmocka_all.h"

static void test_blocking_calls_wait_for_room_until_their_time(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    toy_shut_gate(&toy);
    struct rpc_channel *channel = toy_channel_with(toy.endpoint, 1, 50);
    struct outcome first, second;
    memset(&first, 0, sizeof first);
    rpc_stub_init(&first.stub, channel, &shop__v1__order_service__descriptor);
    first.stub.async = true;
    first.stub.timeout_ms = TOY_WAIT_MS;
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    shop__v1__order_service__create_order(&first.stub.service, &request, note_outcome, &first);
    assert_true(toy_wait_at_gate(&toy, 1));
    create_order(&second, channel, "r", "c", false);
    assert_int_equal(second.stub.failure.code, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(second.stub.failure.reason, "CHANNEL_FULL");
    assert_true(second.stub.failure.retry_delay_ms > 0);
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
        create_order(&async, channel, "r", "c", true);
        create_order(&blocking, channel, "r", "c", false);
        assert_true(toy_now_ms() - begin_ms >= 100);
        assert_true(toy_now_ms() - begin_ms < TOY_WAIT_MS);
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
    create_order(&outcome, channel, "r", "c", true);
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
    start_toy_on(&toy, "ipc");
    toy_shut_gate(&toy);
    struct rpc_channel *channel = toy_channel_with(toy.endpoint, 0, 60);
    struct outcome blocking, async;
    create_order(&async, channel, "r", "c", true);
    create_order(&blocking, channel, "r", "c", false);
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    assert_int_equal(blocking.stub.failure.code, STATUS_DEADLINE_EXCEEDED);
    assert_string_equal(blocking.stub.failure.reason, "NO_ANSWER");
    assert_int_equal(async.stub.failure.code, STATUS_DEADLINE_EXCEEDED);

    /* The late answers disturb nobody. */
    toy_open_gate(&toy);
    create_order(&blocking, channel, "r-3", "c", false);
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
        create_order(&lost, channel, "r", "c", true);
        /* A read behind it: the write has arrived, too. */
        memset(&other, 0, sizeof other);
        rpc_stub_init(&other.stub, channel, &shop__v1__order_service__descriptor);
        Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
        shop__v1__order_service__get_order(&other.stub.service, &request, note_outcome, &other);
        assert_int_equal(other.answers, 1);

        toy_kill(server);
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
        assert_int_equal(lost.failures, 1);
        assert_int_equal(lost.stub.failure.code, STATUS_UNKNOWN);
        assert_string_equal(lost.stub.failure.reason, "CONNECTION_LOST");

        /* For ipc: over the socket file that the dead one left. */
        server = toy_spawn(endpoint, false);
        create_order(&other, channel, "again", "c", false);
        assert_int_equal(other.stub.failure.code, STATUS_OK);
        assert_string_equal(other.order_id, "again");
        toy_kill(server);
        (void)unlink(strstr(endpoint, "://") + 3);
        rpc_channel_close(&channel);
    }
}

static void *call_blocking(void *outcome)
{
    create_order(outcome, ((struct outcome *)outcome)->stub.channel, "r", "c", false);
    return NULL;
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
    start_toy_on(&toy, "ipc");
    toy_shut_gate(&toy);
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome blocking = {.stub.channel = channel};
    pthread_t caller;
    assert_int_equal(pthread_create(&caller, NULL, call_blocking, &blocking), 0);
    /* Under way before the channel closes: a call that comes later may not use it at all. */
    assert_true(toy_wait_at_gate(&toy, 1));
    struct outcome async[3];
    for (int i = 0; i < 3; i++) {
        create_order(&async[i], channel, "r", "c", true);
    }
    pthread_t closer;
    assert_int_equal(pthread_create(&closer, NULL, close_channel, &channel), 0);
    (void)pthread_join(caller, NULL);
    (void)pthread_join(closer, NULL);
    assert_null(channel);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(async[i].failures, 1);
        assert_int_equal(async[i].stub.failure.code, STATUS_CANCELLED);
    }
    assert_int_equal(blocking.failures, 1);
    assert_int_equal(blocking.stub.failure.code, STATUS_CANCELLED);
    toy_stop(&toy);
}

/* nng ends what is out of time on a thread of its own, which must have left a context before it is
 * closed. */
static void test_close_while_calls_run_out_of_time(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    for (int round = 0; round < 50; round++) {
        struct calls calls;
        toy_shut_gate(&toy);
        open_calls(&calls, &toy);
        start_creates(&calls, 8, 20);
        assert_true(toy_wait_for(&calls.failures, 1));
        close_calls(&calls);
        assert_int_equal(calls.answers, 0);
        assert_int_equal(calls.failures, 8);
        toy_open_gate(&toy);
    }
    toy_stop(&toy);
}

static void test_request_size_is_bounded(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    size_t most = RPC_MESSAGE_BYTES_MAX - 384; /* what the envelope may take */
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
        shop__v1__order_service__create_order(&outcome.stub.service, &request, note_outcome,
                                              &outcome);
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

static void compare_ref(const Shop__V1__Order *order, void *expected)
{
    assert_non_null(order);
    assert_string_equal(order->order_ref, (const char *)expected);
}

/* Both sides use the memory of one message for the next: whatever follows whatever comes whole. */
static void test_messages_of_all_sizes_follow_each_other(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 60, 5000, 3, 300000, 0, 4000, 4090, 100, 200, 300, 1};
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *ref = malloc(sizes[i] + 1);
        memset(ref, 'a' + (int)i, sizes[i]);
        ref[sizes[i]] = '\0';
        Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
        request.order_ref = ref;
        shop__v1__order_service__create_order(&stub.service, &request, compare_ref, ref);
        assert_int_equal(stub.failure.code, STATUS_OK);
        free(ref);
    }
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_response_that_is_too_large_is_an_error(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    create_order(&outcome, channel, "r", "huge", false);
    assert_int_equal(outcome.stub.failure.code, STATUS_INTERNAL);
    assert_string_equal(outcome.stub.failure.reason, "RESPONSE_TOO_LARGE");
    create_order(&outcome, channel, "r", "c", false);
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
    create_order(&outcome, channel, "r", "c", false);
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
    struct failure failure;
    (void)failure_set(&failure, STATUS_NOT_FOUND, "ORDER_NOT_FOUND", "no");
    response.failure = &failure;
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
        cmocka_unit_test(test_blocking_calls_wait_for_room_until_their_time),
        cmocka_unit_test(test_no_server_is_unavailable_at_the_deadline),
        cmocka_unit_test(test_a_call_waits_for_its_server),
        cmocka_unit_test(test_deadline_passes_while_the_server_works),
        cmocka_unit_test(test_server_dies_in_the_middle_and_comes_back),
        cmocka_unit_test(test_close_cancels_what_is_under_way),
        cmocka_unit_test(test_close_while_calls_run_out_of_time),
        cmocka_unit_test(test_request_size_is_bounded),
        cmocka_unit_test(test_messages_of_all_sizes_follow_each_other),
        cmocka_unit_test(test_response_that_is_too_large_is_an_error),
        cmocka_unit_test(test_bad_endpoints_are_refused),
        cmocka_unit_test(test_answers_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
