/* Settings: what is understood, and what is refused with a sentence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/server_config.h"
#include "tests/cmocka_all.h"

static struct server_config config;
static struct failure failure;

static enum status load(const char *argument)
{
    char program[] = "order-server", text[1200];
    char *argv[] = {program, text, NULL};
    (void)snprintf(text, sizeof text, "%s", argument);
    static char kept[1200];
    memcpy(kept, text, sizeof kept);
    argv[1] = kept;
    return server_config_load(&config, argument[0] == '\0' ? 1 : 2, argv, &failure);
}

static void test_defaults_are_complete(void **state)
{
    (void)state;
    assert_int_equal(load(""), STATUS_OK);
    assert_int_equal(config.endpoint_count, 1);
    assert_string_equal(config.endpoints[0], "tcp://127.0.0.1:7400");
    assert_string_equal(config.cache_redis_url, config.redis_url);
    assert_non_null(strchr(config.server_id, ':'));
    assert_int_equal(config.log, LOG_INFO);
    /* The relay must not take over what a lane still waits for (BOOK_LIMITS_DEFAULT). */
    assert_true(config.publish_timeout_ms < 5000);
}

static void test_endpoints_are_split_at_commas(void **state)
{
    (void)state;
    assert_int_equal(load("--listen=tcp://127.0.0.1:1,ipc:///tmp/x"), STATUS_OK);
    assert_int_equal(config.endpoint_count, 2);
    assert_string_equal(config.endpoints[1], "ipc:///tmp/x");
    assert_int_equal(load("--listen=a,b,c,d,e,f,g,h"), STATUS_OK);
    assert_int_equal(config.endpoint_count, SERVER_ENDPOINTS_MAX);
}

static void test_what_cannot_be_used_is_refused(void **state)
{
    (void)state;
    static const char *const arguments[] = {
        "--listen=",
        "--listen=a,",
        "--listen=a,b,c,d,e,f,g,h,i",
        "--listen=,",
        "--log-level=loud",
        "--batch=0",
        "--batch=257",
        "--write-lanes=two",
        "--publish-timeout-ms=5000",
        "--nothing=1",
        "listen",
        "--server-id=0123456789012345678901234567890123456789012345678901234567890123",
    };
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        assert_int_equal(load(arguments[i]), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "CONFIG_INVALID");
        assert_true(strlen(failure.message) > 10);
    }
}

static void test_passwords_are_not_printed(void **state)
{
    (void)state;
    char *printed;
    size_t size;
    assert_int_equal(load("--database-url=postgresql://u:hunter2@h/d"), STATUS_OK);
    FILE *out = open_memstream(&printed, &size);
    server_config_print(&config, out);
    server_config_help(out);
    (void)fclose(out);
    assert_null(strstr(printed, "hunter2"));
    assert_non_null(strstr(printed, "write-lanes=2"));
    assert_non_null(strstr(printed, "ORDER_SERVER_LISTEN"));
    free(printed);
}

int main(void)
{
    static const char *const names[] = {"ORDER_SERVER_LISTEN", "DATABASE_URL", "REDIS_URL",
                                        "CACHE_REDIS_URL",     "RABBITMQ_URL", "ORDER_SERVER_ID",
                                        "ORDER_LOG_LEVEL"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)unsetenv(names[i]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_complete),
        cmocka_unit_test(test_endpoints_are_split_at_commas),
        cmocka_unit_test(test_what_cannot_be_used_is_refused),
        cmocka_unit_test(test_passwords_are_not_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
