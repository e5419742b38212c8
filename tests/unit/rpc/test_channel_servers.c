/* A channel of several servers: who gets calls, who does not any more, and who gets them again. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "script.h"
#include "tests/cmocka_all.h"

#define EJECTED_MS 6000 /* 250 + 250 + 500 ms by design; the rest is for a busy machine */

static char endpoints[300];

static struct rpc_channel *open_two(const char *first, const char *second, int32_t hedge_after_ms)
{
    (void)snprintf(endpoints, sizeof endpoints, "%s,%s", first, second);
    const struct rpc_channel_options options = {
        .endpoint = endpoints, .timeout_ms = TOY_WAIT_MS, .hedge_after_ms = hedge_after_ms};
    struct rpc_channel *channel = toy_channel_open(&options);
    return channel;
}

static void start_serving(struct toy *toy)
{
    const struct toy_options options = {.is_serving = true};
    start_toy(toy, &options);
}

static struct rpc_endpoint_state state_of(struct rpc_channel *channel, size_t number)
{
    struct rpc_endpoint_state states[RPC_ENDPOINTS_MAX];
    assert_true(number < rpc_channel_endpoints(channel, states));
    return states[number];
}

static void test_calls_go_to_who_has_less_to_do(void **state)
{
    (void)state;
    struct toy slow, fast;
    start_serving(&slow);
    start_serving(&fast);
    struct rpc_channel *channel = open_two(slow.endpoint, fast.endpoint, 0);
    wait_ready(channel, 0, true);
    wait_ready(channel, 1, true);
    assert_string_equal(state_of(channel, 0).endpoint, slow.endpoint);
    assert_string_equal(state_of(channel, 1).endpoint, fast.endpoint);

    /* With nothing to tell them apart: both. */
    struct outcome outcome;
    for (int i = 0; i < 64; i++) {
        get_order(&outcome, channel, "o", false);
        assert_int_equal(outcome.answers, 1);
    }
    assert_true(atomic_load(&slow.got) > 0);
    assert_true(atomic_load(&fast.got) > 0);

    /* One holds its calls: the other gets all but as many as it has itself under way. */
    toy_shut_gate(&slow);
    static struct outcome held[64];
    size_t count = 0;
    while (state_of(channel, 0).outstanding == 0) {
        assert_true(count < 64);
        create_order(&held[count++], channel, "held", "c", true);
        while (state_of(channel, 1).outstanding > 0) {
            nng_msleep(1);
        }
    }
    size_t before = atomic_load(&fast.created);
    for (int i = 0; i < 50; i++) {
        create_order(&outcome, channel, "r", "c", false);
        assert_int_equal(outcome.answers, 1);
    }
    assert_true(atomic_load(&fast.created) >= before + 50);
    toy_open_gate(&slow);
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    rpc_channel_close(&channel);
    toy_stop(&slow);
    toy_stop(&fast);
}

struct traffic {
    struct rpc_channel *channel;
    pthread_t thread;
    atomic_bool is_over;
    atomic_size_t calls;
    size_t failures;
    int64_t longest_ms;
    struct failure failure;
};

/* Reads and orders, blocking, one after the other. */
static void *keep_calling(void *data)
{
    struct traffic *traffic = data;
    struct outcome outcome;
    for (size_t i = 0; !atomic_load(&traffic->is_over); i++) {
        int64_t begin_ms = toy_now_ms();
        if (i % 2 == 0) {
            get_order(&outcome, traffic->channel, "o", false);
        } else {
            create_order(&outcome, traffic->channel, "", "c", false);
        }
        int64_t took_ms = toy_now_ms() - begin_ms;
        traffic->longest_ms = took_ms > traffic->longest_ms ? took_ms : traffic->longest_ms;
        if (outcome.answers != 1 && traffic->failures++ == 0) {
            traffic->failure = outcome.stub.failure;
        }
        (void)atomic_fetch_add(&traffic->calls, 1);
    }
    return NULL;
}

static void start_traffic(struct traffic *traffic, size_t count, struct rpc_channel *channel)
{
    for (size_t i = 0; i < count; i++) {
        memset(&traffic[i], 0, sizeof traffic[i]);
        traffic[i].channel = channel;
        assert_int_equal(pthread_create(&traffic[i].thread, NULL, keep_calling, &traffic[i]), 0);
    }
}

