#include <string.h>

#include "base/clock.h"
#include "tests/cmocka_all.h"

static void fixed_random(void *state, void *out, size_t size)
{
    memset(out, *(const int *)state, size);
}

static void test_the_systems_clock_moves_and_draws(void **state)
{
    (void)state;
    const struct clock *clock = clock_system();
    int64_t before = clock_monotonic_us(clock);
    assert_true(clock_monotonic_us(clock) >= before);
    assert_true(clock_unix_us(clock) > INT64_C(1700000000000000));
    uint8_t a[700];
    uint8_t b[700];
    clock->random(clock->state, a, sizeof a);
    clock->random(clock->state, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_backoff_doubles_and_stops_at_its_most(void **state)
{
    (void)state;
    int low = 0;
    struct clock clock = {.random = fixed_random, .state = &low};
    assert_int_equal(clock_backoff_ms(&clock, 0, 50, 2000), 25);
    assert_int_equal(clock_backoff_ms(&clock, 1, 50, 2000), 50);
    assert_int_equal(clock_backoff_ms(&clock, 5, 50, 2000), 800);
    assert_int_equal(clock_backoff_ms(&clock, 6, 50, 2000), 1000);
    assert_int_equal(clock_backoff_ms(&clock, 1000000, 50, 2000), 1000);
}

static void test_backoff_stays_within_its_upper_half(void **state)
{
    (void)state;
    for (unsigned attempt = 0; attempt < 10; attempt++) {
        int64_t full = (INT64_C(50) << attempt) < 2000 ? INT64_C(50) << attempt : 2000;
        for (int i = 0; i < 200; i++) {
            int64_t wait = clock_backoff_ms(clock_system(), attempt, 50, 2000);
            assert_in_range(wait, full / 2, full);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_systems_clock_moves_and_draws),
        cmocka_unit_test(test_backoff_doubles_and_stops_at_its_most),
        cmocka_unit_test(test_backoff_stays_within_its_upper_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
