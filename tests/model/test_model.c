/* The whole system - two servers, two workers, real Redis, RabbitMQ and PostgreSQL - beside a model
 * of a few rules (model.h), under random commands of eight callers.
 * TEST_SEED: of the commands (printed; how they meet is not determined). MODEL_COMMANDS: how many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/model/model_run.h"
#include "tests/support/stores.h"

#define COMMANDS          10000
#define COMMANDS_A_ROUND  5000 /* then all rests and is compared */
#define COMMANDS_REOPENED 1000
#define COMMANDS_CANARY \
    800 /* a wrong rule shows itself in one round or, by chance, in a later one */
#define ROUNDS_CANARY     10
#define REOPEN_TIMEOUT_MS 60000

static struct system the_system;
static uint64_t seed;

static int setup(void **state)
{
    (void)state;
    const char *given = getenv("TEST_SEED");
    seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)clock_unix_us(clock_system());
    (void)fprintf(stderr, "TEST_SEED=%llu\n", (unsigned long long)seed);
    assert_int_equal(setenv("ORDER_SERVER_PUBLISH_TIMEOUT_MS", "500", 1), 0);
    system_start(&the_system);
    system_start_server(&the_system, 1, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    system_destroy(&the_system);
    return 0;
}

static size_t chosen_commands(void)
{
    const char *given = getenv("MODEL_COMMANDS");
    return given != NULL ? (size_t)strtoull(given, NULL, 10) : COMMANDS;
}

/* Nothing is rare: each stands for more than one command in a thousand. */
static void say(const struct model_run *run, int64_t began_ms)
{
    static const char *const names[DEEDS] = {"created",
                                             "created in batches",
                                             "confirmed",
                                             "taken again when expired",
                                             "cancelled",
                                             "cancelled in part",
                                             "fulfilled",
                                             "fulfilled in part",
                                             "stock adjusted",
                                             "stock set",
                                             "holds ended",
                                             "refused",
                                             "asked a second time"};
    size_t asked = 0, deeds[DEEDS] = {0};
    for (int i = 0; i < MODEL_CALLERS; i++) {
        asked += run->callers[i].asked;
        for (int deed = 0; deed < DEEDS; deed++) {
            deeds[deed] += run->callers[i].deeds[deed];
        }
    }
    (void)fprintf(stderr, "%zu commands in %lld ms, %zu problems:", asked,
                  (long long)(clock_monotonic_ms(clock_system()) - began_ms),
                  atomic_load(&run->problems));
    for (int deed = 0; deed < DEEDS; deed++) {
        (void)fprintf(stderr, "%s %zu %s", deed > 0 ? "," : "", deeds[deed], names[deed]);
    }
    (void)fprintf(stderr, "\n");
    for (int deed = 0; deed < DEEDS; deed++) {
        assert_true(deeds[deed] > asked / 1000);
    }
}

static bool has_stock(void *state)
{
    struct model_run *run = state;
    for (int i = 0; i < MODEL_PRODUCTS; i++) {
        if (system_available(run->system, run->products[i].id) < 0) {
            return false;
        }
    }
    return stores_redis_int(run->system->redis_url, "HGET", "{s0}:meta", "epoch") > 1;
}

/* What PostgreSQL knows makes the same stock and the same counters, and it goes on from there. */
static void lose_redis(struct model_run *run)
{
    char path[128];
    process_kill(&the_system.redis);
    (void)snprintf(path, sizeof path, "%s/appendonlydir", the_system.directory);
    remove_directory(path);
    system_start_redis(&the_system);
    assert_true(wait_until(has_stock, run, REOPEN_TIMEOUT_MS));
    model_run_lost_redis(run);
    model_run_compare_redis(run);
    model_run_round(run, COMMANDS_REOPENED);
}

static void test_random_commands_of_eight_callers_agree_with_the_model(void **state)
{
    (void)state;
    static struct model_run run;
    int64_t began_ms = clock_monotonic_ms(clock_system());
    model_run_init(&run, &the_system, "m", seed);
    size_t commands = chosen_commands();
    for (size_t done = 0; done < commands; done += COMMANDS_A_ROUND) {
        model_run_round(&run,
                        commands - done < COMMANDS_A_ROUND ? commands - done : COMMANDS_A_ROUND);
    }
    say(&run, began_ms);
    lose_redis(&run);
    assert_int_equal(atomic_load(&run.problems), 0);
    system_assert_books(&the_system);
    model_run_fini(&run);
}

/* A model that is wrong in one rule does not agree. */
static void test_each_wrong_rule_is_seen(void **state)
{
    (void)state;
    for (int canary = CANARY_NONE + 1; canary < CANARIES; canary++) {
        static struct model_run run;
        char name[24];
        (void)snprintf(name, sizeof name, "wrong%d", canary);
        model_canary = (enum model_canary)canary;
        model_run_init(&run, &the_system, name, seed + (uint64_t)canary);
        for (int i = 0; i < ROUNDS_CANARY && atomic_load(&run.problems) == 0; i++) {
            model_run_round(&run, COMMANDS_CANARY);
        }
        (void)fprintf(stderr, "wrong rule %d: %zu problems, such as: %s\n", canary,
                      atomic_load(&run.problems), run.first_problem);
        model_canary = CANARY_NONE;
        assert_true(atomic_load(&run.problems) > 0);
        model_run_fini(&run);
    }
    system_assert_books(&the_system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_wrong_rule_is_seen),
        cmocka_unit_test(test_random_commands_of_eight_callers_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
