/* See fake_redis.h. */
#include "tests/fakes/fake_redis.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/cmocka_all.h"

struct fake_redis fake_redis;

void fake_redis_reset(void)
{
    memset(&fake_redis, 0, sizeof fake_redis);
}

struct redis_reply fake_redis_text(const char *text, size_t size)
{
    return (struct redis_reply){.type = REDIS_TEXT, .text = bytes_of(text, size)};
}

struct redis_reply fake_redis_error(const char *text)
{
    return (struct redis_reply){.type = REDIS_ERROR, .text = bytes_of_text(text)};
}

static void start_command(void)
{
    if (fake_redis.sent) {
        fake_redis.sent = false;
        fake_redis.command_count = 0;
    }
    assert_true(fake_redis.command_count < FAKE_REDIS_COMMANDS_MAX);
    fake_redis.commands[fake_redis.command_count][0] = '\0';
    fake_redis.arguments[fake_redis.command_count++] = 0;
}

static void add_argument(struct bytes argument)
{
    char *command = fake_redis.commands[fake_redis.command_count - 1];
    size_t used = strlen(command), room = sizeof fake_redis.commands[0] - used;
    (void)snprintf(command + used, room, "%s%.*s",
                   fake_redis.arguments[fake_redis.command_count - 1]++ > 0 ? " " : "",
                   (int)argument.size, (const char *)argument.data);
}

void redis_link_add(struct redis_link *link, const struct bytes *arguments, size_t count)
{
    (void)link;
    start_command();
    for (size_t i = 0; i < count; i++) {
        add_argument(arguments[i]);
    }
}

void redis_link_add_text(struct redis_link *link, ...)
{
    va_list arguments;
    const char *text;
    start_command();
    va_start(arguments, link);
    while ((text = va_arg(arguments, const char *)) != NULL) {
        add_argument(bytes_of_text(text));
    }
    va_end(arguments);
}

enum status redis_link_exchange(struct redis_link *link, int64_t deadline_ms,
                                const struct redis_reply **replies_out, struct failure *failure)
{
    (void)link, (void)deadline_ms;
    assert_true(fake_redis.exchanges < FAKE_REDIS_EXCHANGES_MAX);
    int at = fake_redis.exchanges++;
    fake_redis.sent = true;
    if (fake_redis.script[at].status != STATUS_OK) {
        return failure_set(failure, fake_redis.script[at].status, "FAKE_REDIS", "as the test says");
    }
    *replies_out = fake_redis.script[at].replies;
    return STATUS_OK;
}

bool redis_reply_is_error(const struct redis_reply *reply, const char *code)
{
    size_t size = strlen(code);
    return reply->type == REDIS_ERROR && reply->text.size >= size &&
           memcmp(reply->text.data, code, size) == 0;
}