static void expect_more(struct traffic *traffic, size_t count, size_t more)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(toy_wait_for(&traffic[i].calls, atomic_load(&traffic[i].calls) + more));
    }
}

/* No call failed; returns how long the longest took. */
static int64_t stop_traffic(struct traffic *traffic, size_t count)
{
    int64_t longest_ms = 0;
    for (size_t i = 0; i < count; i++) {
        atomic_store(&traffic[i].is_over, true);
        (void)pthread_join(traffic[i].thread, NULL);
        if (traffic[i].failures > 0) {
            fail_msg("%zu of %zu calls failed, the first with %s %s: %s", traffic[i].failures,
                     atomic_load(&traffic[i].calls), status_name(traffic[i].failure.code),
                     traffic[i].failure.reason, traffic[i].failure.message);
        }
        longest_ms = traffic[i].longest_ms > longest_ms ? traffic[i].longest_ms : longest_ms;
    }
    return longest_ms;
}

static void test_a_killed_server_costs_no_call(void **state)
{
    (void)state;
    static const char *const TRANSPORTS[] = {"ipc", "tcp"};
    for (int i = 0; i < 2; i++) {
        char first[128], second[128];
        static struct traffic traffic[3];
        toy_endpoint(TRANSPORTS[i], first);
        toy_endpoint(TRANSPORTS[i], second);
        pid_t dies = toy_spawn(first, false), stays = toy_spawn(second, false);
        struct rpc_channel *channel = open_two(first, second, 0);
        wait_ready(channel, 0, true);
        wait_ready(channel, 1, true);
        start_traffic(traffic, 3, channel);
        expect_more(traffic, 3, 50);
        toy_kill(dies);
        wait_ready(channel, 0, false);
        expect_more(traffic, 3, 50);
        dies = toy_spawn(first, false);
        wait_ready(channel, 0, true); /* by itself */
        expect_more(traffic, 3, 50);
        (void)stop_traffic(traffic, 3);
        rpc_channel_close(&channel);
        toy_kill(dies);
        toy_kill(stays);
        (void)unlink(strstr(first, "://") + 3);
        (void)unlink(strstr(second, "://") + 3);
    }
}

static void test_a_stopped_server_is_ejected_and_comes_back(void **state)
{
    (void)state;
    static const char *const TRANSPORTS[] = {"ipc", "tcp"};
    for (int i = 0; i < 2; i++) {
        char first[128], second[128];
        static struct traffic traffic[3];
        toy_endpoint(TRANSPORTS[i], first);
        toy_endpoint(TRANSPORTS[i], second);
        pid_t stops = toy_spawn(first, false), stays = toy_spawn(second, false);
        struct rpc_channel *channel = open_two(first, second, 0);
        wait_ready(channel, 0, true);
        wait_ready(channel, 1, true);
        start_traffic(traffic, 3, channel);
        expect_more(traffic, 3, 50);
        int64_t begin_ms = toy_now_ms();
        assert_int_equal(kill(stops, SIGSTOP), 0);
        wait_ready(channel, 0, false);
        int64_t ejected_ms = toy_now_ms() - begin_ms;
        expect_more(traffic, 3, 50);
        assert_int_equal(kill(stops, SIGCONT), 0);
        begin_ms = toy_now_ms();
        wait_ready(channel, 0, true);
        int64_t back_ms = toy_now_ms() - begin_ms;
        expect_more(traffic, 3, 50);
        int64_t longest_ms = stop_traffic(traffic, 3);
        print_message("%s: ejected after %lld ms, back after %lld ms, the longest call took %lld "
                      "ms\n",
                      TRANSPORTS[i], (long long)ejected_ms, (long long)back_ms,
                      (long long)longest_ms);
        assert_true(ejected_ms <= EJECTED_MS);
        assert_int_equal(state_of(channel, 0).ejections, 1);
        rpc_channel_close(&channel);
        toy_kill(stops);
        toy_kill(stays);
        (void)unlink(strstr(first, "://") + 3);
        (void)unlink(strstr(second, "://") + 3);
    }
}

