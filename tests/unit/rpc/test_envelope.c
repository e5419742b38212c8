/* The envelope both ways, its limits on both sides, and what is no envelope. */
#include <rpc/v1/envelope.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "rpc/envelope.h"
#include "tests/cmocka_all.h"
#include "toy.h"

#define ROOM (ENVELOPE_PREFIX_BYTES + ENVELOPE_HEADER_BYTES_MAX)

static struct arena arena;
static uint8_t buffer[64 * 1024];

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
    .timeout_ms = 1500,
    .call_id = "0192d3a4-7a53-7000-8000-0123456789ab",
    .attempt = 2,
    .is_forwarded = true,
    .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
};

/* The usual request with a payload of 5 bytes. */
static struct bytes usual_request(void)
{
    size_t size = envelope_encode_request(&USUAL, buffer, ROOM);
    assert_true(size > 0);
    memcpy(buffer + size, "hello", 5);
    return bytes_of(buffer, size + 5);
}

static void test_request_there_and_back(void **state)
{
    (void)state;
    struct envelope_request request;
    struct failure failure;
    assert_int_equal(envelope_decode_request(usual_request(), &arena, &request, &failure),
                     STATUS_OK);
    assert_string_equal(request.method, USUAL.method);
    assert_string_equal(request.call_id, USUAL.call_id);
    assert_int_equal(request.timeout_ms, USUAL.timeout_ms);
    assert_int_equal(request.attempt, USUAL.attempt);
    assert_true(request.is_forwarded);
    assert_string_equal(request.traceparent, USUAL.traceparent);
    assert_true(bytes_equal(request.payload, bytes_of_text("hello")));
}

static void test_bytes_on_the_wire(void **state)
{
    (void)state;
    const struct envelope_request request = {.method = "/a.B/C", .call_id = "x", .timeout_ms = 1};
    static const uint8_t expected[] = {'O', 'R', 'P', 1,   0,   0,    0,    13,   0x0a, 6,  '/',
                                       'a', '.', 'B', '/', 'C', 0x10, 0x01, 0x1a, 1,    'x'};
    size_t size = envelope_encode_request(&request, buffer, ROOM);
    assert_int_equal(size, sizeof expected);
    assert_memory_equal(buffer, expected, sizeof expected);
}

static void test_success_there_and_back(void **state)
{
    (void)state;
    struct envelope_response response = {.call_id = "call", .server_id = "server"};
    size_t size = envelope_encode_response(&response, buffer, ROOM);
    memcpy(buffer + size, "answer", 6);
    struct envelope_response decoded;
    assert_int_equal(envelope_decode_response(bytes_of(buffer, size + 6), &arena, &decoded, NULL),
                     STATUS_OK);
    assert_null(decoded.failure);
    assert_string_equal(decoded.call_id, "call");
    assert_string_equal(decoded.server_id, "server");
    assert_true(bytes_equal(decoded.payload, bytes_of_text("answer")));
}

static void test_encoding_says_when_room_is_missing(void **state)
{
    (void)state;
    size_t size = envelope_encode_request(&USUAL, buffer, ROOM);
    assert_int_equal(envelope_encode_request(&USUAL, buffer, size), size);
    assert_int_equal(envelope_encode_request(&USUAL, buffer, size - 1), 0);
    struct failure failure;
    (void)failure_set_field(&failure, "lines[3].quantity", "OUT_OF_STOCK", "2 are left");
    failure.retry_delay_ms = 100;
    struct envelope_response response = {
        .failure = &failure, .call_id = "call", .server_id = "server", .domain = "tests"};
    size = envelope_encode_response(&response, buffer, ROOM);
    assert_int_equal(envelope_encode_response(&response, buffer, size), size);
    assert_int_equal(envelope_encode_response(&response, buffer, size - 1), 0);
}

/* A request as other clients might write it. */
static struct bytes write_header(const ProtobufCMessage *header, size_t said_size)
{
    size_t size = protobuf_c_message_get_packed_size(header);
    assert_true(ENVELOPE_PREFIX_BYTES + size <= sizeof buffer);
    memcpy(buffer, "ORP\1", 4);
    size_t said = said_size > 0 ? said_size : size;
    for (int i = 0; i < 4; i++) {
        buffer[4 + i] = (uint8_t)(said >> (24 - 8 * i));
    }
    (void)protobuf_c_message_pack(header, buffer + ENVELOPE_PREFIX_BYTES);
    return bytes_of(buffer, ENVELOPE_PREFIX_BYTES + size);
}

static bool is_taken(struct bytes message)
{
    struct envelope_request request;
    struct failure failure = {0};
    enum status status = envelope_decode_request(message, &arena, &request, &failure);
    if (status != STATUS_OK) {
        assert_int_equal(status, STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "MALFORMED_ENVELOPE");
    }
    return status == STATUS_OK;
}

