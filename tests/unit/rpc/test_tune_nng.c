/* Which nng will do, on both sides of the limit; and that nng runs as it was tuned. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "rpc/channel.h"
#include "rpc/tune_nng.h"
#include "tests/cmocka_all.h"

/* Threads name themselves when they first run. */
#define NAMING_MS_MAX 1000

struct threads {
    long tasks;   /* nng's, that callbacks run on */
    long unnamed; /* as the program: not named yet, or none of nng's */
};

static void test_old_ones_are_refused(void **state)
{
    (void)state;
    static const char *const old[] = {"1.7.3", "1.5.2", "1.0.0", "0.9.0", "1", ""};
    for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
        struct failure failure;
        assert_int_equal(tune_nng_check(old[i], &failure), STATUS_FAILED_PRECONDITION);
        assert_string_equal(failure.reason, "NNG_TOO_OLD");
        assert_non_null(strstr(failure.message, "install 1.8 or newer"));
    }
}

static void test_new_ones_are_not(void **state)
{
    (void)state;
    static const char *const new[] = {"1.8.0", "1.8", "1.10.1", "1.11.0", "2.0.0"};
    for (size_t i = 0; i < sizeof new / sizeof new[0]; i++) {
        assert_int_equal(tune_nng_check(new[i], NULL), STATUS_OK);
    }
}

static void test_what_is_loaded_here_will_do(void **state)
{
    (void)state;
    assert_int_equal(tune_nng_check_loaded(NULL), STATUS_OK);
}

static void note_thread(const char *id, struct threads *threads)
{
    char path[64], name[32] = "";
    (void)snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", id);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(name, sizeof name, file) == NULL) {
        name[0] = '\0'; /* it has ended */
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    threads->tasks += strncmp(name, "nng:task", 8) == 0;
    threads->unnamed += strncmp(name, "nng:", 4) != 0;
}

static struct threads count_threads(void)
{
    struct threads threads = {0};
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *entry = readdir(tasks); entry != NULL; entry = readdir(tasks)) {
        if (entry->d_name[0] != '.') {
            note_thread(entry->d_name, &threads);
        }
    }
    (void)closedir(tasks);
    return threads;
}

/* A channel is all of nng that a client uses: it must not start nng before it is tuned. */
static void test_a_channel_runs_on_one_task_thread_a_core(void **state)
{
    (void)state;
    const struct rpc_channel_options options = {.endpoint = "ipc:///nowhere/tune.sock"};
    struct rpc_channel *channel;
    assert_int_equal(rpc_channel_open(&options, &channel, NULL), STATUS_OK);
    int64_t end_ms = clock_monotonic_ms(clock_system()) + NAMING_MS_MAX;
    struct threads threads = count_threads();
    while (threads.unnamed > 1 && clock_monotonic_ms(clock_system()) < end_ms) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        threads = count_threads();
    }
    rpc_channel_close(&channel);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    assert_true(threads.tasks <= (cores < 2 ? 2 : cores > 8 ? 8 : cores));
    assert_true(threads.tasks > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_ones_are_refused),
        cmocka_unit_test(test_new_ones_are_not),
        cmocka_unit_test(test_what_is_loaded_here_will_do),
        cmocka_unit_test(test_a_channel_runs_on_one_task_thread_a_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
