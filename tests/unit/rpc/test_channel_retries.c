/* What a channel tries again, how often, and what it says in the end; against a server that does
 * what the test tells it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "script.h"
#include "tests/cmocka_all.h"

static struct rpc_channel *open_channel(const char *endpoints, unsigned tries_max,
                                        size_t max_outstanding)
{
    const struct rpc_channel_options options = {.endpoint = endpoints,
                                                .timeout_ms = TOY_WAIT_MS,
                                                .tries_max = tries_max,
                                                .max_outstanding = max_outstanding};
    return toy_channel_open(&options);
}

static void expect_failure(const struct outcome *outcome, enum status code, const char *reason)
{
    assert_int_equal(outcome->failures, 1);
    assert_string_equal(status_name(outcome->stub.failure.code), status_name(code));
    assert_string_equal(outcome->stub.failure.reason, reason);
}

/* A method of which nobody knows what it does, without a request_id. */
static const ProtobufCMethodDescriptor DO = {"Do",
                                             &grpc__health__v1__health_check_request__descriptor,
                                             &grpc__health__v1__health_check_response__descriptor};
static const unsigned BY_NAME[] = {0};
static const ProtobufCServiceDescriptor DOER = {.magic = PROTOBUF_C__SERVICE_DESCRIPTOR_MAGIC,
                                                .name = "toy.v1.Doer",
                                                .short_name = "Doer",
                                                .c_name = "Doer",
                                                .package = "toy.v1",
                                                .n_methods = 1,
                                                .methods = &DO,
                                                .method_indices_by_name = BY_NAME};

static void note_message(const ProtobufCMessage *response, void *data)
{
    struct outcome *outcome = data;
    outcome->answers += response != NULL;
    outcome->failures += response == NULL;
}

static void do_it(struct outcome *outcome, struct rpc_channel *channel, bool async)
{
    memset(outcome, 0, sizeof *outcome);
    rpc_stub_init(&outcome->stub, channel, &DOER);
    outcome->stub.async = async;
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    rpc_stub_invoke(&outcome->stub, 0, &request.base, note_message, outcome);
}

static void test_every_try_is_the_same_call(void **state)
{
    (void)state;
    for (int async = 0; async < 2; async++) {
        struct script script;
        script_start(&script);
        script_refuse(&script, 3, STATUS_UNAVAILABLE, 0);
        struct rpc_channel *channel = open_channel(script.endpoint, 0, 0);
        struct outcome outcome;
        create_order(&outcome, channel, "", "c", async);
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
        assert_int_equal(outcome.stub.failure.code, STATUS_OK);
        assert_int_equal(outcome.answers, 1);
        assert_int_equal(script.call_count, 4);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(script.calls[i].attempt, i);
            assert_string_equal(script.calls[i].call_id, outcome.stub.call_id);
            assert_string_equal(script.calls[i].request_id, outcome.stub.call_id);
            assert_true(script.calls[i].timeout_ms > 0 &&
                        script.calls[i].timeout_ms <= TOY_WAIT_MS);
        }
        rpc_channel_close(&channel);
        script_stop(&script);
    }
}

static void test_four_tries_are_the_most(void **state)
{
    (void)state;
    static const struct {
        unsigned tries_max;
        size_t tries;
    } CASES[] = {{0, 4}, {1, 1}, {2, 2}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct script script;
        script_start(&script);
        script_refuse(&script, 100, STATUS_UNAVAILABLE, 0);
        struct rpc_channel *channel = open_channel(script.endpoint, CASES[i].tries_max, 0);
        struct outcome outcome;
        create_order(&outcome, channel, "r", "c", false);
        expect_failure(&outcome, STATUS_UNAVAILABLE, "REFUSED");
        get_order(&outcome, channel, "o", true);
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
        expect_failure(&outcome, STATUS_UNAVAILABLE, "REFUSED");
        assert_int_equal(script.call_count, 2 * CASES[i].tries);
        rpc_channel_close(&channel);
        script_stop(&script);
    }
}

static void test_other_refusals_are_final(void **state)
{
    (void)state;
    static const enum status CODES[] = {STATUS_UNKNOWN,
                                        STATUS_INVALID_ARGUMENT,
                                        STATUS_DEADLINE_EXCEEDED,
                                        STATUS_RESOURCE_EXHAUSTED,
                                        STATUS_FAILED_PRECONDITION,
                                        STATUS_ABORTED};
    struct script script;
    script_start(&script);
    struct rpc_channel *channel = open_channel(script.endpoint, 0, 0);
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        struct outcome outcome;
        script_refuse(&script, 1, CODES[i], 0);
        create_order(&outcome, channel, "r", "c", false);
        expect_failure(&outcome, CODES[i], "REFUSED");
        assert_int_equal(script_count(&script, &script.call_count), i + 1);
    }
    rpc_channel_close(&channel);
    script_stop(&script);
}