/* A connection on which nothing is ever answered, beside one that works. */
static void test_no_call_before_a_health_answer(void **state)
{
    (void)state;
    struct script mute, fine;
    script_start(&mute);
    script_set(&mute, &mute.is_mute, true);
    script_start(&fine);
    struct rpc_channel *channel = open_two(mute.endpoint, fine.endpoint, 0);
    struct outcome outcome;
    for (int i = 0; i < 20; i++) {
        create_order(&outcome, channel, "r", "c", false);
        assert_int_equal(outcome.answers, 1);
    }
    assert_int_equal(script_count(&mute, &mute.call_count), 0);
    assert_int_equal(script_count(&fine, &fine.call_count), 20);

    /* It is asked again and again, on connections that are new. */
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    while (script_count(&mute, &mute.checks) < 2 && toy_now_ms() < until_ms) {
        nng_msleep(5);
    }
    assert_true(script_count(&mute, &mute.checks) >= 2);
    assert_false(state_of(channel, 0).is_ready);
    script_set(&mute, &mute.is_mute, false);
    wait_ready(channel, 0, true);
    assert_int_equal(state_of(channel, 0).ejections, 0); /* it never was fit */
    rpc_channel_close(&channel);
    script_stop(&mute);
    script_stop(&fine);
}

static void test_who_does_not_serve_gets_calls_only_when_nobody_does(void **state)
{
    (void)state;
    struct script leaving, staying;
    script_start(&leaving);
    script_start(&staying);
    script_set(&leaving, &leaving.is_not_serving, true);
    struct rpc_channel *channel = open_two(leaving.endpoint, staying.endpoint, 0);
    wait_ready(channel, 1, true);
    struct outcome outcome;
    for (int i = 0; i < 10; i++) {
        create_order(&outcome, channel, "r", "c", false);
        assert_int_equal(outcome.answers, 1);
    }
    assert_int_equal(script_count(&leaving, &leaving.call_count), 0);

    /* Only one that does not serve is left: what it says is better than nothing. */
    script_stop(&staying);
    wait_ready(channel, 1, false);
    script_refuse(&leaving, 100, STATUS_UNAVAILABLE, 0);
    create_order(&outcome, channel, "r", "c", false);
    assert_int_equal(outcome.stub.failure.code, STATUS_UNAVAILABLE);
    assert_string_equal(outcome.stub.failure.reason, "REFUSED");
    script_refuse(&leaving, 0, STATUS_OK, 0);
    script_set(&leaving, &leaving.is_not_serving, false);
    wait_ready(channel, 0, true);
    rpc_channel_close(&channel);
    script_stop(&leaving);
}

/* The refusal of one that begins to leave is no failure, and it is asked at once how it does. */
static void test_a_refused_call_goes_elsewhere(void **state)
{
    (void)state;
    struct script leaving, staying;
    script_start(&leaving);
    script_start(&staying);
    struct rpc_channel *channel = open_two(leaving.endpoint, staying.endpoint, 0);
    wait_ready(channel, 0, true);
    wait_ready(channel, 1, true);
    script_refuse(&leaving, 1000, STATUS_UNAVAILABLE, 0);
    script_set(&leaving, &leaving.is_not_serving, true);
    struct outcome outcome;
    for (int i = 0; i < 20; i++) {
        create_order(&outcome, channel, "r", "c", i % 2 == 0);
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
        assert_int_equal(outcome.answers, 1);
    }
    assert_int_equal(script_count(&staying, &staying.call_count), 20);
    assert_true(script_count(&leaving, &leaving.call_count) > 0);
    wait_ready(channel, 0, false);
    rpc_channel_close(&channel);
    script_stop(&leaving);
    script_stop(&staying);
}

