#include "gateway/uri.h"
#include "tests/cmocka_all.h"

static void must_decode(const char *text, bool is_query, const char *expected, size_t size)
{
    struct arena arena;
    struct bytes out = {0};
    arena_init(&arena, 256, 256);
    assert_int_equal(uri_decode(bytes_of_text(text), is_query, &arena, &out), expected != NULL);
    if (expected != NULL) {
        assert_int_equal(out.size, size);
        assert_memory_equal(out.data, expected, size);
    }
    arena_fini(&arena);
}

static void test_escapes(void **state)
{
    (void)state;
    must_decode("", false, "", 0);
    must_decode("a%2Fb%2fc", false, "a/b/c", 5);
    must_decode("%C3%a4+", false, "\xC3\xA4+", 3);
    must_decode("a+b%2B", true, "a b+", 4);
    must_decode("%00", false, "\0", 1);
    must_decode("%25", false, "%", 1);
}

static void test_malformed_escapes(void **state)
{
    (void)state;
    static const char *const BAD[] = {"%", "%1", "a%", "a%4", "%zz", "%4g", "%g4", "%%41"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        must_decode(BAD[i], false, NULL, 0);
    }
}

static void test_parameters_come_one_by_one(void **state)
{
    (void)state;
    struct bytes query = bytes_of_text("&a=1&&b&c=&=d&e=f=g&"), name, value;
    static const char *const EXPECTED[][2] = {
        {"a", "1"}, {"b", ""}, {"c", ""}, {"", "d"}, {"e", "f=g"}};
    for (size_t i = 0; i < sizeof EXPECTED / sizeof *EXPECTED; i++) {
        assert_true(uri_next_parameter(&query, &name, &value));
        assert_true(bytes_equal(name, bytes_of_text(EXPECTED[i][0])));
        assert_true(bytes_equal(value, bytes_of_text(EXPECTED[i][1])));
    }
    assert_false(uri_next_parameter(&query, &name, &value));
    query = (struct bytes){0};
    assert_false(uri_next_parameter(&query, &name, &value));
}

static void test_a_parameter_by_name(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 256, 1024);
    struct bytes query = bytes_of_text("ab=1&a=%2F&a=2&bad=%z&empty=");
    assert_true(bytes_equal(uri_find_parameter(query, "a", &arena), bytes_of_text("/")));
    assert_null(uri_find_parameter(query, "b", &arena).data);
    assert_null(uri_find_parameter(query, "bad", &arena).data);
    assert_non_null(uri_find_parameter(query, "empty", &arena).data);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_malformed_escapes),
        cmocka_unit_test(test_parameters_come_one_by_one),
        cmocka_unit_test(test_a_parameter_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
