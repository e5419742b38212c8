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

/* What both servers sent while their connections to RabbitMQ stood still comes when stock has been
 * loaded: orders that are late, with their holds, and changes that have lapsed. */
static void test_events_on_a_frozen_way_while_redis_is_lost(void **state)
{
    (void)state;
    struct chaos_schedule schedule = {0};
    for (int i = 0; i < 3; i++) {
        int64_t at_ms = 4000 + i * 9000;
        chaos_schedule_add(&schedule, CHAOS_LINK_FREEZE,
                           CHAOS_LINK_OF(SYSTEM_SERVER(i % 2), SYSTEM_LINK_RABBITMQ), at_ms, 7000);
        chaos_schedule_add(&schedule, CHAOS_REDIS_EMPTY, 0, at_ms + 500, 300);
    }
    play(&schedule, 32000);
}

/* Some events of an order are in the queue, and those between them only in Redis, which goes. */
static void test_a_queue_that_comes_and_goes_while_redis_is_lost(void **state)
{
    (void)state;
    struct chaos_schedule schedule = {0};
    for (int i = 0; i < 4; i++) {
        int64_t at_ms = 3000 + i * 7000;
        for (int j = 0; j < 3; j++) {
            chaos_schedule_add(&schedule, CHAOS_RABBITMQ_UNBIND, 0, at_ms + j * 500, 100);
        }
        chaos_schedule_add(&schedule, CHAOS_REDIS_FLUSHALL, 0, at_ms + 1300, 0);
    }
    play(&schedule, 32000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_frozen_with_orders_while_redis_is_lost),
        cmocka_unit_test(test_events_on_a_frozen_way_while_redis_is_lost),
        cmocka_unit_test(test_a_queue_that_comes_and_goes_while_redis_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
