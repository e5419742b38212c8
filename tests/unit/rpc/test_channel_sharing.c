/* Calls that closures begin share messages: each has its own answer, failure, end and deadline,
 * whatever becomes of the others in its message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calls.h"
#include "rpc/bundle.h"
#include "script.h"
#include "tests/cmocka_all.h"

#define SLOTS_MAX 64

struct loop;

struct slot {
    struct loop *loop;
    struct rpc_stub stub;
    char request_id[32];
    const char *customer_id, *order_ref;
    size_t calls, answers, failures, strange;
    struct failure last;
};

/* Closed loops of CreateOrder, each call begun by the closure of the one before. */
struct loop {
    struct rpc_channel *channel;
    size_t count;
    atomic_size_t rounds;
    bool has_met;          /* all calls of the first round had ended before the second one began */
    struct script *script; /* is deaf from then on; or NULL */
    atomic_size_t started; /* of the first round */
    atomic_size_t answers, ended;
    struct slot slots[SLOTS_MAX];
};

static void start(struct slot *slot);

static void pause_briefly(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    (void)nanosleep(&pause, NULL);
}

/* So that closures begin calls at the same time: the first one waits, though closures should not,
 * until the other calls have ended. */
static void meet(struct loop *loop)
{
    struct rpc_endpoint_state states[RPC_ENDPOINTS_MAX];
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    while (toy_now_ms() < until_ms) {
        (void)rpc_channel_endpoints(loop->channel, states);
        if (atomic_load(&loop->started) == loop->count && states[0].outstanding == 0) {
            break;
        }
        pause_briefly();
    }
    loop->has_met = true;
    if (loop->script != NULL) {
        script_set(loop->script, &loop->script->is_deaf, true);
    }
}

static void on_order(const Shop__V1__Order *order, void *data)
{
    struct slot *slot = data;
    struct loop *loop = slot->loop;
    if (order == NULL) {
        slot->failures++;
        slot->last = slot->stub.failure;
    } else if (order->order_id[0] != '\0' && strcmp(order->order_id, slot->request_id) != 0) {
        slot->strange++; /* the script answers with nothing at all */
    } else {
        slot->answers++;
        (void)atomic_fetch_add(&loop->answers, 1);
    }
    if (slot->calls == 1 && loop->rounds > 1 && !loop->has_met) {
        meet(loop);
    }
    if (slot->calls < loop->rounds) {
        slot->stub.may_share = true;
        start(slot);
    } else {
        (void)atomic_fetch_add(&loop->ended, 1);
    }
}

static void start(struct slot *slot)
{
    slot->calls++;
    (void)snprintf(slot->request_id, sizeof slot->request_id, "r-%zu-%zu",
                   (size_t)(slot - slot->loop->slots), slot->calls);
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.request_id = slot->request_id;
    request.customer_id = text(slot->customer_id);
    request.order_ref = text(slot->order_ref);
    shop__v1__order_service__create_order(&slot->stub.service, &request, on_order, slot);
}

static struct loop *make_loop(const char *endpoint, size_t count, size_t rounds)
{
    struct loop *loop = calloc(1, sizeof *loop);
    assert_non_null(loop);
    loop->channel = toy_channel(endpoint);
    loop->count = count;
    loop->rounds = rounds;
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = &loop->slots[i];
        slot->loop = loop;
        slot->customer_id = "c";
        slot->order_ref = "";
        rpc_stub_init(&slot->stub, loop->channel, &shop__v1__order_service__descriptor);
        slot->stub.async = true;
        slot->stub.timeout_ms = TOY_WAIT_MS;
    }
    return loop;
}

static void start_all(struct loop *loop)
{
    wait_ready(loop->channel, 0, true);
    for (size_t i = 0; i < loop->count; i++) {
        start(&loop->slots[i]);
        (void)atomic_fetch_add(&loop->started, 1);
    }
}

static void run(struct loop *loop)
{
    start_all(loop);
    assert_true(rpc_channel_wait_idle(loop->channel, 6 * TOY_WAIT_MS));
    assert_int_equal(loop->ended, loop->count);
}

static void free_loop(struct loop *loop)
{
    rpc_channel_close(&loop->channel);
    free(loop);
}

static void expect_slot(const struct slot *slot, size_t answers, size_t failures)
{
    assert_int_equal(slot->strange, 0);
    assert_int_equal(slot->answers, answers);
    assert_int_equal(slot->failures, failures);
}

static void expect_all(const struct loop *loop, size_t answers, size_t failures)
{
    for (size_t i = 0; i < loop->count; i++) {
        expect_slot(&loop->slots[i], answers, failures);
    }
}