static bool is_method_taken(const char *method)
{
    Rpc__V1__RequestHeader header = RPC__V1__REQUEST_HEADER__INIT;
    header.method = text(method);
    header.call_id = text("x");
    return is_taken(write_header(&header.base, 0));
}

static bool is_call_id_taken(const char *call_id)
{
    Rpc__V1__RequestHeader header = RPC__V1__REQUEST_HEADER__INIT;
    header.method = text("/a.B/C");
    header.call_id = text(call_id);
    return is_taken(write_header(&header.base, 0));
}

static void test_methods_and_ids_have_a_form(void **state)
{
    (void)state;
    char longest[140];
    assert_true(is_method_taken("/shop.v1.OrderService/Create_Order2"));
    assert_false(is_method_taken(""));
    assert_false(is_method_taken("shop.v1.OrderService/CreateOrder"));
    assert_false(is_method_taken("/a.B/C\n"));
    assert_false(is_method_taken("/a.B/K\xc3\xb6nig"));
    (void)snprintf(longest, sizeof longest, "/a/%0125d", 0);
    assert_true(is_method_taken(longest));
    (void)snprintf(longest, sizeof longest, "/a/%0126d", 0);
    assert_false(is_method_taken(longest));

    assert_true(is_call_id_taken("a-B.c_d:9"));
    assert_false(is_call_id_taken(""));
    assert_false(is_call_id_taken("with space"));
    assert_false(is_call_id_taken("line\nbreak"));
    (void)snprintf(longest, sizeof longest, "%064d", 0);
    assert_true(is_call_id_taken(longest));
    (void)snprintf(longest, sizeof longest, "%065d", 0);
    assert_false(is_call_id_taken(longest));
}

/* What protobuf-c writes of it. */
static void expect_on_the_wire(const struct envelope_request *request)
{
    static uint8_t written[ROOM];
    size_t size = envelope_encode_request(request, written, ROOM);
    Rpc__V1__RequestHeader header = RPC__V1__REQUEST_HEADER__INIT;
    header.method = text(request->method);
    header.call_id = text(request->call_id);
    header.timeout_ms = request->timeout_ms;
    header.attempt = request->attempt;
    header.is_forwarded = request->is_forwarded;
    struct bytes expected = write_header(&header.base, 0);
    assert_int_equal(size, expected.size);
    assert_memory_equal(written, expected.data, size);
}

static void test_every_size_is_written_as_protobuf_writes_it(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {
        0, 1, 127, 128, 16383, 16384, (1U << 21), (1U << 28) - 1, 1U << 28, UINT32_MAX};
    static char long_text[300];
    memset(long_text, 'a', sizeof long_text);
    for (size_t size = 0; size < sizeof long_text; size++) {
        long_text[size] = '\0';
        expect_on_the_wire(&(struct envelope_request){.method = long_text, .call_id = "x"});
        expect_on_the_wire(&(struct envelope_request){.method = "/a", .call_id = long_text});
        struct envelope_response response = {.call_id = long_text, .server_id = "s"};
        struct envelope_response decoded;
        size_t used = envelope_encode_response(&response, buffer, ROOM);
        assert_int_equal(envelope_decode_response(bytes_of(buffer, used), &arena, &decoded, NULL),
                         STATUS_OK);
        assert_string_equal(decoded.call_id, long_text);
        assert_string_equal(decoded.server_id, "s");
        long_text[size] = 'a';
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct envelope_request request = {.method = "/a.B/C",
                                           .call_id = "x",
                                           .timeout_ms = numbers[i],
                                           .attempt = numbers[i],
                                           .is_forwarded = i % 2 == 1};
        struct envelope_request decoded;
        expect_on_the_wire(&request);
        size_t used = envelope_encode_request(&request, buffer, ROOM);
        assert_int_equal(envelope_decode_request(bytes_of(buffer, used), &arena, &decoded, NULL),
                         STATUS_OK);
        assert_int_equal(decoded.timeout_ms, numbers[i]);
        assert_int_equal(decoded.attempt, numbers[i]);
        assert_int_equal(decoded.is_forwarded, request.is_forwarded);
    }
}