static void test_what_may_not_be_done_twice_is_sent_once(void **state)
{
    (void)state;
    for (int async = 0; async < 2; async++) {
        struct script script;
        script_start(&script);
        script_refuse(&script, 1, STATUS_UNAVAILABLE, 0);
        struct rpc_channel *channel = open_channel(script.endpoint, 0, 0);
        struct outcome outcome;
        do_it(&outcome, channel, async);
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
        expect_failure(&outcome, STATUS_UNAVAILABLE, "REFUSED");
        assert_int_equal(script.call_count, 1);
        do_it(&outcome, channel, async); /* one that is not refused */
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
        assert_int_equal(outcome.answers, 1);
        rpc_channel_close(&channel);
        script_stop(&script);
    }
}

static void test_the_budget_ends_retries(void **state)
{
    (void)state;
    struct script script;
    script_start(&script);
    script_refuse(&script, 100, STATUS_UNAVAILABLE, 0);
    struct rpc_channel *channel = open_channel(script.endpoint, 0, 5); /* five tokens */
    struct outcome outcome;
    for (int i = 0; i < 10; i++) {
        create_order(&outcome, channel, "r", "c", false);
        expect_failure(&outcome, STATUS_UNAVAILABLE, "REFUSED");
    }
    assert_int_equal(script_count(&script, &script.call_count), 10 + 5);

    /* Ten successes are one retry. */
    script_refuse(&script, 0, STATUS_OK, 0);
    for (int i = 0; i < 10; i++) {
        create_order(&outcome, channel, "r", "c", false);
        assert_int_equal(outcome.answers, 1);
    }
    script_refuse(&script, 100, STATUS_UNAVAILABLE, 0);
    create_order(&outcome, channel, "r", "c", false);
    assert_int_equal(script_count(&script, &script.call_count), 15 + 10 + 2);
    rpc_channel_close(&channel);
    script_stop(&script);
}

static void test_the_servers_retry_delay_is_kept(void **state)
{
    (void)state;
    for (int async = 0; async < 2; async++) {
        struct script script;
        script_start(&script);
        struct rpc_channel *channel = open_channel(script.endpoint, 0, 0);
        struct outcome outcome;
        script_refuse(&script, 1, STATUS_UNAVAILABLE, 150);
        int64_t begin_ms = toy_now_ms();
        create_order(&outcome, channel, "r", "c", async);
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
        assert_int_equal(outcome.answers, 1);
        assert_true(toy_now_ms() - begin_ms >= 150);

        /* One that is longer than the call's time is not waited for. */
        script_refuse(&script, 1, STATUS_UNAVAILABLE, TOY_WAIT_MS + 1);
        create_order(&outcome, channel, "r", "c", async);
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
        expect_failure(&outcome, STATUS_UNAVAILABLE, "REFUSED");
        assert_int_equal(outcome.stub.failure.retry_delay_ms, TOY_WAIT_MS + 1);
        assert_true(toy_now_ms() - begin_ms < TOY_WAIT_MS);
        rpc_channel_close(&channel);
        script_stop(&script);
    }
}

static void wait_for_calls(struct script *script, size_t count)
{
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    while (script_count(script, &script->call_count) < count && toy_now_ms() < until_ms) {
        nng_msleep(1);
    }
    assert_int_equal(script_count(script, &script->call_count), count);
}

/* The first try is lost with its server, the others are refused by another one. */
static void test_not_done_is_said_only_when_nothing_may_have_been(void **state)
{
    (void)state;
    char endpoints[300];
    struct script first, second;
    struct outcome order, read, once;
    script_start(&first);
    script_set(&first, &first.is_deaf, true);
    script_start(&second);
    script_set(&second, &second.is_not_serving, true); /* so that the first one gets the calls */
    script_refuse(&second, 100, STATUS_UNAVAILABLE, 0);
    (void)snprintf(endpoints, sizeof endpoints, "%s,%s", first.endpoint, second.endpoint);
    struct rpc_channel *channel = open_channel(endpoints, 0, 0);
    wait_ready(channel, 0, true);
    create_order(&order, channel, "r", "c", true);
    get_order(&read, channel, "o", true);
    do_it(&once, channel, true);
    wait_for_calls(&first, 3);
    script_stop(&first);
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    expect_failure(&order, STATUS_UNKNOWN, "CONNECTION_LOST");
    expect_failure(&read, STATUS_UNAVAILABLE, "REFUSED");
    expect_failure(&once, STATUS_UNKNOWN, "CONNECTION_LOST");
    for (size_t i = 0; i < second.call_count; i++) {
        assert_string_not_equal(second.calls[i].method, "/toy.v1.Doer/Do");
    }
    assert_int_equal(second.call_count, 2 * 3); /* the order's and the read's other tries */
    rpc_channel_close(&channel);
    script_stop(&second);
}

