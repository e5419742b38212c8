#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "tests/cmocka_all.h"

struct values {
    const char *url;
    int64_t lanes;
    bool quick;
};

static const struct config_entry TABLE[] = {
    {"url", "TEST_CONFIG_URL", CONFIG_TEXT, offsetof(struct values, url), "here", 0, 0, "", true,
     "where to go"},
    {"lanes", "TEST_CONFIG_LANES", CONFIG_INT, offsetof(struct values, lanes), "2", 1, 64, "lanes",
     false, "how many"},
    {"quick", "TEST_CONFIG_QUICK", CONFIG_BOOL, offsetof(struct values, quick), "false", 0, 0, "",
     false, "or not"},
};
#define COUNT (sizeof TABLE / sizeof TABLE[0])

static enum status load(struct values *values, struct failure *failure, const char *argument)
{
    char name[] = "program";
    char copy[64];
    (void)snprintf(copy, sizeof copy, "%s", argument != NULL ? argument : "");
    char *argv[] = {name, copy, NULL};
    return config_load(TABLE, COUNT, values, argument != NULL ? 2 : 1, argv, failure);
}

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        unsetenv(TABLE[i].environment);
    }
    return 0;
}

static void test_defaults_then_environment_then_arguments(void **state)
{
    (void)state;
    struct values values;
    struct failure failure;
    assert_int_equal(load(&values, &failure, NULL), STATUS_OK);
    assert_string_equal(values.url, "here");
    assert_int_equal(values.lanes, 2);
    assert_false(values.quick);
    setenv("TEST_CONFIG_LANES", "7", 1);
    setenv("TEST_CONFIG_QUICK", "yes", 1);
    setenv("TEST_CONFIG_URL", "", 1); /* empty is not given */
    assert_int_equal(load(&values, &failure, NULL), STATUS_OK);
    assert_int_equal(values.lanes, 7);
    assert_true(values.quick);
    assert_string_equal(values.url, "here");
    assert_int_equal(load(&values, &failure, "--lanes=9"), STATUS_OK);
    assert_int_equal(values.lanes, 9);
}

static void test_ranges_hold_on_both_sides(void **state)
{
    (void)state;
    struct values values;
    struct failure failure;
    assert_int_equal(load(&values, &failure, "--lanes=1"), STATUS_OK);
    assert_int_equal(load(&values, &failure, "--lanes=64"), STATUS_OK);
    const char *bad[] = {
        "--lanes=0",    "--lanes=65", "--lanes=", "--lanes=2x", "--lanes=99999999999999999999",
        "--quick=maybe"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(load(&values, &failure, bad[i]), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "CONFIG_INVALID");
    }
}

static void test_unknown_settings_are_refused(void **state)
{
    (void)state;
    struct values values;
    struct failure failure;
    const char *bad[] = {"--lane=1", "--lanesx=1", "lanes=1", "--lanes", "-h", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(load(&values, &failure, bad[i]), STATUS_INVALID_ARGUMENT);
    }
}

static void test_secrets_are_not_printed(void **state)
{
    (void)state;
    struct values values = {"amqp://user:password@host", 3, true};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    config_print(TABLE, COUNT, &values, out);
    config_help(TABLE, COUNT, out);
    (void)fclose(out);
    assert_null(strstr(text, "password"));
    assert_non_null(strstr(text, "url=***\nlanes=3\nquick=true\n"));
    assert_non_null(strstr(text, "1 to 64"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults_then_environment_then_arguments, clear_environment),
        cmocka_unit_test_setup(test_ranges_hold_on_both_sides, clear_environment),
        cmocka_unit_test_setup(test_unknown_settings_are_refused, clear_environment),
        cmocka_unit_test_setup(test_secrets_are_not_printed, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