static void test_a_slow_read_is_hedged(void **state)
{
    (void)state;
    struct script deaf, fine;
    script_start(&deaf);
    script_start(&fine);
    script_set(&deaf, &deaf.is_deaf, true);
    struct rpc_channel *channel = open_two(deaf.endpoint, fine.endpoint, 30);
    wait_ready(channel, 0, true);
    wait_ready(channel, 1, true);
    struct outcome outcome;
    int64_t begin_ms = toy_now_ms();
    for (int i = 0; i < 20; i++) {
        get_order(&outcome, channel, "o", i % 2 == 0);
        assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS / 2));
        assert_int_equal(outcome.answers, 1);
    }
    assert_true(toy_now_ms() - begin_ms < TOY_WAIT_MS);
    size_t hedged = script_count(&deaf, &deaf.call_count);
    assert_true(hedged > 0);
    assert_int_equal(script_count(&fine, &fine.call_count), 20);
    bool has_second = false;
    for (size_t i = 0; i < 20; i++) {
        has_second |= fine.calls[i].attempt == 1;
    }
    assert_true(has_second);

    /* What changes something is sent to one of them only. */
    script_set(&deaf, &deaf.is_deaf, false);
    for (int i = 0; i < 10; i++) {
        create_order(&outcome, channel, "r", "c", false);
        assert_int_equal(outcome.answers, 1);
    }
    assert_int_equal(script_count(&deaf, &deaf.call_count) + script_count(&fine, &fine.call_count),
                     hedged + 20 + 10);
    rpc_channel_close(&channel);
    script_stop(&deaf);
    script_stop(&fine);
}

/* Both tries under way, and the channel closes. */
static void test_a_hedged_read_is_cancelled_with_its_channel(void **state)
{
    (void)state;
    struct script first, second;
    script_start(&first);
    script_start(&second);
    script_set(&first, &first.is_deaf, true);
    script_set(&second, &second.is_deaf, true);
    struct rpc_channel *channel = open_two(first.endpoint, second.endpoint, 5);
    wait_ready(channel, 0, true);
    wait_ready(channel, 1, true);
    struct outcome closed, cancelled;
    get_order(&cancelled, channel, "o", true);
    get_order(&closed, channel, "o", true);
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    while (script_count(&first, &first.call_count) + script_count(&second, &second.call_count) <
               4 &&
           toy_now_ms() < until_ms) {
        nng_msleep(1);
    }
    rpc_stub_cancel(&cancelled.stub);
    rpc_channel_close(&channel);
    assert_int_equal(cancelled.failures, 1);
    assert_int_equal(cancelled.stub.failure.code, STATUS_CANCELLED);
    assert_int_equal(closed.failures, 1);
    assert_string_equal(closed.stub.failure.reason, "CHANNEL_CLOSED");
    script_stop(&first);
    script_stop(&second);
}

static void expect_refused(const char *list)
{
    const struct rpc_channel_options options = {.endpoint = list};
    struct rpc_channel *channel = NULL;
    struct failure failure = {0};
    assert_int_equal(rpc_channel_open(&options, &channel, &failure), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "ENDPOINT_INVALID");
    assert_null(channel);
}

static void test_lists_of_endpoints(void **state)
{
    (void)state;
    char list[1024] = "";
    expect_refused("ipc:///tmp/a,");
    expect_refused(",ipc:///tmp/a");
    expect_refused("ipc:///tmp/a,,ipc:///tmp/b");
    expect_refused("ipc:///tmp/a,http://b:1");
    for (int i = 0; i < RPC_ENDPOINTS_MAX; i++) {
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof list - used, "%sipc:///tmp/order-none-%d",
                       i == 0 ? "" : ",", i);
    }
    const struct rpc_channel_options options = {.endpoint = list};
    struct rpc_channel *channel = toy_channel_open(&options);
    struct rpc_endpoint_state states[RPC_ENDPOINTS_MAX];
    assert_int_equal(rpc_channel_endpoints(channel, states), RPC_ENDPOINTS_MAX);
    assert_string_equal(states[7].endpoint, "ipc:///tmp/order-none-7");
    rpc_channel_close(&channel);
    (void)strncat(list, ",ipc:///tmp/more", sizeof list - strlen(list) - 1);
    expect_refused(list);
}

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_go_to_who_has_less_to_do),
        cmocka_unit_test(test_a_killed_server_costs_no_call),
        cmocka_unit_test(test_a_stopped_server_is_ejected_and_comes_back),
        cmocka_unit_test(test_no_call_before_a_health_answer),
        cmocka_unit_test(test_who_does_not_serve_gets_calls_only_when_nobody_does),
        cmocka_unit_test(test_a_refused_call_goes_elsewhere),
        cmocka_unit_test(test_a_slow_read_is_hedged),
        cmocka_unit_test(test_a_hedged_read_is_cancelled_with_its_channel),
        cmocka_unit_test(test_lists_of_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
