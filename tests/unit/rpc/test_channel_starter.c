/* Calls that threads begin one by one, as a gateway does: with many under way those of a method
 * share messages, and each ends once, whenever it is cancelled or the channel closed. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calls.h"
#include "script.h"
#include "tests/cmocka_all.h"

#define THREADS          4
#define CALLS_EACH       16
#define CALLS            (THREADS * CALLS_EACH)
#define DEAF_TIMEOUT_MS  200
#define CROWD            8 /* so many are under way before two share a message */
#define CLOSINGS         50
#define LOSSES           5
#define CANCELLED_ROUNDS 50
#define CANCELLED_EACH   4 /* one of so many, and the first that a thread begins */

struct one {
    struct rpc_stub stub;
    atomic_size_t answers, failures;
};

struct crowd {
    struct rpc_channel *channel;
    bool has_two_methods, is_cancelled;
    int32_t timeout_ms;
    struct one calls[CALLS];
};

struct beginner {
    pthread_t thread;
    struct crowd *crowd;
    size_t first;
};

static void note(struct one *call, const void *response)
{
    (void)atomic_fetch_add(response != NULL ? &call->answers : &call->failures, 1);
}

static void on_order(const Shop__V1__Order *order, void *call)
{
    note(call, order);
}

static struct crowd *make_crowd(const char *endpoint, int32_t timeout_ms)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    assert_non_null(crowd);
    crowd->channel = toy_channel(endpoint);
    crowd->timeout_ms = timeout_ms;
    wait_ready(crowd->channel, 0, true);
    return crowd;
}

static void free_crowd(struct crowd *crowd)
{
    rpc_channel_close(&crowd->channel);
    free(crowd);
}

static void begin(struct crowd *crowd, size_t number)
{
    struct one *call = &crowd->calls[number];
    rpc_stub_init(&call->stub, crowd->channel, &shop__v1__order_service__descriptor);
    call->stub.async = true;
    call->stub.may_share = true;
    call->stub.timeout_ms = crowd->timeout_ms;
    if (crowd->has_two_methods && number % 2 == 1) {
        Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
        request.order_id = text("o");
        shop__v1__order_service__get_order(&call->stub.service, &request, on_order, call);
    } else {
        Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
        request.customer_id = text("c");
        shop__v1__order_service__create_order(&call->stub.service, &request, on_order, call);
    }
}

static void *begin_some(void *data)
{
    const struct beginner *beginner = data;
    struct crowd *crowd = beginner->crowd;
    for (size_t i = beginner->first; i < beginner->first + CALLS_EACH; i++) {
        begin(crowd, i);
        if (crowd->is_cancelled && i % CANCELLED_EACH == 0) {
            rpc_stub_cancel(&crowd->calls[i].stub);
        }
    }
    return NULL;
}

