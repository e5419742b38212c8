/* Counting of calls: buckets of durations, codes, what is in flight, the last failure. */
#include <string.h>

#include "rpc/limits.h"
#include "rpc/stats.h"
#include "tests/cmocka_all.h"

static void test_each_duration_is_below_its_buckets_edge(void **state)
{
    (void)state;
    assert_int_equal(stats_bucket(-1), 0);
    assert_int_equal(stats_bucket(0), 0);
    for (int64_t us = 0; us < 100000; us++) {
        size_t bucket = stats_bucket(us);
        assert_true((uint64_t)us < stats_bucket_upper_us(bucket));
        assert_true(bucket == 0 || (uint64_t)us >= stats_bucket_upper_us(bucket - 1));
    }
}

static void test_the_longest_deadline_has_a_bucket_of_its_own(void **state)
{
    (void)state;
    int64_t longest_us = RPC_TIMEOUT_MS_MAX * 1000LL;
    assert_true(stats_bucket(longest_us) < STATS_BUCKETS - 1);
    assert_int_equal(stats_bucket(INT64_MAX), STATS_BUCKETS - 1);
}

static void test_counts_codes_and_what_is_inside(void **state)
{
    (void)state;
    struct method_stats stats;
    struct failure failure, last = {0};
    int64_t unix_us;
    method_stats_init(&stats);
    for (int i = 0; i < 5; i++) {
        method_stats_start(&stats);
    }
    assert_int_equal(method_stats_inflight(&stats), 5);
    assert_false(method_stats_last_failure(&stats, &last, &unix_us));
    method_stats_end(&stats, NULL, 100, 0);
    method_stats_end(&stats, NULL, 300, 0);
    (void)failure_set(&failure, STATUS_NOT_FOUND, "ORDER_NOT_FOUND", "no order x");
    method_stats_end(&stats, &failure, 50, 77);
    assert_int_equal(method_stats_inflight(&stats), 2);
    assert_int_equal(atomic_load(&stats.codes[STATUS_OK]), 2);
    assert_int_equal(atomic_load(&stats.codes[STATUS_NOT_FOUND]), 1);
    assert_int_equal(atomic_load(&stats.total_us), 450);
    assert_int_equal(atomic_load(&stats.max_us), 300);
    assert_true(method_stats_last_failure(&stats, &last, &unix_us));
    assert_string_equal(last.reason, "ORDER_NOT_FOUND");
    assert_int_equal(unix_us, 77);
    method_stats_fini(&stats);
}

static void test_a_code_of_another_world_is_unknown(void **state)
{
    (void)state;
    struct method_stats stats;
    struct failure failure = {.code = (enum status)99};
    method_stats_init(&stats);
    method_stats_end(&stats, &failure, 1, 0);
    assert_int_equal(atomic_load(&stats.codes[STATUS_UNKNOWN]), 1);
    assert_int_equal(method_stats_inflight(&stats), 0); /* it was never started */
    method_stats_fini(&stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_duration_is_below_its_buckets_edge),
        cmocka_unit_test(test_the_longest_deadline_has_a_bucket_of_its_own),
        cmocka_unit_test(test_counts_codes_and_what_is_inside),
        cmocka_unit_test(test_a_code_of_another_world_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