static void start_reading(struct script *script)
{
    script_start(script);
    script_set(script, &script->reads_bundles, true);
}

static void test_calls_share_messages(void **state)
{
    (void)state;
    struct script script;
    start_reading(&script);
    struct loop *loop = make_loop(script.endpoint, 32, 2);
    run(loop);
    expect_all(loop, 2, 0);
    assert_int_equal(script_count(&script, &script.call_count), 64);
    assert_true(script_count(&script, &script.bundles) > 0);
    size_t largest = script_count(&script, &script.largest_bundle);
    assert_in_range(largest, 2, 32 / 4);
    free_loop(loop);
    script_stop(&script);
}

/* What is refused, or too large to share a message, is so for itself. */
static void test_each_has_its_own_answer(void **state)
{
    (void)state;
    const char *transports[] = {"ipc", "tcp"};
    const size_t rounds = 20;
    char *large = calloc(1, 2 * BUNDLE_REQUEST_BYTES_MAX);
    memset(large, 'x', BUNDLE_REQUEST_BYTES_MAX);
    for (int i = 0; i < 2; i++) {
        struct toy toy;
        start_toy_serving(&toy, transports[i]);
        struct loop *loop = make_loop(toy.endpoint, SLOTS_MAX, rounds);
        loop->slots[1].order_ref = large;
        loop->slots[2].customer_id = "refused";
        run(loop);
        for (size_t j = 0; j < loop->count; j++) {
            expect_slot(&loop->slots[j], j == 2 ? 0 : rounds, j == 2 ? rounds : 0);
        }
        assert_int_equal(loop->slots[2].last.code, STATUS_FAILED_PRECONDITION);
        assert_int_equal(atomic_load(&toy.created), rounds * SLOTS_MAX);
        free_loop(loop);
        toy_stop(&toy);
    }
    free(large);
}

static void test_a_server_that_reads_no_bundles(void **state)
{
    (void)state;
    struct script script;
    script_start(&script);
    struct loop *loop = make_loop(script.endpoint, 16, 4);
    run(loop);
    expect_all(loop, 4, 0);
    assert_int_equal(script_count(&script, &script.call_count), 64); /* none was done twice */
    assert_in_range(script_count(&script, &script.bundles), 1, 16 / 2);
    free_loop(loop);
    script_stop(&script);
}

static void wait_for_bundle(struct script *script)
{
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    while (script_count(script, &script->bundles) == 0 && toy_now_ms() < until_ms) {
        pause_briefly();
    }
    assert_true(script_count(script, &script->bundles) > 0);
}

/* A loop whose second calls are under way in messages that nobody will answer. */
static struct loop *start_deaf(struct script *script)
{
    start_reading(script);
    struct loop *loop = make_loop(script->endpoint, 16, 2);
    loop->script = script;
    start_all(loop);
    wait_for_bundle(script);
    return loop;
}

static void test_each_is_cancelled_for_itself(void **state)
{
    (void)state;
    struct script script;
    struct loop *loop = start_deaf(&script);
    for (size_t i = 0; i < loop->count; i += 2) {
        rpc_stub_cancel(&loop->slots[i].stub);
    }
    assert_true(toy_wait_for(&loop->ended, loop->count / 2));
    assert_int_equal(loop->ended, loop->count / 2); /* the others wait on */
    rpc_channel_close(&loop->channel);
    expect_all(loop, 1, 1);
    for (size_t i = 0; i < loop->count; i++) {
        const struct failure *last = &loop->slots[i].last;
        assert_int_equal(last->code, STATUS_CANCELLED);
        assert_string_equal(last->reason, i % 2 == 0 ? "CALL_CANCELLED" : "CHANNEL_CLOSED");
    }
    free_loop(loop);
    script_stop(&script);
}

static void call_alone(struct slot *slot, int32_t timeout_ms)
{
    slot->stub.may_share = false;
    slot->stub.timeout_ms = timeout_ms;
    slot->loop->rounds = 0;
    start(slot);
}