static void begin_all(struct crowd *crowd)
{
    struct beginner beginners[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        beginners[i] = (struct beginner){.crowd = crowd, .first = i * CALLS_EACH};
        assert_int_equal(pthread_create(&beginners[i].thread, NULL, begin_some, &beginners[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(beginners[i].thread, NULL);
    }
}

/* Each call that was begun has ended so often. */
static void expect_ended(struct crowd *crowd, size_t times)
{
    for (size_t i = 0; i < CALLS; i++) {
        struct one *call = &crowd->calls[i];
        assert_int_equal(atomic_load(&call->answers) + atomic_load(&call->failures), times);
    }
}

static void expect_answers(struct crowd *crowd, size_t times)
{
    expect_ended(crowd, times);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(crowd->calls[i].failures, 0);
    }
}

/* Nobody is answered, so that there are many under way. How many come before the starter takes them
 * is a matter of chance: again until some came together. */
static void test_calls_of_a_method_share_messages(void **state)
{
    (void)state;
    struct script script;
    script_start(&script);
    script_set(&script, &script.reads_bundles, true);
    script_set(&script, &script.is_deaf, true);
    struct crowd *crowd = make_crowd(script.endpoint, DEAF_TIMEOUT_MS);
    crowd->has_two_methods = true;
    size_t rounds = 0;
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    while (script_count(&script, &script.bundles) == 0 && toy_now_ms() < until_ms) {
        begin_all(crowd);
        assert_true(rpc_channel_wait_idle(crowd->channel, TOY_WAIT_MS));
        expect_ended(crowd, ++rounds);
    }
    assert_true(script_count(&script, &script.bundles) > 0);
    assert_int_equal(script_count(&script, &script.mixed_bundles), 0);
    free_crowd(crowd);
    script_stop(&script);
}

static void test_all_are_answered(void **state)
{
    (void)state;
    const char *transports[] = {"ipc", "tcp"};
    for (int i = 0; i < 2; i++) {
        struct toy toy;
        start_toy_serving(&toy, transports[i]);
        struct crowd *crowd = make_crowd(toy.endpoint, TOY_WAIT_MS);
        crowd->has_two_methods = true;
        for (size_t round = 1; round <= 20; round++) {
            begin_all(crowd);
            assert_true(rpc_channel_wait_idle(crowd->channel, TOY_WAIT_MS));
            expect_answers(crowd, round);
        }
        assert_int_equal(toy.created, 20 * CALLS / 2);
        assert_int_equal(toy.got, 20 * CALLS / 2);
        free_crowd(crowd);
        toy_stop(&toy);
    }
}

/* So many entries as there are threads, and two more. */
static size_t count_threads(void)
{
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    while (readdir(tasks) != NULL) {
        count++;
    }
    (void)closedir(tasks);
    return count;
}

/* A thread that was joined may be seen for a moment. */
static void expect_threads(size_t count)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    while (count_threads() != count && toy_now_ms() < until_ms) {
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(count_threads(), count);
}

/* Who has few calls under way pays for no thread, and for no change to one. First, so that no other
 * test's threads are about to end. */
static void test_few_calls_begin_at_once(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_serving(&toy, "ipc");
    struct crowd *crowd = make_crowd(toy.endpoint, TOY_WAIT_MS);
    size_t threads = count_threads();
    toy_shut_gate(&toy);
    for (size_t i = 0; i < CROWD; i++) {
        begin(crowd, i);
    }
    assert_int_equal(count_threads(), threads);
    begin(crowd, CROWD);
    assert_int_equal(count_threads(), threads + 1);
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(crowd->channel, TOY_WAIT_MS));
    free_crowd(crowd);
    expect_threads(threads);
    toy_stop(&toy);
}

/* Nobody is answered before all that was cancelled has ended. */
static void test_each_is_cancelled_for_itself(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_serving(&toy, "ipc");
    struct crowd *crowd = make_crowd(toy.endpoint, TOY_WAIT_MS);
    crowd->is_cancelled = true;
    for (size_t round = 1; round <= CANCELLED_ROUNDS; round++) {
        toy_shut_gate(&toy);
        begin_all(crowd);
        for (size_t i = 0; i < CALLS; i += CANCELLED_EACH) {
            assert_true(toy_wait_for(&crowd->calls[i].failures, round));
            assert_int_equal(crowd->calls[i].stub.failure.code, STATUS_CANCELLED);
        }
        toy_open_gate(&toy);
        assert_true(rpc_channel_wait_idle(crowd->channel, TOY_WAIT_MS));
        expect_ended(crowd, round);
        for (size_t i = 0; i < CALLS; i++) {
            assert_int_equal(crowd->calls[i].failures, i % CANCELLED_EACH == 0 ? round : 0);
        }
    }
    free_crowd(crowd);
    toy_stop(&toy);
}

static void test_closing_ends_what_was_just_begun(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_serving(&toy, "ipc");
    for (size_t i = 0; i < CLOSINGS; i++) {
        struct crowd *crowd = make_crowd(toy.endpoint, TOY_WAIT_MS);
        begin_all(crowd);
        rpc_channel_close(&crowd->channel);
        expect_ended(crowd, 1);
        free(crowd);
    }
    toy_stop(&toy);
}

static void test_a_lost_server_ends_each_once(void **state)
{
    (void)state;
    char endpoint[128];
    toy_endpoint("ipc", endpoint);
    for (size_t i = 0; i < LOSSES; i++) {
        pid_t server = toy_spawn(endpoint, true);
        struct crowd *crowd = make_crowd(endpoint, 1000);
        begin_all(crowd);
        toy_kill(server); /* while the starter sends, or soon after it */
        assert_true(rpc_channel_wait_idle(crowd->channel, TOY_WAIT_MS));
        expect_ended(crowd, 1);
        free_crowd(crowd);
    }
}

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_calls_begin_at_once),
        cmocka_unit_test(test_calls_of_a_method_share_messages),
        cmocka_unit_test(test_all_are_answered),
        cmocka_unit_test(test_each_is_cancelled_for_itself),
        cmocka_unit_test(test_closing_ends_what_was_just_begun),
        cmocka_unit_test(test_a_lost_server_ends_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
