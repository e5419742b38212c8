#include <string.h>

#include "base/uuid.h"
#include "tests/cmocka_all.h"

static int64_t fixed_unix_us(void *state)
{
    return *(const int64_t *)state;
}

static void ones(void *state, void *out, size_t size)
{
    (void)state;
    memset(out, 0xff, size);
}

static void test_version_7_carries_the_clocks_time(void **state)
{
    (void)state;
    int64_t now_us = INT64_C(0x0192f00dcafe) * 1000 + 999;
    struct clock clock = {.unix_us = fixed_unix_us, .random = ones, .state = &now_us};
    struct uuid uuid = uuid_v7(&clock);
    char text[UUID_TEXT_BYTES];
    uuid_print(&uuid, text);
    assert_string_equal(text, "0192f00d-cafe-7fff-bfff-ffffffffffff");
    assert_int_equal(uuid_version(&uuid), 7);
    assert_int_equal(uuid_unix_ms(&uuid), 0x0192f00dcafe);
}

static void test_from_hash_is_version_8(void **state)
{
    (void)state;
    uint8_t hash[HASH_BYTES];
    memset(hash, 0xaa, sizeof hash);
    struct uuid uuid = uuid_from_hash(0x010203040506, hash);
    char text[UUID_TEXT_BYTES];
    uuid_print(&uuid, text);
    assert_string_equal(text, "01020304-0506-8aaa-aaaa-aaaaaaaaaaaa");
}

static void test_parse_takes_what_print_makes_and_nothing_else(void **state)
{
    (void)state;
    struct uuid uuid;
    assert_true(uuid_parse("0192F00D-cafe-7fff-bfff-0123456789ab", &uuid));
    char text[UUID_TEXT_BYTES];
    uuid_print(&uuid, text);
    assert_string_equal(text, "0192f00d-cafe-7fff-bfff-0123456789ab");
    const char *bad[] = {"",
                         "0192f00d",
                         "0192f00d-cafe-7fff-bfff-0123456789a",
                         "0192f00d-cafe-7fff-bfff-0123456789abc",
                         "0192f00dcafe7fffbfff0123456789ab",
                         "0192f00d-cafe-7fff-bfff-0123456789ag",
                         "-192f00d-cafe-7fff-bfff-0123456789ab",
                         "{192f00d-cafe-7fff-bfff-0123456789ab}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(uuid_parse(bad[i], &uuid));
    }
}

static void test_hash_parts_do_not_run_together(void **state)
{
    (void)state;
    uint8_t a[HASH_BYTES];
    uint8_t b[HASH_BYTES];
    hash_parts((struct hash_part[]){{"ab", 2}, {"c", 1}}, 2, a);
    hash_parts((struct hash_part[]){{"a", 1}, {"bc", 2}}, 2, b);
    assert_memory_not_equal(a, b, HASH_BYTES);
    hash_parts((struct hash_part[]){{"ab", 2}, {"c", 1}}, 2, b);
    assert_memory_equal(a, b, HASH_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_7_carries_the_clocks_time),
        cmocka_unit_test(test_from_hash_is_version_8),
        cmocka_unit_test(test_parse_takes_what_print_makes_and_nothing_else),
        cmocka_unit_test(test_hash_parts_do_not_run_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
