/* test_chaos [--seed N] [--minutes M]: one run; without arguments the short one that the tests
 * include.
 * ./dev chaos starts it with the servers that it needs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/chaos/chaos_run.h"
#include "tests/cmocka_all.h"

#define TEST_SEED      1
#define TEST_LENGTH_MS 180000

static struct chaos_options options = {.seed = TEST_SEED, .length_ms = TEST_LENGTH_MS};

static void test_nothing_lost_doubled_or_oversold(void **state)
{
    (void)state;
    assert_int_equal(chaos_run(&options), 0);
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: test_chaos [--seed N] [--minutes M]\n");
    return 2;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        char *rest = NULL;
        if (i + 1 == argc) {
            return usage();
        }
        if (strcmp(argv[i], "--seed") == 0) {
            options.seed = strtoull(argv[i + 1], &rest, 10);
        } else if (strcmp(argv[i], "--minutes") == 0) {
            options.length_ms = (int64_t)(strtod(argv[i + 1], &rest) * 60000);
        } else {
            return usage();
        }
        if (*rest != '\0' || rest == argv[i + 1] || options.length_ms < 5000) {
            return usage();
        }
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_lost_doubled_or_oversold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