/* A text ends where its size says: a NUL in it must not end it sooner for who reads it. */
static void test_texts_hold_neither_nul_nor_what_is_no_utf8(void **state)
{
    (void)state;
    static const uint8_t bad[] = {0, 0x80, 0xff};
    const struct envelope_request request = {.method = "/a.B/C", .call_id = "x-1"};
    const struct envelope_response response = {.call_id = "x-1", .server_id = "s"};
    for (size_t i = 0; i < sizeof bad; i++) {
        size_t size = envelope_encode_request(&request, buffer, ROOM);
        assert_int_equal(size, 8 + 2 + 6 + 2 + 3);
        for (size_t at = 8 + 2; at < size; at += at == 8 + 2 + 5 ? 3 : 1) {
            uint8_t was = buffer[at];
            buffer[at] = bad[i];
            assert_false(is_taken(bytes_of(buffer, size)));
            buffer[at] = was;
            assert_true(is_taken(bytes_of(buffer, size)));
        }
        size = envelope_encode_response(&response, buffer, ROOM);
        struct envelope_response decoded;
        buffer[8 + 2 + 1] = bad[i];
        assert_int_equal(envelope_decode_response(bytes_of(buffer, size), &arena, &decoded, NULL),
                         STATUS_INVALID_ARGUMENT);
    }
}

/* `count` pairs with values of `value_size` each, the first key as given. */
static bool are_metadata_taken(size_t count, size_t value_size, const char *first_key)
{
    static uint8_t value[RPC_METADATA_BYTES_MAX + 1];
    Rpc__V1__Metadata pairs[40];
    Rpc__V1__Metadata *list[40];
    for (size_t i = 0; i < count; i++) {
        rpc__v1__metadata__init(&pairs[i]);
        pairs[i].key = text(i == 0 ? first_key : "k");
        pairs[i].value = (ProtobufCBinaryData){.len = value_size, .data = value};
        list[i] = &pairs[i];
    }
    Rpc__V1__RequestHeader header = RPC__V1__REQUEST_HEADER__INIT;
    header.method = text("/a.B/C");
    header.call_id = text("x");
    header.n_metadata = count;
    header.metadata = list;
    return is_taken(write_header(&header.base, 0));
}

static void test_every_byte_is_allowed_or_not(void **state)
{
    (void)state;
    static const char words[] = "abcdefghijklmnopqrstuvwxyz0123456789._";
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int byte = 1; byte < 256; byte++) {
        const char id[] = {(char)byte, '\0'};
        const char method[] = {'/', (char)byte, '\0'};
        bool is_word = strchr(words, byte) != NULL;
        bool is_capital = strchr(capitals, byte) != NULL;
        assert_int_equal(are_metadata_taken(1, 0, id), is_word || byte == '-');
        assert_int_equal(is_call_id_taken(id), is_word || is_capital || byte == '-' || byte == ':');
        assert_int_equal(is_method_taken(method), is_word || is_capital || byte == '/');
    }
}

static void test_metadata_are_bounded(void **state)
{
    (void)state;
    char key[70];
    assert_true(are_metadata_taken(1, 3, "traceparent-1.2_x"));
    assert_false(are_metadata_taken(1, 3, "Traceparent"));
    assert_false(are_metadata_taken(1, 3, ""));
    assert_false(are_metadata_taken(1, 3, "a:b"));
    (void)snprintf(key, sizeof key, "%064d", 0);
    assert_true(are_metadata_taken(1, 3, key));
    (void)snprintf(key, sizeof key, "%065d", 0);
    assert_false(are_metadata_taken(1, 3, key));
    assert_true(are_metadata_taken(RPC_METADATA_MAX, 3, "k"));
    assert_false(are_metadata_taken(RPC_METADATA_MAX + 1, 3, "k"));
    assert_true(are_metadata_taken(1, RPC_METADATA_BYTES_MAX - 1, "k"));
    assert_false(are_metadata_taken(1, RPC_METADATA_BYTES_MAX, "k"));
    assert_true(are_metadata_taken(2, RPC_METADATA_BYTES_MAX / 2 - 1, "k"));
    assert_false(are_metadata_taken(2, RPC_METADATA_BYTES_MAX / 2, "k"));
}

static void test_header_size_is_bounded(void **state)
{
    (void)state;
    Rpc__V1__RequestHeader header = RPC__V1__REQUEST_HEADER__INIT;
    header.method = text("/a.B/C");
    header.call_id = text("x");
    struct bytes message = write_header(&header.base, 0);
    size_t size = message.size - ENVELOPE_PREFIX_BYTES;
    assert_true(is_taken(message));
    assert_false(is_taken(write_header(&header.base, size + 1)));
    assert_false(is_taken(write_header(&header.base, ENVELOPE_HEADER_BYTES_MAX + 1)));
    assert_false(is_taken(write_header(&header.base, 0xffffffff)));

    /* Filled up to the limit with a field that nobody knows, and one byte beyond. */
    for (size_t over = 0; over < 2; over++) {
        message = write_header(&header.base, ENVELOPE_HEADER_BYTES_MAX + over);
        uint8_t *end = buffer + message.size;
        size_t filler = ENVELOPE_HEADER_BYTES_MAX + over - size - 4;
        end[0] = 0x7a;
        end[1] = (uint8_t)((filler & 0x7f) | 0x80);
        end[2] = (uint8_t)((filler >> 7 & 0x7f) | 0x80);
        end[3] = (uint8_t)(filler >> 14);
        memset(end + 4, 0, filler);
        assert_int_equal(is_taken(bytes_of(buffer, message.size + 4 + filler)), over == 0);
    }
}

