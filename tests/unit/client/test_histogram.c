/* Percentiles within one percent, over the whole range. */
#include <string.h>

#include "client/cli/histogram.h"
#include "tests/cmocka_all.h"

static struct histogram histogram;

static int empty_it(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof(histogram));
    return 0;
}

static void says_zero_when_empty(void **state)
{
    (void)state;
    assert_int_equal(histogram_percentile(&histogram, 50), 0);
    assert_true(histogram_mean(&histogram) == 0);
}

static void is_exact_for_small_values(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 100; i++) {
        histogram_record(&histogram, i);
    }
    assert_int_equal(histogram_percentile(&histogram, 50), 50);
    assert_int_equal(histogram_percentile(&histogram, 99), 99);
    assert_int_equal(histogram_percentile(&histogram, 99.9), 100);
    assert_int_equal(histogram_percentile(&histogram, 100), 100);
    assert_int_equal(histogram_percentile(&histogram, 0.5), 1);
    assert_true(histogram_mean(&histogram) == 50.5);
    assert_int_equal(histogram.most, 100);
}

static void is_within_one_percent_everywhere(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < UINT64_C(1) << HISTOGRAM_VALUE_BITS; value += 1 + value / 97) {
        memset(&histogram, 0, sizeof(histogram));
        histogram_record(&histogram, (int64_t)value);
        histogram_record(&histogram, (INT64_C(1) << HISTOGRAM_VALUE_BITS) - 1);
        uint64_t found = histogram_percentile(&histogram, 50);
        assert_true(found >= value);
        assert_true(found - value <= value / 100);
    }
}

static void bounds_what_it_is_given(void **state)
{
    (void)state;
    histogram_record(&histogram, -5);
    histogram_record(&histogram, INT64_MAX);
    assert_int_equal(histogram.count, 2);
    assert_int_equal(histogram_percentile(&histogram, 50), 0);
    assert_int_equal(histogram_percentile(&histogram, 100),
                     (INT64_C(1) << HISTOGRAM_VALUE_BITS) - 1);
}

static void adds_up(void **state)
{
    (void)state;
    static struct histogram other;
    memset(&other, 0, sizeof(other));
    histogram_record(&histogram, 10);
    histogram_record(&other, 1000);
    histogram_add(&histogram, &other);
    assert_int_equal(histogram.count, 2);
    assert_int_equal(histogram.most, 1000);
    assert_int_equal(histogram_percentile(&histogram, 50), 10);
    assert_int_equal(histogram_percentile(&histogram, 100), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(says_zero_when_empty, empty_it),
        cmocka_unit_test_setup(is_exact_for_small_values, empty_it),
        cmocka_unit_test_setup(is_within_one_percent_everywhere, empty_it),
        cmocka_unit_test_setup(bounds_what_it_is_given, empty_it),
        cmocka_unit_test_setup(adds_up, empty_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
