#include <errno.h>

#include "base/wait.h"
#include "tests/cmocka_all.h"

static int64_t ms_of(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return ms_of(now);
}

static void test_a_moment_ahead_is_well_formed(void **state)
{
    (void)state;
    static const int64_t AHEAD_MS[] = {0, 1, 999, 1000, 1001, 59999, 86400000};
    for (size_t i = 0; i < sizeof AHEAD_MS / sizeof *AHEAD_MS; i++) {
        int64_t before_ms = now_ms();
        struct timespec until = wait_deadline(AHEAD_MS[i]);
        assert_in_range(until.tv_nsec, 0, 999999999);
        assert_true(ms_of(until) >= before_ms + AHEAD_MS[i]);
        assert_true(ms_of(until) <= now_ms() + AHEAD_MS[i]);
    }
}

static void test_what_is_over_is_now(void **state)
{
    (void)state;
    int64_t before_ms = now_ms();
    struct timespec until = wait_deadline(-5000);
    assert_true(ms_of(until) >= before_ms);
    assert_true(ms_of(until) <= now_ms());
}

/* By another clock the wait would be over at once or take decades. */
static void test_a_wait_ends_at_its_moment(void **state)
{
    (void)state;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed;
    wait_init(&changed);
    assert_int_equal(pthread_mutex_lock(&lock), 0);
    struct timespec until = wait_deadline(20);
    int waited = 0;
    while (waited == 0) {
        waited = pthread_cond_timedwait(&changed, &lock, &until);
    }
    assert_int_equal(waited, ETIMEDOUT);
    assert_true(now_ms() >= ms_of(until));
    assert_int_equal(pthread_mutex_unlock(&lock), 0);
    assert_int_equal(pthread_cond_destroy(&changed), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_moment_ahead_is_well_formed),
        cmocka_unit_test(test_what_is_over_is_now),
        cmocka_unit_test(test_a_wait_ends_at_its_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
