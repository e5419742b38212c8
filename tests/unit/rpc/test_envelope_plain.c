/* The short way to read an envelope's header (envelope_plain.h) against the one for any header. */
#include "random.h"
#include "rpc/envelope.h"
#include "tests/cmocka_all.h"

/* A field that is not known makes it none of the plain ones, and changes nothing else. */
static void test_plain_headers_are_read_as_any_other(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096, 1024 * 1024);
    const struct envelope_request plain = {.method = "/a.B/C",
                                           .call_id = "x-1",
                                           .timeout_ms = 300,
                                           .attempt = 1,
                                           .is_forwarded = true};
    size_t taken = 0;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        uint64_t random = seed;
        uint8_t message[128];
        size_t size = envelope_encode_request(&plain, message, sizeof message);
        for (size_t i = 0; i < 1 + seed % 3; i++) {
            message[8 + random_below(&random, size - 8)] = random_byte(&random);
        }
        struct envelope_request alone, with_unknown;
        arena_reset(&arena);
        if (envelope_decode_request(bytes_of(message, size), &arena, &alone, NULL) != STATUS_OK) {
            continue;
        }
        message[7] = (uint8_t)(message[7] + 2);
        message[size] = 15 << 3; /* a number */
        message[size + 1] = 0;
        assert_int_equal(
            envelope_decode_request(bytes_of(message, size + 2), &arena, &with_unknown, NULL),
            STATUS_OK);
        assert_string_equal(alone.method, with_unknown.method);
        assert_string_equal(alone.call_id, with_unknown.call_id);
        assert_int_equal(alone.timeout_ms, with_unknown.timeout_ms);
        assert_int_equal(alone.attempt, with_unknown.attempt);
        assert_int_equal(alone.is_forwarded, with_unknown.is_forwarded);
        taken++;
    }
    assert_true(taken > 1000);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_headers_are_read_as_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
