#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/cmocka_all.h"

/* What was written to standard error since begin(). */
static int saved_stderr = -1;
static int pipe_ends[2];

static void begin(void)
{
    assert_int_equal(pipe(pipe_ends), 0);
    saved_stderr = dup(STDERR_FILENO);
    (void)dup2(pipe_ends[1], STDERR_FILENO);
    (void)close(pipe_ends[1]);
}

static void end(char *out, size_t room)
{
    (void)dup2(saved_stderr, STDERR_FILENO);
    (void)close(saved_stderr);
    ssize_t size = read(pipe_ends[0], out, room - 1);
    out[size > 0 ? size : 0] = '\0';
    (void)close(pipe_ends[0]);
}

static void test_a_line_is_time_level_program_event_pairs(void **state)
{
    (void)state;
    char text[4096];
    begin();
    log_init("order-test", LOG_INFO);
    log_line(LOG_INFO, "listening", "endpoint", "tcp://127.0.0.1:1", "lanes", LOG_INT(-4), "none",
             NULL, "sentence", "two words", NULL);
    end(text, sizeof text);
    assert_int_equal(text[23], 'Z');
    /* A NULL value is "-", and the pairs after it still come. */
    assert_string_equal(text + 25, "info  order-test listening endpoint=tcp://127.0.0.1:1 lanes=-4 "
                                   "none=- sentence=\"two words\"\n");
}

static void test_a_value_cannot_forge_a_line(void **state)
{
    (void)state;
    char text[4096];
    begin();
    log_line(LOG_WARN, "odd", "value", "a\nb\"c\\d\x1b[0m", "empty", "", NULL);
    end(text, sizeof text);
    assert_non_null(strstr(text, "value=\"a\\x0ab\\\"c\\\\d\\x1b[0m\" empty=\"\"\n"));
}

static void test_a_long_line_is_cut(void **state)
{
    (void)state;
    char text[8192];
    char value[5000];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    begin();
    log_line(LOG_ERROR, "long", "value", value, NULL);
    end(text, sizeof text);
    size_t size = strlen(text);
    assert_int_equal(size, 2048);
    assert_string_equal(text + size - 4, "...\n");
}

static void test_levels(void **state)
{
    (void)state;
    char text[64];
    begin();
    log_init("order-test", LOG_WARN);
    log_line(LOG_INFO, "quiet", NULL);
    end(text, sizeof text);
    assert_string_equal(text, "");
    assert_int_equal(log_level_parse("debug"), LOG_DEBUG);
    assert_int_equal(log_level_parse("error"), LOG_ERROR);
    assert_int_equal(log_level_parse("loud"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_time_level_program_event_pairs),
        cmocka_unit_test(test_a_value_cannot_forge_a_line),
        cmocka_unit_test(test_a_long_line_is_cut),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
