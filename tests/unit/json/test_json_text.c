#include <float.h>
#include <math.h>

#include "json/json_text.h"
#include "tests/cmocka_all.h"

static void must_string(struct bytes value, const char *expected)
{
    struct arena arena;
    struct json_text text;
    struct bytes out;
    arena_init(&arena, 1024, 1024 * 1024);
    json_text_begin(&text, &arena, false);
    json_text_string(&text, value);
    assert_true(json_text_end(&text, &out));
    assert_string_equal((const char *)out.data, expected);
    arena_fini(&arena);
}

static void test_strings_are_escaped_and_repaired(void **state)
{
    (void)state;
    must_string(bytes_of_text("plain \xC3\xA4 \xF0\x9F\x98\x80"),
                "\"plain \xC3\xA4 \xF0\x9F\x98\x80\"");
    must_string(bytes_of_text("\"\\\b\f\n\r\t\x01\x1f\x7f"),
                "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
    must_string(bytes_of("a\0b", 3), "\"a\\u0000b\"");
    must_string(bytes_of_text("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
    must_string(bytes_of_text("cut\xE2\x82"), "\"cut\xEF\xBF\xBD\xEF\xBF\xBD\"");
    must_string(bytes_of(NULL, 0), "\"\"");
}

static void must_real(double value, bool is_float, const char *expected)
{
    struct arena arena;
    struct json_text text;
    struct bytes out;
    arena_init(&arena, 1024, 4096);
    json_text_begin(&text, &arena, false);
    json_text_real(&text, value, is_float);
    assert_true(json_text_end(&text, &out));
    assert_string_equal((const char *)out.data, expected);
    arena_fini(&arena);
}

static void test_reals_are_short_and_exact(void **state)
{
    (void)state;
    must_real(0.1, false, "0.1");
    must_real((double)0.1F, true, "0.1");
    must_real(1.0 / 3, false, "0.3333333333333333");
    must_real(DBL_MAX, false, "1.7976931348623157e+308");
    must_real((double)FLT_MAX, true, "3.4028235e+38");
    must_real(5e-324, false, "4.94065645841247e-324");
    must_real(-2, false, "-2");
    must_real(NAN, false, "\"NaN\"");
    must_real(INFINITY, false, "\"Infinity\"");
    must_real(-INFINITY, true, "\"-Infinity\"");
}

static void test_structure_in_both_looks(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024, 8192);
    for (int pretty = 0; pretty < 2; pretty++) {
        struct json_text text;
        struct bytes out;
        json_text_begin(&text, &arena, pretty == 1);
        json_text_open(&text, '{');
        json_text_key(&text, bytes_of_text("a"));
        json_text_open(&text, '[');
        json_text_raw(&text, "1");
        json_text_raw(&text, "2");
        json_text_close(&text, ']');
        json_text_key(&text, bytes_of_text("b"));
        json_text_open(&text, '{');
        json_text_close(&text, '}');
        json_text_key(&text, bytes_of_text("c"));
        json_text_base64(&text, bytes_of_text("f"));
        json_text_close(&text, '}');
        assert_true(json_text_end(&text, &out));
        assert_string_equal((const char *)out.data,
                            pretty == 0 ? "{\"a\":[1,2],\"b\":{},\"c\":\"Zg==\"}"
                                        : "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n"
                                          "  \"c\": \"Zg==\"\n}");
    }
    arena_fini(&arena);
}

static void test_a_full_arena_is_said_at_the_end(void **state)
{
    (void)state;
    struct arena arena;
    struct json_text text;
    struct bytes out;
    arena_init(&arena, 1024, 4096);
    json_text_begin(&text, &arena, false);
    json_text_open(&text, '[');
    for (int i = 0; i < 10000; i++) {
        json_text_string(&text, bytes_of_text("0123456789"));
    }
    json_text_close(&text, ']');
    assert_false(json_text_end(&text, &out));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_are_escaped_and_repaired),
        cmocka_unit_test(test_reals_are_short_and_exact),
        cmocka_unit_test(test_structure_in_both_looks),
        cmocka_unit_test(test_a_full_arena_is_said_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
