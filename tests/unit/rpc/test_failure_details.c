/* A failure on the wire and back, and what other servers say. */
#include <rpc/v1/envelope.pb-c.h>
#include <stdio.h>
#include <string.h>

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

static struct failure fill_failure(void)
{
    struct failure failure;
    (void)failure_set_field(&failure, "lines[1999].unit_price_minor", "OUT_OF_STOCK",
                            "2 are left, 5 were asked for");
    failure.code = STATUS_FAILED_PRECONDITION;
    failure.retry_delay_ms = 61250;
    failure_add(&failure, "product_id", "p-1");
    failure_add(&failure, "available", "%d", 2);
    failure_add(&failure, "requested", "%d", 5);
    failure_add(&failure, "empty", "%s", "");
    return failure;
}

static struct failure send_failure(const struct failure *failure)
{
    struct envelope_response response = {
        .failure = failure, .call_id = "call", .server_id = "server", .domain = "tests"};
    size_t size = envelope_encode_response(&response, buffer, ROOM);
    assert_true(size > 0);
    struct envelope_response decoded;
    assert_int_equal(envelope_decode_response(bytes_of(buffer, size), &arena, &decoded, NULL),
                     STATUS_OK);
    assert_non_null(decoded.failure);
    return *decoded.failure;
}

static void test_failure_there_and_back(void **state)
{
    (void)state;
    struct failure sent = fill_failure();
    struct failure got = send_failure(&sent);
    assert_int_equal(got.code, sent.code);
    assert_string_equal(got.reason, sent.reason);
    assert_string_equal(got.message, sent.message);
    assert_string_equal(got.field, sent.field);
    assert_int_equal(got.retry_delay_ms, sent.retry_delay_ms);
    assert_int_equal(got.metadata_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(got.metadata[i].key, sent.metadata[i].key);
        assert_string_equal(got.metadata[i].value, sent.metadata[i].value);
    }
}

static void test_failure_with_nothing_but_a_code(void **state)
{
    (void)state;
    struct failure sent = {.code = STATUS_ABORTED};
    struct failure got = send_failure(&sent);
    assert_int_equal(got.code, STATUS_ABORTED);
    assert_string_equal(got.reason, "");
    assert_string_equal(got.field, "");
    assert_int_equal(got.retry_delay_ms, 0);
    assert_int_equal(got.metadata_count, 0);
}

/* The largest failure there can be, made of the largest characters. */
static void test_full_failure_fits(void **state)
{
    (void)state;
    struct failure sent = {.code = STATUS_INTERNAL, .retry_delay_ms = 86400000};
    memset(sent.reason, 'R', sizeof sent.reason - 1);
    memset(sent.message, 'm', sizeof sent.message - 1);
    memset(sent.field, 'f', sizeof sent.field - 1);
    sent.metadata_count = FAILURE_METADATA_MAX;
    for (size_t i = 0; i < FAILURE_METADATA_MAX; i++) {
        memset(sent.metadata[i].key, 'k', sizeof sent.metadata[i].key - 1);
        memset(sent.metadata[i].value, 'v', sizeof sent.metadata[i].value - 1);
    }
    struct failure got = send_failure(&sent);
    assert_memory_equal(&got, &sent, sizeof got);
}

static void test_texts_that_were_cut_still_arrive(void **state)
{
    (void)state;
    struct failure sent = fill_failure();
    (void)snprintf(sent.message, sizeof sent.message, "cut in a character: \xe2\x82");
    (void)snprintf(sent.metadata[0].value, sizeof sent.metadata[0].value, "\xff");
    struct failure got = send_failure(&sent);
    assert_string_equal(got.message, "cut in a character: ??");
    assert_string_equal(got.metadata[0].value, "?");
}

static struct failure decode_details(int32_t code, Google__Protobuf__Any **details, size_t count)
{
    Rpc__V1__ResponseHeader header = RPC__V1__RESPONSE_HEADER__INIT;
    header.code = code;
    header.message = text("said");
    header.n_details = count;
    header.details = details;
    struct envelope_response decoded;
    memcpy(buffer, "ORP\1\0\0\0", 7);
    size_t size = rpc__v1__response_header__pack(&header, buffer + ENVELOPE_PREFIX_BYTES);
    buffer[7] = (uint8_t)size;
    assert_int_equal(envelope_decode_response(bytes_of(buffer, ENVELOPE_PREFIX_BYTES + size),
                                              &arena, &decoded, NULL),
                     STATUS_OK);
    assert_non_null(decoded.failure);
    return *decoded.failure;
}

static void test_details_of_other_servers(void **state)
{
    (void)state;
    assert_int_equal(decode_details(99, NULL, 0).code, STATUS_UNKNOWN);
    assert_int_equal(decode_details(-1, NULL, 0).code, STATUS_UNKNOWN);
    assert_int_equal(decode_details(16, NULL, 0).code, STATUS_UNAUTHENTICATED);

    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
    Google__Protobuf__Any *list[] = {&any};
    static uint8_t junk[] = {0xff, 0xff, 0xff};
    any.value = (ProtobufCBinaryData){.len = sizeof junk, .data = junk};
    any.type_url = text("type.googleapis.com/google.rpc.ErrorInfo");
    struct failure failure = decode_details(5, list, 1);
    assert_int_equal(failure.code, STATUS_NOT_FOUND);
    assert_string_equal(failure.message, "said");
    assert_string_equal(failure.reason, "");
    any.type_url = text("type.googleapis.com/google.rpc.Help");
    assert_string_equal(decode_details(5, list, 1).reason, "");

    /* A delay of centuries, and one that is none. */
    static uint8_t centuries[] = {0x0a, 0x0b, 0x08, 0xff, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0x7f, 0x10};
    centuries[1] = 10; /* seconds only */
    any.type_url = text("type.googleapis.com/google.rpc.RetryInfo");
    any.value = (ProtobufCBinaryData){.len = 12, .data = centuries};
    assert_int_equal(decode_details(14, list, 1).retry_delay_ms, 24 * 3600 * 1000);
    static uint8_t none[] = {0x0a, 0x0b, 0x08, 0xff, 0xff, 0xff, 0xff,
                             0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    any.value = (ProtobufCBinaryData){.len = sizeof none, .data = none};
    assert_int_equal(decode_details(14, list, 1).retry_delay_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_failure_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failure_with_nothing_but_a_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_failure_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_texts_that_were_cut_still_arrive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_details_of_other_servers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
