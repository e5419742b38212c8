/* Metadata in the envelope: they come back as they were, within their limits, and a trace apart
 * from the others. What a foreign client may write stands in test_envelope.c. */
#include <string.h>

#include "rpc/envelope.h"
#include "rpc/envelope_metadata.h"
#include "tests/cmocka_all.h"

#define ROOM  (ENVELOPE_PREFIX_BYTES + ENVELOPE_HEADER_BYTES_MAX)
#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct arena arena;
static uint8_t buffer[ROOM];

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 4096, 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static const struct envelope_request USUAL = {
    .method = "/shop.v1.OrderService/CreateOrder",
    .call_id = "0192d3a4-7a53-7000-8000-0123456789ab",
    .traceparent = TRACE,
};

/* What was encoded into the buffer. */
static enum status decode(size_t size, struct envelope_request *request_out)
{
    return envelope_decode_request(bytes_of(buffer, size), &arena, request_out, NULL);
}

/* The first with a key is found, any bytes come back, and the trace has a place of its own. */
static void test_metadata_there_and_back(void **state)
{
    (void)state;
    static const struct rpc_metadata list[] = {{"a.b_c-1", {(const uint8_t *)"\0\xff;", 3}},
                                               {"empty", {NULL, 0}},
                                               {"a.b_c-1", {(const uint8_t *)"second", 6}}};
    for (int has_trace = 0; has_trace < 2; has_trace++) {
        struct envelope_request given = USUAL, request;
        given.traceparent = has_trace ? USUAL.traceparent : "";
        given.metadata = list;
        given.metadata_count = 3;
        size_t size = envelope_encode_request(&given, buffer, ROOM);
        assert_int_equal(envelope_encode_request(&given, buffer, size - 1), 0);
        assert_int_equal(envelope_encode_request(&given, buffer, size), size);
        assert_int_equal(decode(size, &request), STATUS_OK);
        assert_string_equal(request.traceparent, given.traceparent);
        assert_string_equal(request.method, USUAL.method);
        assert_int_equal(request.metadata_count, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_string_equal(request.metadata[i].key, list[i].key);
            assert_true(bytes_equal(request.metadata[i].value, list[i].value));
        }
        assert_ptr_equal(metadata_find(request.metadata, 3, "a.b_c-1"), &request.metadata[0]);
        assert_ptr_equal(metadata_find(request.metadata, 3, "empty"), &request.metadata[1]);
        assert_null(metadata_find(request.metadata, 3, "a.b_c"));
        assert_null(metadata_find(request.metadata, 3, "traceparent"));
    }
}

/* What a channel may send is what a server takes. */
static void test_metadata_at_their_limit_are_taken(void **state)
{
    (void)state;
    static const uint8_t value[RPC_METADATA_BYTES_MAX];
    struct rpc_metadata list[RPC_METADATA_MAX];
    for (size_t i = 0; i < RPC_METADATA_MAX; i++) {
        list[i] = (struct rpc_metadata){"k", bytes_of(value, 1)};
    }
    for (int has_trace = 0; has_trace < 2; has_trace++) {
        const char *trace = has_trace ? USUAL.traceparent : "";
        size_t most = RPC_METADATA_MAX - (size_t)has_trace;
        size_t trace_size = has_trace ? strlen("traceparent") + strlen(trace) : 0;
        list[0].value.size = RPC_METADATA_BYTES_MAX - trace_size - 2 * (most - 1) - 1;
        assert_true(metadata_are_fine(list, most, trace));
        struct envelope_request request = USUAL, decoded;
        request.traceparent = trace;
        request.metadata = list;
        request.metadata_count = most;
        size_t size = envelope_encode_request(&request, buffer, ROOM);
        assert_int_equal(decode(size, &decoded), STATUS_OK);
        list[0].value.size++;
        assert_false(metadata_are_fine(list, most, trace));
        size = envelope_encode_request(&request, buffer, ROOM);
        assert_int_equal(decode(size, &decoded), STATUS_INVALID_ARGUMENT);
        list[0].value.size = 0;
        assert_false(metadata_are_fine(list, most + 1, trace));
        list[0].value.size = SIZE_MAX; /* which no sum may go around */
        assert_false(metadata_are_fine(list, most, trace));
    }
}

/* All pairs with its key are taken out; the first that is valid counts. */
static void test_a_trace_is_taken_out(void **state)
{
    (void)state;
    struct rpc_metadata list[] = {{"traceparent", bytes_of_text("none")},
                                  {"a", bytes_of_text("1")},
                                  {"traceparent", bytes_of_text(TRACE)},
                                  {"traceparent", {NULL, 0}},
                                  {"traceparent-2", bytes_of_text("2")}};
    size_t count = 5;
    assert_string_equal(metadata_take_trace(list, &count, &arena), TRACE);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].key, "a");
    assert_string_equal(list[1].key, "traceparent-2");
    assert_true(bytes_equal(list[1].value, bytes_of_text("2")));
    assert_string_equal(metadata_take_trace(list, &count, &arena), "");
    assert_int_equal(count, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_metadata_there_and_back),
        TEST(test_metadata_at_their_limit_are_taken),
        TEST(test_a_trace_is_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
