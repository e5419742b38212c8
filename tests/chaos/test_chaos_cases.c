/* Cases: meetings of faults that are too rare to wait for, each with its own schedule. */
#include "tests/chaos/chaos_run.h"
#include "tests/cmocka_all.h"
#include "tests/support/system.h"

#define SEED 11

static void play(struct chaos_schedule *schedule, int64_t length_ms)
{
    chaos_schedule_sort(schedule);
    struct chaos_options options = {.seed = SEED, .length_ms = length_ms, .schedule = schedule};
    size_t violations = chaos_run(&options);
    chaos_schedule_fini(schedule);
    assert_int_equal(violations, 0);
}

/* What workers hold unacknowledged is neither in the queue's depth nor, after Redis is lost, in the
 * outbox: stock must not be loaded without it. */
static void test_workers_frozen_with_orders_while_redis_is_lost(void **state)
{
    (void)state;
    struct chaos_schedule schedule = {0};
    chaos_schedule_add(&schedule, CHAOS_WORKER_STOP, 0, 4000, 9000);
    chaos_schedule_add(&schedule, CHAOS_WORKER_STOP, 1, 4000, 9000);
    chaos_schedule_add(&schedule, CHAOS_REDIS_EMPTY, 0, 4500, 300);
    play(&schedule, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_frozen_with_orders_while_redis_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