/* The place that it had serves the next call as any other does. */
static void test_a_place_is_used_again_after_a_cancellation(void **state)
{
    (void)state;
    struct script script;
    struct loop *loop = start_deaf(&script);
    for (size_t i = 0; i < loop->count; i++) { /* all: nobody waits for the messages any more */
        rpc_stub_cancel(&loop->slots[i].stub);
    }
    assert_true(rpc_channel_wait_idle(loop->channel, TOY_WAIT_MS));
    expect_all(loop, 1, 1);
    for (size_t i = 0; i < loop->count; i++) {
        assert_string_equal(loop->slots[i].last.reason, "CALL_CANCELLED");
        call_alone(&loop->slots[i], 100);
    }
    assert_true(rpc_channel_wait_idle(loop->channel, TOY_WAIT_MS));
    expect_all(loop, 1, 2);
    for (size_t i = 0; i < loop->count; i++) {
        assert_int_equal(loop->slots[i].last.code, STATUS_DEADLINE_EXCEEDED);
    }
    script_set(&script, &script.is_deaf, false);
    for (size_t i = 0; i < loop->count; i++) {
        call_alone(&loop->slots[i], TOY_WAIT_MS);
    }
    assert_true(rpc_channel_wait_idle(loop->channel, TOY_WAIT_MS));
    expect_all(loop, 2, 2);
    free_loop(loop);
    script_stop(&script);
}

static void test_each_ends_at_its_deadline(void **state)
{
    (void)state;
    struct script script;
    start_reading(&script);
    script_set(&script, &script.is_deaf, true);
    struct loop *loop = make_loop(script.endpoint, 16, 2);
    for (size_t i = 0; i < loop->count; i++) {
        loop->slots[i].stub.timeout_ms = 200;
    }
    int64_t begin_ms = toy_now_ms();
    run(loop);
    assert_true(toy_now_ms() - begin_ms >= 2 * 200);
    wait_for_bundle(&script);
    expect_all(loop, 0, 2);
    for (size_t i = 0; i < loop->count; i++) {
        assert_int_equal(loop->slots[i].last.code, STATUS_DEADLINE_EXCEEDED);
    }
    free_loop(loop);
    script_stop(&script);
}

static void test_a_lost_connection_ends_all_of_a_message(void **state)
{
    (void)state;
    char endpoint[128];
    toy_endpoint("ipc", endpoint);
    pid_t server = toy_spawn(endpoint, false);
    struct loop *loop = make_loop(endpoint, SLOTS_MAX, SIZE_MAX);
    for (size_t i = 0; i < loop->count; i++) {
        loop->slots[i].stub.timeout_ms = 1000;
    }
    start_all(loop);
    assert_true(toy_wait_for(&loop->answers, 20 * SLOTS_MAX)); /* any moment will do */
    toy_kill(server);
    atomic_store(&loop->rounds, 0);
    assert_true(rpc_channel_wait_idle(loop->channel, TOY_WAIT_MS));
    for (size_t i = 0; i < loop->count; i++) {
        const struct slot *slot = &loop->slots[i];
        assert_int_equal(slot->strange, 0);
        assert_int_equal(slot->answers + slot->failures, slot->calls);
    }
    free_loop(loop);
}

static void test_an_answer_with_too_few_parts(void **state)
{
    (void)state;
    struct script script;
    start_reading(&script);
    script_set(&script, &script.is_short, true);
    struct loop *loop = make_loop(script.endpoint, 16, 2);
    run(loop);
    size_t unknown = 0;
    for (size_t i = 0; i < loop->count; i++) {
        const struct slot *slot = &loop->slots[i];
        assert_int_equal(slot->answers + slot->failures, 2);
        if (slot->failures > 0) {
            assert_int_equal(slot->last.code, STATUS_UNKNOWN); /* it may have been done */
            unknown++;
        }
    }
    assert_true(unknown >= 2);
    free_loop(loop);
    script_stop(&script);
}

static void test_closing_ends_what_shares_messages(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct toy toy;
        start_toy_serving(&toy, "ipc");
        struct loop *loop = make_loop(toy.endpoint, SLOTS_MAX, SIZE_MAX);
        start_all(loop);
        assert_true(toy_wait_for(&toy.created, SLOTS_MAX * 4));
        atomic_store(&loop->rounds, 0);
        rpc_channel_close(&loop->channel);
        for (size_t j = 0; j < loop->count; j++) {
            const struct slot *slot = &loop->slots[j];
            assert_int_equal(slot->strange, 0);
            assert_int_equal(slot->answers + slot->failures, slot->calls);
        }
        free_loop(loop);
        toy_stop(&toy);
    }
}

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_share_messages),
        cmocka_unit_test(test_each_has_its_own_answer),
        cmocka_unit_test(test_a_server_that_reads_no_bundles),
        cmocka_unit_test(test_each_is_cancelled_for_itself),
        cmocka_unit_test(test_a_place_is_used_again_after_a_cancellation),
        cmocka_unit_test(test_each_ends_at_its_deadline),
        cmocka_unit_test(test_a_lost_connection_ends_all_of_a_message),
        cmocka_unit_test(test_an_answer_with_too_few_parts),
        cmocka_unit_test(test_closing_ends_what_shares_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
