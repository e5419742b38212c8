#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "tests/cmocka_all.h"

static int play(const char *spec, const char *name, int times)
{
    pid_t child = fork();
    if (child == 0) {
        setenv("ORDER_FAIL", spec, 1);
        for (int i = 0; i < times; i++) {
            FAILPOINT(name);
        }
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_dies_at_the_passing_that_is_named(void **state)
{
    (void)state;
    assert_true(WIFEXITED(play("after_reserve:kill@3", "after_reserve", 2)));
    assert_true(WIFSIGNALED(play("after_reserve:kill@3", "after_reserve", 3)));
    assert_int_equal(WEXITSTATUS(play("a:kill@9,after_reserve:exit@1", "after_reserve", 1)), 1);
}

static void test_other_names_and_broken_specs_do_nothing(void **state)
{
    (void)state;
    const char *specs[] = {"after_reserve:kill@1", "", ":", "@", "x:kill", "x@1", "x:kill@0", ",,"};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        int status = play(specs[i], "x", 3);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

static void test_only_the_canary_that_is_named_is_one(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("ORDER_CANARY"), 0);
    assert_false(CANARY("no_dedupe"));
    assert_int_equal(setenv("ORDER_CANARY", "no_dedupe", 1), 0);
    assert_true(CANARY("no_dedupe"));
    assert_false(CANARY("no_dedupe_at_all"));
    assert_int_equal(unsetenv("ORDER_CANARY"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dies_at_the_passing_that_is_named),
        cmocka_unit_test(test_other_names_and_broken_specs_do_nothing),
        cmocka_unit_test(test_only_the_canary_that_is_named_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
