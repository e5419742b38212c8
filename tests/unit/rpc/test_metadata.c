/* Metadata of a call: what a handler gets of them, what a channel refuses to send. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "script.h"
#include "tests/cmocka_all.h"

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct rpc_metadata pair_of(const char *key, const void *value, size_t size)
{
    return (struct rpc_metadata){.key = key, .value = bytes_of(value, size)};
}

/* A call to the customer "metadata", who says what is under `key`. */
static void ask(struct outcome *outcome, struct rpc_channel *channel, const char *key,
                const struct rpc_metadata *list, size_t count, bool async)
{
    memset(outcome, 0, sizeof *outcome);
    rpc_stub_init(&outcome->stub, channel, &shop__v1__order_service__descriptor);
    outcome->stub.async = async;
    outcome->stub.metadata = list;
    outcome->stub.metadata_count = count;
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.customer_id = text("metadata");
    request.order_ref = text(key);
    shop__v1__order_service__create_order(&outcome->stub.service, &request, note_outcome, outcome);
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
}

static void expect_answer(const struct outcome *outcome, const char *hex)
{
    assert_string_equal(outcome->stub.failure.reason, "");
    assert_int_equal(outcome->answers, 1);
    assert_string_equal(outcome->order_ref, hex);
}

static void test_a_handler_reads_what_the_caller_gave(void **state)
{
    (void)state;
    const struct rpc_metadata list[] = {pair_of("tenant", "north", 5),
                                        pair_of("bytes", "\0\xff\n=", 4), pair_of("empty", NULL, 0),
                                        pair_of("tenant", "south", 5)};
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    for (int async = 0; async < 2; async++) {
        struct outcome outcome;
        ask(&outcome, channel, "tenant", list, 4, async);
        expect_answer(&outcome, "6e6f727468"); /* the first */
        ask(&outcome, channel, "bytes", list, 4, async);
        expect_answer(&outcome, "00ff0a3d");
        ask(&outcome, channel, "empty", list, 4, async);
        expect_answer(&outcome, "");
        ask(&outcome, channel, "tenan", list, 4, async);
        expect_answer(&outcome, "none");
        /* The same place, and no metadata of the call before. */
        ask(&outcome, channel, "tenant", NULL, 0, async);
        expect_answer(&outcome, "none");
    }
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

/* And it is the channel's own copy: the caller's is gone when the first try is answered. */
static void test_every_try_carries_them(void **state)
{
    (void)state;
    struct script script;
    script_start(&script);
    script_refuse(&script, 3, STATUS_UNAVAILABLE, 0);
    const struct rpc_channel_options options = {.endpoint = script.endpoint,
                                                .timeout_ms = TOY_WAIT_MS};
    struct rpc_channel *channel = toy_channel_open(&options);
    char key[] = "tenant", value[] = "north";
    struct rpc_metadata list[] = {pair_of("first", "1", 1), pair_of(key, value, 5)};
    struct outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    rpc_stub_init(&outcome.stub, channel, &shop__v1__order_service__descriptor);
    outcome.stub.async = true;
    outcome.stub.traceparent = TRACE;
    outcome.stub.metadata = list;
    outcome.stub.metadata_count = 2;
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    shop__v1__order_service__get_order(&outcome.stub.service, &request, note_outcome, &outcome);
    memset(key, 'x', sizeof key - 1);
    memset(value, 'x', sizeof value - 1);
    memset(list, 0, sizeof list);
    assert_true(rpc_channel_wait_idle(channel, TOY_WAIT_MS));
    assert_int_equal(outcome.answers, 1);
    assert_int_equal(script.call_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(script.calls[i].attempt, i);
        assert_int_equal(script.calls[i].metadata_count, 2);
        assert_string_equal(script.calls[i].metadata, "first=1;tenant=north;");
        assert_string_equal(script.calls[i].traceparent, TRACE);
    }
    rpc_channel_close(&channel);
    script_stop(&script);
}

/* Whether `count` pairs go, the first with a value of `size` bytes, the others with "k" and none;
 * what is refused never leaves. */
static void expect_taken(struct toy *toy, struct rpc_channel *channel, const char *first_key,
                         size_t size, size_t count, bool has_trace, bool is_taken)
{
    static const uint8_t value[RPC_METADATA_BYTES_MAX + 1];
    struct rpc_metadata list[RPC_METADATA_MAX + 1];
    for (size_t i = 0; i < count; i++) {
        list[i] = i == 0 ? pair_of(first_key, value, size) : pair_of("k", NULL, 0);
    }
    size_t created = atomic_load(&toy->created);
    struct outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    rpc_stub_init(&outcome.stub, channel, &shop__v1__order_service__descriptor);
    outcome.stub.traceparent = has_trace ? TRACE : NULL;
    outcome.stub.metadata = list;
    outcome.stub.metadata_count = count;
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.customer_id = text("metadata");
    request.order_ref = text(first_key);
    shop__v1__order_service__create_order(&outcome.stub.service, &request, note_outcome, &outcome);
    assert_string_equal(outcome.stub.failure.reason, is_taken ? "" : "BAD_METADATA");
    assert_int_equal(outcome.stub.failure.code, is_taken ? STATUS_OK : STATUS_INVALID_ARGUMENT);
    assert_int_equal(atomic_load(&toy->created), created + (is_taken ? 1 : 0));
    if (is_taken) {
        assert_int_equal(outcome.order_ref_size, 2 * size);
    }
}

static void test_what_is_beyond_the_limits_is_not_sent(void **state)
{
    (void)state;
    const size_t most = RPC_METADATA_BYTES_MAX, trace = strlen("traceparent") + strlen(TRACE);
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    expect_taken(&toy, channel, "k", 3, RPC_METADATA_MAX, false, true);
    expect_taken(&toy, channel, "k", 3, RPC_METADATA_MAX + 1, false, false);
    expect_taken(&toy, channel, "k", 3, RPC_METADATA_MAX - 1, true, true);
    expect_taken(&toy, channel, "k", 3, RPC_METADATA_MAX, true, false);
    expect_taken(&toy, channel, "k", most - 1, 1, false, true);
    expect_taken(&toy, channel, "k", most, 1, false, false);
    expect_taken(&toy, channel, "k", most - 1 - trace, 1, true, true);
    expect_taken(&toy, channel, "k", most - trace, 1, true, false);
    /* Both limits at once. */
    expect_taken(&toy, channel, "k", most - RPC_METADATA_MAX, RPC_METADATA_MAX, false, true);
    expect_taken(&toy, channel, "k", most - RPC_METADATA_MAX + 1, RPC_METADATA_MAX, false, false);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_keys_have_a_form(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    char key[RPC_METADATA_KEY_BYTES_MAX + 2];
    (void)snprintf(key, sizeof key, "%0*d", RPC_METADATA_KEY_BYTES_MAX, 0);
    expect_taken(&toy, channel, key, 3, 2, false, true);
    (void)snprintf(key, sizeof key, "%0*d", RPC_METADATA_KEY_BYTES_MAX + 1, 0);
    expect_taken(&toy, channel, key, 3, 2, false, false);
    expect_taken(&toy, channel, "a-z.0_9", 3, 2, false, true);
    static const char *const BAD[] = {"", "Tenant", "a b", "a:b", "a=b", "\xc3\xb6", "traceparent"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        expect_taken(&toy, channel, BAD[i], 3, 2, false, false);
    }
    expect_taken(&toy, channel, "traceparent-2", 3, 2, true, true);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

/* An asynchronous call that is refused ends as any other. */
static void test_a_refusal_reaches_the_closure(void **state)
{
    (void)state;
    const struct rpc_metadata list[] = {pair_of("Tenant", "north", 5)};
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    ask(&outcome, channel, "tenant", list, 1, true);
    assert_int_equal(outcome.failures, 1);
    assert_string_equal(outcome.stub.failure.reason, "BAD_METADATA");
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

/* A call with the most metadata and a request of `most` bytes, or one more. */
static void test_a_message_has_room_for_both(void **state)
{
    (void)state;
    static const uint8_t value[RPC_METADATA_BYTES_MAX];
    /* What the envelope may take: the rest of it, the metadata, three tags and sizes each. */
    const size_t most = RPC_MESSAGE_BYTES_MAX - 384 - RPC_METADATA_BYTES_MAX - RPC_METADATA_MAX * 8;
    struct rpc_metadata list[RPC_METADATA_MAX];
    for (size_t i = 0; i < RPC_METADATA_MAX; i++) {
        list[i] = pair_of("k", value, RPC_METADATA_BYTES_MAX / RPC_METADATA_MAX - 1);
    }
    char *large = calloc(1, most + 1);
    assert_non_null(large);
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    request.order_id = large;
    memset(large, 'x', most - 4); /* a tag and three bytes of size */
    for (int over = 0; over < 2; over++) {
        large[most - 4] = over > 0 ? 'x' : '\0';
        assert_int_equal(shop__v1__get_order_request__get_packed_size(&request),
                         most + (size_t)over);
        struct outcome outcome;
        memset(&outcome, 0, sizeof outcome);
        rpc_stub_init(&outcome.stub, channel, &shop__v1__order_service__descriptor);
        outcome.stub.metadata = list;
        outcome.stub.metadata_count = RPC_METADATA_MAX;
        shop__v1__order_service__get_order(&outcome.stub.service, &request, note_outcome, &outcome);
        assert_string_equal(outcome.stub.failure.reason, over > 0 ? "REQUEST_TOO_LARGE" : "");
        assert_int_equal(atomic_load(&toy.got), 1);
    }
    free(large);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_handler_reads_what_the_caller_gave),
        cmocka_unit_test(test_every_try_carries_them),
        cmocka_unit_test(test_what_is_beyond_the_limits_is_not_sent),
        cmocka_unit_test(test_keys_have_a_form),
        cmocka_unit_test(test_a_refusal_reaches_the_closure),
        cmocka_unit_test(test_a_message_has_room_for_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
