#include "tests/cmocka_all.h"
#include "worker/batch.h"

static const struct batch_limits LIMITS = {.events_max = 4, .bytes_max = 100, .age_ms_max = 25};

static void test_an_empty_batch_takes_anything(void **state)
{
    (void)state;
    struct batch batch = {0};
    batch_reset(&batch, &LIMITS);
    assert_false(batch_is_full(&batch));
    assert_true(batch_fits(&batch, 1000, 1000000));
    batch_add(&batch, 1000, 1000000, 1);
    assert_true(batch_is_full(&batch));
    assert_false(batch_fits(&batch, 1, 1));
}

static void test_events_are_bounded(void **state)
{
    (void)state;
    struct batch batch = {0};
    batch_reset(&batch, &LIMITS);
    batch_add(&batch, 2, 1, 0);
    assert_true(batch_fits(&batch, 2, 1));
    assert_false(batch_fits(&batch, 3, 1));
    batch_add(&batch, 1, 1, 0);
    assert_false(batch_is_full(&batch));
    batch_add(&batch, 1, 1, 0);
    assert_true(batch_is_full(&batch));
}

static void test_bytes_are_bounded(void **state)
{
    (void)state;
    struct batch batch = {0};
    batch_reset(&batch, &LIMITS);
    batch_add(&batch, 1, 60, 0);
    assert_true(batch_fits(&batch, 1, 40));
    assert_false(batch_fits(&batch, 1, 41));
    batch_add(&batch, 1, 39, 0);
    assert_false(batch_is_full(&batch));
    batch_add(&batch, 1, 1, 0);
    assert_true(batch_is_full(&batch));
}

static void test_age_counts_from_the_first_message(void **state)
{
    (void)state;
    struct batch batch = {0};
    batch_reset(&batch, &LIMITS);
    assert_int_equal(batch_wait_ms(&batch, 1000, 250), 250);
    batch_add(&batch, 1, 1, 1000);
    assert_int_equal(batch_wait_ms(&batch, 1000, 250), 5);
    batch_add(&batch, 1, 1, 1004);
    assert_int_equal(batch_wait_ms(&batch, 1004, 250), 1);
    assert_int_equal(batch_wait_ms(&batch, 1005, 250), 0);
    assert_int_equal(batch_wait_ms(&batch, 9999, 250), 0);
    batch_reset(&batch, &LIMITS);
    assert_int_equal(batch_wait_ms(&batch, 9999, 250), 250);
}

static void test_under_load_it_waits_for_more(void **state)
{
    (void)state;
    static const struct {
        size_t events_before;
        int64_t wait_ms;
    } cases[] = {
        {0, 5}, {BATCH_LOAD_EVENTS - 1, 5}, {BATCH_LOAD_EVENTS, 25}, {BATCH_LOAD_EVENTS + 1, 25}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch batch = {0};
        batch_reset(&batch, &LIMITS);
        if (cases[i].events_before > 0) {
            batch_add(&batch, cases[i].events_before, 1, 0);
        }
        batch_reset(&batch, &LIMITS);
        batch_add(&batch, 1, 1, 1000);
        assert_int_equal(batch_wait_ms(&batch, 1000, 250), cases[i].wait_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_batch_takes_anything),
        cmocka_unit_test(test_events_are_bounded),
        cmocka_unit_test(test_bytes_are_bounded),
        cmocka_unit_test(test_age_counts_from_the_first_message),
        cmocka_unit_test(test_under_load_it_waits_for_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