static void test_what_is_no_envelope(void **state)
{
    (void)state;
    struct bytes message = usual_request();
    assert_false(is_taken((struct bytes){0}));
    assert_false(is_taken(bytes_of_text("GET / HTTP/1.1\r\n\r\n")));
    assert_false(is_taken(bytes_of_text("ORP\2\0\0\0\0")));
    assert_false(is_taken(bytes_of(buffer, 7)));
    buffer[3] = 0;
    assert_false(is_taken(message));
    buffer[3] = 2;
    assert_false(is_taken(message));
}

static void test_survives_every_cut(void **state)
{
    (void)state;
    struct bytes message = usual_request();
    for (size_t size = 0; size < message.size; size++) {
        uint8_t *cut = malloc(size > 0 ? size : 1);
        memcpy(cut, message.data, size);
        assert_int_equal(is_taken(bytes_of(cut, size)), size >= message.size - 5);
        free(cut);
    }
    struct failure failure;
    (void)failure_set_field(&failure, "lines[3].quantity", "OUT_OF_STOCK", "2 are left");
    failure.retry_delay_ms = 100;
    struct envelope_response response = {
        .failure = &failure, .call_id = "call", .server_id = "server", .domain = "tests"};
    size_t whole = envelope_encode_response(&response, buffer, ROOM);
    for (size_t size = 0; size < whole; size++) {
        uint8_t *cut = malloc(size > 0 ? size : 1);
        memcpy(cut, buffer, size);
        struct envelope_response decoded;
        assert_int_not_equal(envelope_decode_response(bytes_of(cut, size), &arena, &decoded, NULL),
                             STATUS_OK);
        free(cut);
    }
}

static void test_survives_random_bytes(void **state)
{
    (void)state;
    struct failure failure;
    (void)failure_set_field(&failure, "lines[3].quantity", "OUT_OF_STOCK", "2 are left");
    failure.retry_delay_ms = 100;
    struct envelope_response response = {
        .failure = &failure, .call_id = "call", .server_id = "server", .domain = "tests"};
    size_t size = envelope_encode_response(&response, buffer, ROOM);
    uint8_t *bytes = malloc(size);
    uint64_t seed = 20260102;
    for (int round = 0; round < 20000; round++) {
        memcpy(bytes, buffer, size);
        for (int i = 0; i <= round % 4; i++) {
            bytes[8 + random_below(&seed, size - 8)] = random_byte(&seed);
        }
        struct envelope_response decoded;
        struct envelope_request request;
        arena_reset(&arena);
        (void)envelope_decode_response(bytes_of(bytes, size), &arena, &decoded, NULL);
        (void)envelope_decode_request(bytes_of(bytes, size), &arena, &request, NULL);
    }
    free(bytes);
}

static const char *decoded_trace(const char *traceparent)
{
    struct envelope_request decoded;
    struct failure failure;
    Rpc__V1__Metadata trace = RPC__V1__METADATA__INIT;
    Rpc__V1__Metadata *metadata[] = {&trace};
    trace.key = text("traceparent");
    trace.value.data = (uint8_t *)text(traceparent);
    trace.value.len = strlen(traceparent);
    Rpc__V1__RequestHeader header = RPC__V1__REQUEST_HEADER__INIT;
    header.method = text(USUAL.method);
    header.call_id = text(USUAL.call_id);
    header.metadata = metadata;
    header.n_metadata = 1;
    struct bytes message =
        write_header(&header.base, protobuf_c_message_get_packed_size(&header.base));
    assert_int_equal(envelope_decode_request(message, &arena, &decoded, &failure), STATUS_OK);
    return decoded.traceparent;
}

static void test_a_trace_is_carried_when_it_is_one(void **state)
{
    (void)state;
    static const char *const good[] = {
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
    };
    static const char *const bad[] = {
        "",
        "00",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\n1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736x00f067aa0ba902b7-01",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_string_equal(decoded_trace(good[i]), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_string_equal(decoded_trace(bad[i]), "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_trace_is_carried_when_it_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_request_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bytes_on_the_wire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_success_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_encoding_says_when_room_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_methods_and_ids_have_a_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_byte_is_allowed_or_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_size_is_written_as_protobuf_writes_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_texts_hold_neither_nul_nor_what_is_no_utf8, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_metadata_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_header_size_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_envelope, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_survives_every_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_survives_random_bytes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
