#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "worker/worker_config.h"

static void test_defaults_are_in_range(void **state)
{
    (void)state;
    struct worker_config config;
    char *argv[] = {(char[]){"order-worker"}, NULL};
    assert_int_equal(worker_config_load(1, argv, &config, NULL), STATUS_OK);
    assert_string_equal(config.broker.queue, "orders.persist");
    assert_int_equal(config.lanes, 1);
    assert_int_equal(config.batch_events, 1024);
}

static void test_the_command_line_wins_over_the_environment(void **state)
{
    (void)state;
    struct worker_config config;
    char *argv[] = {(char[]){"order-worker"}, (char[]){"--lanes=3"}, NULL};
    assert_int_equal(setenv("ORDER_WORKER_LANES", "2", 1), 0);
    assert_int_equal(setenv("ORDER_QUEUE", "mine", 1), 0);
    assert_int_equal(worker_config_load(2, argv, &config, NULL), STATUS_OK);
    assert_int_equal(config.lanes, 3);
    assert_string_equal(config.broker.queue, "mine");
    assert_int_equal(unsetenv("ORDER_WORKER_LANES"), 0);
    assert_int_equal(unsetenv("ORDER_QUEUE"), 0);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    static char bad[][40] = {"--lanes=0",        "--lanes=65",      "--batch-events=0",
                             "--prefetch=70000", "--log-level=all", "--nothing=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct worker_config config;
        struct failure failure;
        char *argv[] = {(char[]){"order-worker"}, bad[i], NULL};
        assert_int_equal(worker_config_load(2, argv, &config, &failure), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "CONFIG_INVALID");
    }
}

static void test_urls_are_not_printed(void **state)
{
    (void)state;
    struct worker_config config;
    char *argv[] = {(char[]){"order-worker"}, (char[]){"--database-url=postgres://u:secret@h/d"},
                    NULL};
    assert_int_equal(worker_config_load(2, argv, &config, NULL), STATUS_OK);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    worker_config_print(&config, out);
    worker_config_help(out);
    (void)fclose(out);
    assert_null(strstr(text, "secret"));
    assert_non_null(strstr(text, "ORDER_WORKER_HOLD_MS"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_in_range),
        cmocka_unit_test(test_the_command_line_wins_over_the_environment),
        cmocka_unit_test(test_nonsense_is_refused),
        cmocka_unit_test(test_urls_are_not_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