static void test_a_call_is_cancelled_wherever_it_is(void **state)
{
    (void)state;
    char nobody[128];
    struct script script;
    struct outcome waiting, sent, backing_off;
    toy_endpoint("ipc", nobody);
    script_start(&script);
    struct rpc_channel *absent = open_channel(nobody, 0, 0);
    create_order(&waiting, absent, "r", "c", true);
    rpc_stub_cancel(&waiting.stub);
    assert_true(rpc_channel_wait_idle(absent, TOY_WAIT_MS / 2));
    expect_failure(&waiting, STATUS_CANCELLED, "CALL_CANCELLED");
    assert_non_null(strstr(waiting.stub.failure.message, "not done"));
    rpc_stub_cancel(&waiting.stub); /* it has ended: nothing happens */

    struct rpc_channel *channel = open_channel(script.endpoint, 0, 0);
    script_set(&script, &script.is_deaf, true);
    create_order(&sent, channel, "r", "c", true);
    wait_for_calls(&script, 1);
    rpc_stub_cancel(&sent.stub);
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS / 2));
    expect_failure(&sent, STATUS_CANCELLED, "CALL_CANCELLED");
    assert_non_null(strstr(sent.stub.failure.message, "may have been done"));

    script_set(&script, &script.is_deaf, false);
    script_refuse(&script, 100, STATUS_UNAVAILABLE, TOY_WAIT_MS - 1000);
    for (size_t i = 0; i < 20; i++) { /* some before the refusal is there, some as it comes */
        create_order(&backing_off, channel, "r", "c", true);
        wait_for_calls(&script, 2 + i);
        rpc_stub_cancel(&backing_off.stub);
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS / 2));
        expect_failure(&backing_off, STATUS_CANCELLED, "CALL_CANCELLED");
    }

    /* The place and the connection are as good as new. */
    script_refuse(&script, 0, STATUS_OK, 0);
    create_order(&sent, channel, "r", "c", true);
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    assert_int_equal(sent.answers, 1);
    rpc_channel_close(&channel);
    rpc_channel_close(&absent);
    script_stop(&script);
}

/* Cancellations at any moment of a call: each ends once, one way or the other. */
static void test_cancellations_race_with_answers(void **state)
{
    (void)state;
    struct toy toy;
    char endpoint[128];
    toy_endpoint("ipc", endpoint);
    /* The server is not told of cancellations: it may have all of the calls at a time. */
    start_toy(&toy, &(struct toy_options){
                        .endpoint = endpoint, .max_inflight = 50 * 32, .queue_max = 50 * 32});
    struct rpc_channel *channel = open_channel(toy.endpoint, 0, 0);
    static struct outcome outcomes[32];
    size_t answered = 0;
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < 32; i++) {
            create_order(&outcomes[i], channel, "r", "c", true);
        }
        for (size_t i = 0; i < 32; i++) {
            rpc_stub_cancel(&outcomes[(i * 7 + (size_t)round) % 32].stub);
        }
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
        for (size_t i = 0; i < 32; i++) {
            assert_int_equal(outcomes[i].answers + outcomes[i].failures, 1);
            answered += outcomes[i].answers;
            if (outcomes[i].failures > 0) {
                expect_failure(&outcomes[i], STATUS_CANCELLED, "CALL_CANCELLED");
            }
        }
    }
    assert_true(answered < 50 * 32);
    struct outcome last;
    create_order(&last, channel, "r", "c", false);
    assert_int_equal(last.answers, 1);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_try_is_the_same_call),
        cmocka_unit_test(test_four_tries_are_the_most),
        cmocka_unit_test(test_other_refusals_are_final),
        cmocka_unit_test(test_what_may_not_be_done_twice_is_sent_once),
        cmocka_unit_test(test_the_budget_ends_retries),
        cmocka_unit_test(test_the_servers_retry_delay_is_kept),
        cmocka_unit_test(test_not_done_is_said_only_when_nothing_may_have_been),
        cmocka_unit_test(test_a_call_is_cancelled_wherever_it_is),
        cmocka_unit_test(test_cancellations_race_with_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
