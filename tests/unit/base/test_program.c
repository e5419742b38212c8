#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/program.h"
#include "base/stop.h"
#include "tests/cmocka_all.h"

static enum status load(void *config, int argc, char *const *argv, struct failure *failure)
{
    *(int *)config = argc;
    return argc > 1 && strcmp(argv[1], "--bad") == 0
               ? failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID", "bad")
               : STATUS_OK;
}

static void help(FILE *out)
{
    (void)fputs("  --key\n", out);
}

static void print(const void *config, FILE *out)
{
    (void)fprintf(out, "arguments=%d\n", *(const int *)config);
}

static enum log_level level(const void *config)
{
    (void)config;
    return LOG_ERROR;
}

static int run(const void *config)
{
    stop_request();
    return stop_wait(-1) ? 40 + *(const int *)config : 1;
}

/* In a process of its own: signals are set up once. */
static int run_with(const char *first, const char *second)
{
    int config;
    const struct program program = {"toy", "Plays.", &config, load, help, print, level, run};
    char name[] = "toy";
    char *argv[] = {name, first != NULL ? strdup(first) : NULL,
                    second != NULL ? strdup(second) : NULL, NULL};
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        _exit(program_main(&program, first == NULL ? 1 : (second == NULL ? 2 : 3), argv));
    }
    free(argv[1]);
    free(argv[2]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_runs_with_its_settings_until_it_is_stopped(void **state)
{
    (void)state;
    assert_int_equal(run_with(NULL, NULL), 41);
    assert_int_equal(run_with("--key=1", NULL), 42);
}

static void test_questions_are_answered_and_nothing_runs(void **state)
{
    (void)state;
    assert_int_equal(run_with("--help", NULL), 0);
    assert_int_equal(run_with("-h", NULL), 0);
    assert_int_equal(run_with("--version", NULL), 0);
    assert_int_equal(run_with("--print-config", NULL), 0);
    assert_int_equal(run_with("--key=1", "--print-config"), 0);
}

static void test_settings_that_cannot_be_used_end_it(void **state)
{
    (void)state;
    assert_int_equal(run_with("--bad", NULL), PROGRAM_EXIT_USAGE);
    assert_int_equal(run_with("--bad", "--print-config"), PROGRAM_EXIT_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_with_its_settings_until_it_is_stopped),
        cmocka_unit_test(test_questions_are_answered_and_nothing_runs),
        cmocka_unit_test(test_settings_that_cannot_be_used_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
