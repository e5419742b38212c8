/* Which bytes are text. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "tests/cmocka_all.h"

static bool is_text(const char *bytes, size_t size)
{
    return utf8_is_text(bytes_of(bytes, size));
}
#define IS_TEXT(literal) is_text(literal, sizeof(literal) - 1)

static void test_accepts_every_kind_of_character(void **state)
{
    (void)state;
    assert_true(IS_TEXT(""));
    assert_true(IS_TEXT("plain"));
    assert_true(IS_TEXT("exactly8exactly8"));
    assert_true(IS_TEXT("\x01\x7f"));
    assert_true(IS_TEXT("\xc2\x80 \xdf\xbf"));
    assert_true(IS_TEXT("\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf"));
    assert_true(IS_TEXT("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));
    assert_true(IS_TEXT("K\xc3\xb6nigsberger Klopse \xf0\x9f\x8d\xb2"));
}

static void test_refuses_nul_wherever_it_is(void **state)
{
    (void)state;
    char text[24];
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'a', sizeof text);
        text[at] = '\0';
        assert_false(is_text(text, sizeof text));
    }
}

static void test_refuses_what_is_not_utf8(void **state)
{
    (void)state;
    assert_false(IS_TEXT("\x80"));             /* a continuation alone */
    assert_false(IS_TEXT("\xff"));             /* never a byte of UTF-8 */
    assert_false(IS_TEXT("\xc0\x80"));         /* NUL in two bytes */
    assert_false(IS_TEXT("\xc1\xbf"));         /* ASCII in two bytes */
    assert_false(IS_TEXT("\xe0\x9f\xbf"));     /* too long a form */
    assert_false(IS_TEXT("\xf0\x8f\xbf\xbf")); /* too long a form */
    assert_false(IS_TEXT("\xed\xa0\x80"));     /* a surrogate */
    assert_false(IS_TEXT("\xf4\x90\x80\x80")); /* above U+10FFFF */
    assert_false(IS_TEXT("\xf5\x80\x80\x80")); /* above U+10FFFF */
    assert_false(IS_TEXT("\xc3"));             /* cut */
    assert_false(IS_TEXT("\xc2"
                         "a"));            /* not continued */
    assert_false(IS_TEXT("\xe2\x82"));     /* cut */
    assert_false(IS_TEXT("\xf0\x9f\x8d")); /* cut */
    assert_false(IS_TEXT("\xe2\x28\xa1")); /* not continued */
    assert_false(IS_TEXT("eight by\xff")); /* behind a whole word */
}

static void test_measures_a_character(void **state)
{
    (void)state;
    assert_int_equal(utf8_character_bytes(bytes_of_text("a\xc3\xa4")), 1);
    assert_int_equal(utf8_character_bytes(bytes_of_text("\xc3\xa4"
                                                        "a")),
                     2);
    assert_int_equal(utf8_character_bytes(bytes_of_text("\xe2\x82\xac")), 3);
    assert_int_equal(utf8_character_bytes(bytes_of_text("\xf0\x9f\x8d\xb2")), 4);
    assert_int_equal(utf8_character_bytes(bytes_of("\0", 1)), 0);
    assert_int_equal(utf8_character_bytes(bytes_of("\xe2\x82\xac", 2)), 0); /* cut */
}

static void test_copy_ends_between_characters(void **state)
{
    (void)state;
    char out[6];
    utf8_copy(out, sizeof out,
              "abc\xe2\x82\xac"
              "d");
    assert_string_equal(out, "abc"); /* 5 bytes are no room for the euro sign */
    utf8_copy(out, sizeof out,
              "ab\xe2\x82\xac"
              "d");
    assert_string_equal(out, "ab\xe2\x82\xac");
    utf8_copy(out, 1, "abc");
    assert_string_equal(out, "");
    utf8_copy(out, sizeof out, "");
    assert_string_equal(out, "");
}

static void test_copy_replaces_what_is_not_utf8(void **state)
{
    (void)state;
    char out[16];
    utf8_copy(out, sizeof out,
              "a\xff"
              "b\xe2\x82");
    assert_string_equal(out, "a?b??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts_every_kind_of_character),
        cmocka_unit_test(test_refuses_nul_wherever_it_is),
        cmocka_unit_test(test_refuses_what_is_not_utf8),
        cmocka_unit_test(test_measures_a_character),
        cmocka_unit_test(test_copy_ends_between_characters),
        cmocka_unit_test(test_copy_replaces_what_is_not_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
