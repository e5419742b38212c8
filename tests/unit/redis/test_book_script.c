#include <string.h>

#include "redis/book_script.h"
#include "tests/cmocka_all.h"

static void test_the_epoch_is_put_in_everywhere(void **state)
{
    (void)state;
    struct book_script script;
    assert_true(book_script_init(&script, "a @EPOCH@ b '@EPOCH@'"));
    assert_string_equal(script.text, "a 0 b '0'");
    book_script_bind(&script, 9223372036854775807);
    assert_string_equal(script.text, "a 9223372036854775807 b '9223372036854775807'");
    book_script_bind(&script, -12);
    assert_string_equal(script.text, "a -12 b '-12'");
    book_script_fini(&script);
}

static void test_the_name_is_redis_own(void **state)
{
    (void)state;
    struct book_script script;
    assert_true(book_script_init(&script, "return 1"));
    assert_string_equal(script.text, "return 1");
    assert_string_equal(script.sha, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    book_script_fini(&script);
    book_script_fini(&script);
}

static void test_another_epoch_is_another_script(void **state)
{
    (void)state;
    struct book_script script;
    char first[BOOK_SCRIPT_SHA_BYTES];
    assert_true(book_script_init(&script, "@EPOCH@"));
    memcpy(first, script.sha, sizeof first);
    book_script_bind(&script, 1);
    assert_string_not_equal(script.sha, first);
    book_script_bind(&script, 0);
    assert_string_equal(script.sha, first);
    book_script_fini(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_epoch_is_put_in_everywhere),
        cmocka_unit_test(test_the_name_is_redis_own),
        cmocka_unit_test(test_another_epoch_is_another_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
