#include "json/utf8.h"
#include "tests/cmocka_all.h"

static bool valid(const char *text)
{
    return utf8_is_valid(bytes_of_text(text));
}

static void test_well_formed_text(void **state)
{
    (void)state;
    assert_true(valid(""));
    assert_true(valid("plain"));
    assert_true(
        valid("\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xEF\xBF\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));
    assert_true(valid("\xED\x9F\xBF \xEE\x80\x80"));
}

static void test_what_is_not_text(void **state)
{
    (void)state;
    static const char *const BAD[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x9F\xBF",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xED\xA0\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "a\xC2",
                                      "\xE2\x82",
                                      "\xF0\x9F\x98",
                                      "\xC2"
                                      "a"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_false(valid(BAD[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well_formed_text),
        cmocka_unit_test(test_what_is_not_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
