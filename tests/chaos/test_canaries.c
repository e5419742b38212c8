/* Canaries: programs with a mistake made on purpose (ORDER_CANARY, in builds with failpoints). Each
 * meets the faults that the mistake cannot stand, and the checker must see it; programs without a
 * mistake meet all of them and pass, or seeing would mean nothing. */
#include <stdlib.h>

#include "tests/chaos/chaos_run.h"
#include "tests/cmocka_all.h"
#include "tests/support/system.h"

#define SEED      7
#define LENGTH_MS 14000
#define SETTLE_MS 60000
#define TRIES     3

/* PostgreSQL gets slow, so that batches grow, does not answer any more, then the workers die with
 * what they took, and Redis forgets. */
static void add_ack_before_commit(struct chaos_schedule *schedule, int64_t at_ms)
{
    chaos_schedule_add(schedule, CHAOS_LINK_SLOW, SYSTEM_LINK_POSTGRES, at_ms - 1500, 1400);
    chaos_schedule_add(schedule, CHAOS_LINK_FREEZE, SYSTEM_LINK_POSTGRES, at_ms, 3000);
    chaos_schedule_add(schedule, CHAOS_WORKER_KILL, 0, at_ms + 1500, 1500);
    chaos_schedule_add(schedule, CHAOS_WORKER_KILL, 1, at_ms + 1500, 1500);
    chaos_schedule_add(schedule, CHAOS_REDIS_EMPTY, 0, at_ms + 1600, 300);
}

static void add_blind_reload(struct chaos_schedule *schedule, int64_t at_ms)
{
    chaos_schedule_add(schedule, CHAOS_REDIS_LOSE_TAIL, 0, at_ms, 100);
}

/* Nobody gets what is published, then Redis forgets it. */
static void add_not_mandatory(struct chaos_schedule *schedule, int64_t at_ms)
{
    chaos_schedule_add(schedule, CHAOS_RABBITMQ_UNBIND, 0, at_ms, 1);
    chaos_schedule_add(schedule, CHAOS_REDIS_EMPTY, 0, at_ms + 3000, 300);
}

/* Nobody persists for longer than the relay waits, and it is all published again. */
static void add_no_dedupe(struct chaos_schedule *schedule, int64_t at_ms)
{
    chaos_schedule_add(schedule, CHAOS_WORKER_STOP, 0, at_ms, 5000);
    chaos_schedule_add(schedule, CHAOS_WORKER_STOP, 1, at_ms, 5000);
}

static size_t play(struct chaos_schedule *schedule, int64_t length_ms, int64_t settle_ms,
                   bool is_canary)
{
    chaos_schedule_sort(schedule);
    struct chaos_options options = {
        .seed = SEED,
        .length_ms = length_ms,
        .schedule = schedule,
        .settle_ms = settle_ms,
        .is_canary = is_canary,
    };
    size_t violations = chaos_run(&options);
    chaos_schedule_fini(schedule);
    return violations;
}

/* What a mistake costs depends on what is under way when the fault strikes, on a slow machine
 * perhaps nothing: it may try again. */
static void assert_caught(const char *canary, void (*add)(struct chaos_schedule *, int64_t))
{
    size_t violations = 0;
    assert_int_equal(setenv("ORDER_CANARY", canary, 1), 0);
    for (int tries = 0; tries < TRIES && violations == 0; tries++) {
        struct chaos_schedule schedule = {0};
        add(&schedule, 4000);
        violations = play(&schedule, LENGTH_MS, LENGTH_MS, true);
    }
    assert_int_equal(unsetenv("ORDER_CANARY"), 0);
    assert_int_not_equal(violations, 0);
}

static void test_a_sound_system_stands_all_of_it(void **state)
{
    (void)state;
    struct chaos_schedule schedule = {0};
    add_no_dedupe(&schedule, 3000);
    add_blind_reload(&schedule, 11000);
    add_not_mandatory(&schedule, 19000);
    add_ack_before_commit(&schedule, 29000);
    assert_int_equal(play(&schedule, 39000, SETTLE_MS, false), 0);
}

static void test_acknowledging_before_the_commit_is_caught(void **state)
{
    (void)state;
    assert_caught("ack_before_commit", add_ack_before_commit);
}

static void test_loading_scripts_blindly_is_caught(void **state)
{
    (void)state;
    assert_caught("blind_reload", add_blind_reload);
}

static void test_publishing_without_mandatory_is_caught(void **state)
{
    (void)state;
    assert_caught("not_mandatory", add_not_mandatory);
}

static void test_storing_duplicates_is_caught(void **state)
{
    (void)state;
    assert_caught("no_dedupe", add_no_dedupe);
}

/* No fault at all: refusals are enough. */
static void add_decrement_first(struct chaos_schedule *schedule, int64_t at_ms)
{
    chaos_schedule_add(schedule, CHAOS_WORKER_KILL, 0, at_ms, 100);
}

static void test_taking_before_testing_is_caught(void **state)
{
    (void)state;
    assert_caught("decrement_first", add_decrement_first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sound_system_stands_all_of_it),
        cmocka_unit_test(test_acknowledging_before_the_commit_is_caught),
        cmocka_unit_test(test_loading_scripts_blindly_is_caught),
        cmocka_unit_test(test_publishing_without_mandatory_is_caught),
        cmocka_unit_test(test_storing_duplicates_is_caught),
        cmocka_unit_test(test_taking_before_testing_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
