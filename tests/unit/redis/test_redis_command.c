#include <stdlib.h>
#include <string.h>

#include "redis/redis_command.h"
#include "tests/cmocka_all.h"

static void holds(const struct redis_commands *commands, const char *text)
{
    assert_int_equal(commands->size, strlen(text));
    assert_memory_equal(commands->data, text, strlen(text));
}

static void add_texts(struct redis_commands *commands, ...)
{
    va_list texts;
    va_start(texts, commands);
    redis_commands_add_texts(commands, texts);
    va_end(texts);
}

static void test_arguments_carry_their_lengths(void **state)
{
    (void)state;
    struct redis_commands commands = {0};
    redis_commands_begin(&commands, 4);
    redis_commands_put(&commands, bytes_of_text("SET"));
    redis_commands_put_joined(&commands, bytes_of_text("key:"), bytes_of_text("\r\n"));
    redis_commands_put(&commands, (struct bytes){0});
    redis_commands_put_joined(&commands, (struct bytes){0}, bytes_of_text("x"));
    holds(&commands, "*4\r\n$3\r\nSET\r\n$6\r\nkey:\r\n\r\n$0\r\n\r\n$1\r\nx\r\n");
    assert_int_equal(commands.count, 1);
    assert_int_equal(commands.missing, 0);
    redis_commands_fini(&commands);
}

static void test_numbers_are_decimal(void **state)
{
    (void)state;
    struct redis_commands commands = {0};
    redis_commands_begin(&commands, 5);
    redis_commands_put_int(&commands, 0);
    redis_commands_put_int(&commands, -7);
    redis_commands_put_int(&commands, 1234567890);
    redis_commands_put_int(&commands, INT64_MAX);
    redis_commands_put_int(&commands, INT64_MIN);
    holds(&commands,
          "*5\r\n$1\r\n0\r\n$2\r\n-7\r\n$10\r\n1234567890\r\n$19\r\n9223372036854775807\r\n"
          "$20\r\n-9223372036854775808\r\n");
    redis_commands_fini(&commands);
}

static void test_texts_end_with_null(void **state)
{
    (void)state;
    struct redis_commands commands = {0};
    add_texts(&commands, "PING", NULL);
    add_texts(&commands, "GET", "k", NULL);
    holds(&commands, "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    assert_int_equal(commands.count, 2);
    redis_commands_clear(&commands);
    assert_int_equal(commands.count + commands.size, 0);
    assert_true(commands.room > 0);
    redis_commands_fini(&commands);
}

static void test_it_grows_and_does_not_keep_what_one_pipeline_needed(void **state)
{
    (void)state;
    struct redis_commands commands = {0};
    size_t size = 5 * 1024 * 1024;
    uint8_t *large = calloc(1, size);
    assert_non_null(large);
    for (int i = 0; i < 100; i++) {
        add_texts(&commands, "GET", "k", NULL);
    }
    redis_commands_begin(&commands, 1);
    redis_commands_put(&commands, bytes_of(large, size));
    assert_false(commands.failed);
    assert_int_equal(commands.size, 100 * 20 + 4 + 10 + size + 2);
    redis_commands_clear(&commands);
    assert_int_equal(commands.room, 0);
    free(large);
    redis_commands_fini(&commands);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_carry_their_lengths),
        cmocka_unit_test(test_numbers_are_decimal),
        cmocka_unit_test(test_texts_end_with_null),
        cmocka_unit_test(test_it_grows_and_does_not_keep_what_one_pipeline_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
