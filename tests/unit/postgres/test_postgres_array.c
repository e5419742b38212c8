#include <stdlib.h>
#include <string.h>

#include "postgres/postgres_array.h"
#include "tests/cmocka_all.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 256, 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void is(struct postgres_parameter parameter, const char *bytes, size_t size)
{
    assert_false(parameter.failed);
    assert_int_equal(parameter.value.size, size);
    assert_memory_equal(parameter.value.data, bytes, size);
}
#define IS(parameter, bytes) is(parameter, bytes, sizeof(bytes) - 1)

static void test_integers(void **state)
{
    (void)state;
    struct postgres_array array;
    postgres_array_init(&array, POSTGRES_INT8, &arena, 2);
    postgres_array_add_int(&array, 1);
    postgres_array_add_int(&array, -2);
    IS(postgres_array_parameter(&array), "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\2\0\0\0\1"
                                         "\0\0\0\x08\0\0\0\0\0\0\0\1"
                                         "\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xfe");
    postgres_array_init(&array, POSTGRES_INT4, &arena, 0);
    postgres_array_add_int(&array, INT32_MIN);
    IS(postgres_array_parameter(&array), "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1"
                                         "\0\0\0\4\x80\0\0\0");
}

static void test_texts_and_nulls(void **state)
{
    (void)state;
    struct postgres_array array;
    postgres_array_init(&array, POSTGRES_TEXT, &arena, 3);
    postgres_array_add_text(&array, "ab");
    postgres_array_add_text(&array, NULL);
    postgres_array_add_text(&array, "");
    IS(postgres_array_parameter(&array), "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\3\0\0\0\1"
                                         "\0\0\0\2"
                                         "ab\xff\xff\xff\xff\0\0\0\0");
}

static void test_times_count_from_2000(void **state)
{
    (void)state;
    struct postgres_array array;
    postgres_array_init(&array, POSTGRES_TIMESTAMPTZ, &arena, 1);
    postgres_array_add_unix_us(&array, 946684800000001);
    IS(postgres_array_parameter(&array), "\0\0\0\1\0\0\0\0\0\0\x04\xa0\0\0\0\1\0\0\0\1"
                                         "\0\0\0\x08\0\0\0\0\0\0\0\1");
    IS(postgres_timestamptz(&arena, 946684800000000 - 1), "\xff\xff\xff\xff\xff\xff\xff\xff");
}

static void test_an_empty_array_has_no_dimension(void **state)
{
    (void)state;
    struct postgres_array array;
    postgres_array_init(&array, POSTGRES_UUID, &arena, 0);
    IS(postgres_array_parameter(&array), "\0\0\0\0\0\0\0\0\0\0\x0b\x86");
}

static void test_it_grows_and_keeps_what_was_added(void **state)
{
    (void)state;
    struct postgres_array array;
    postgres_array_init(&array, POSTGRES_BYTEA, &arena, 1);
    for (int i = 0; i < 1000; i++) {
        uint8_t byte = (uint8_t)i;
        postgres_array_add_bytes(&array, bytes_of(&byte, 1));
    }
    struct postgres_parameter parameter = postgres_array_parameter(&array);
    assert_int_equal(parameter.value.size, 20 + 1000 * 5);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(parameter.value.data[20 + 5 * i + 4], (uint8_t)i);
    }
}

static void test_a_full_arena_fails_and_stays_failed(void **state)
{
    (void)state;
    struct arena small;
    arena_init(&small, 64, 256);
    struct postgres_array array;
    postgres_array_init(&array, POSTGRES_TEXT, &small, 0);
    static char text[1024];
    memset(text, 'x', sizeof text - 1);
    postgres_array_add_text(&array, "fits");
    assert_false(postgres_array_failed(&array));
    postgres_array_add_text(&array, text);
    assert_true(postgres_array_failed(&array));
    postgres_array_add_text(&array, "would fit");
    postgres_array_add_text(&array, NULL);
    struct postgres_parameter parameter = postgres_array_parameter(&array);
    assert_true(parameter.failed);
    assert_null(parameter.value.data);

    postgres_array_init(&array, POSTGRES_INT8, &small, 1000000);
    assert_true(postgres_array_failed(&array));
    while (arena_alloc(&small, 16) != NULL) {
    }
    assert_true(postgres_int8(&small, 1).failed);
    assert_true(postgres_timestamptz(&small, 1).failed);
    arena_fini(&small);
}

static void test_single_values(void **state)
{
    (void)state;
    const struct uuid id = {"0123456789abcde"};
    IS(postgres_int8(&arena, 258), "\0\0\0\0\0\0\1\2");
    IS(postgres_text("ab"), "ab");
    IS(postgres_uuid(&id), "0123456789abcde\0");
    assert_non_null(postgres_text("").value.data);
    assert_null(postgres_text(NULL).value.data);
    assert_false(postgres_text(NULL).failed);
    assert_null(postgres_uuid(NULL).value.data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_integers),
        TEST(test_texts_and_nulls),
        TEST(test_times_count_from_2000),
        TEST(test_an_empty_array_has_no_dimension),
        TEST(test_it_grows_and_keeps_what_was_added),
        TEST(test_a_full_arena_fails_and_stays_failed),
        TEST(test_single_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
