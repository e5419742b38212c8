/* Which nng will do, on both sides of the limit. */
#include <string.h>

#include "rpc/tune_nng.h"
#include "tests/cmocka_all.h"

static void test_old_ones_are_refused(void **state)
{
    (void)state;
    static const char *const old[] = {"1.7.3", "1.5.2", "1.0.0", "0.9.0", "1", ""};
    for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
        struct failure failure;
        assert_int_equal(tune_nng_check(old[i], &failure), STATUS_FAILED_PRECONDITION);
        assert_string_equal(failure.reason, "NNG_TOO_OLD");
        assert_non_null(strstr(failure.message, "install 1.8 or newer"));
    }
}

static void test_new_ones_are_not(void **state)
{
    (void)state;
    static const char *const new[] = {"1.8.0", "1.8", "1.10.1", "1.11.0", "2.0.0"};
    for (size_t i = 0; i < sizeof new / sizeof new[0]; i++) {
        assert_int_equal(tune_nng_check(new[i], NULL), STATUS_OK);
    }
}

static void test_what_is_loaded_here_will_do(void **state)
{
    (void)state;
    assert_int_equal(tune_nng_check_loaded(NULL), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_ones_are_refused),
        cmocka_unit_test(test_new_ones_are_not),
        cmocka_unit_test(test_what_is_loaded_here_will_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
