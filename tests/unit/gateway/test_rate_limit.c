#include <stdio.h>
#include <string.h>

#include "gateway/rate_limit.h"
#include "tests/cmocka_all.h"

static int64_t now_us;

static int64_t tell(void *state)
{
    (void)state;
    return now_us;
}

static void fill(void *state, void *out, size_t size)
{
    (void)state;
    memset(out, 7, size);
}

static const struct clock CLOCK = {.monotonic_us = tell, .unix_us = tell, .random = fill};

static bool take(struct rate_limit *limit, const char *key, struct failure *failure)
{
    memset(failure, 0, sizeof *failure);
    return rate_limit_take(limit, bytes_of_text(key), failure) == STATUS_OK;
}

static void test_a_burst_then_a_steady_rate(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_create(10, 5, &CLOCK);
    struct failure failure;
    now_us = 1000000;
    for (int i = 0; i < 5; i++) {
        assert_true(take(limit, "ada", &failure));
    }
    assert_false(take(limit, "ada", &failure));
    assert_string_equal(failure.reason, "RATE_LIMITED");
    assert_int_equal(failure.retry_delay_ms, 100);
    assert_true(take(limit, "bob", &failure));
    now_us += 99999;
    assert_false(take(limit, "ada", &failure));
    assert_int_equal(failure.retry_delay_ms, 1);
    now_us += 1;
    assert_true(take(limit, "ada", &failure));
    assert_false(take(limit, "ada", &failure));
    now_us += 10000000; /* full again, and no fuller */
    for (int i = 0; i < 5; i++) {
        assert_true(take(limit, "ada", &failure));
    }
    assert_false(take(limit, "ada", &failure));
    rate_limit_destroy(&limit);
    assert_null(limit);
    rate_limit_destroy(&limit);
}

static void test_a_flood_of_callers_keeps_the_limit_of_each(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_create(1, 1, &CLOCK);
    struct failure failure;
    now_us = 1000000;
    assert_true(take(limit, "ada", &failure));
    for (int i = 0; i < 300000; i++) { /* five times what the table holds */
        char key[24];
        (void)snprintf(key, sizeof key, "caller-%d", i);
        assert_true(take(limit, key, &failure));
    }
    assert_false(take(limit, "ada", &failure));
    now_us += 1000000;
    assert_true(take(limit, "ada", &failure));
    rate_limit_destroy(&limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_then_a_steady_rate),
        cmocka_unit_test(test_a_flood_of_callers_keeps_the_limit_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
