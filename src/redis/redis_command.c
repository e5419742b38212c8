/* See redis_command.h. */
#include "redis/redis_command.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM_BYTES (64 * 1024)
#define KEPT_ROOM_BYTES  (4 * 1024 * 1024) /* 256 usual decisions are a tenth of it */
#define DIGITS_MAX       20
#define HEAD_BYTES       (DIGITS_MAX + 3) /* '*' or '$', digits, CR LF */

static bool make_room(struct redis_commands *commands, size_t need);
static uint8_t *put_head(uint8_t *to, char kind, size_t number);
static size_t print_digits(uint64_t number, char digits[DIGITS_MAX]);

void redis_commands_fini(struct redis_commands *commands)
{
    free(commands->data);
    *commands = (struct redis_commands){0};
}

void redis_commands_clear(struct redis_commands *commands)
{
    if (commands->room > KEPT_ROOM_BYTES) {
        redis_commands_fini(commands);
    }
    commands->size = 0;
    commands->count = 0;
    commands->missing = 0;
    commands->failed = false;
}

void redis_commands_begin(struct redis_commands *commands, size_t argument_count)
{
    assert(argument_count > 0 && commands->missing == 0);
    commands->count++;
    commands->missing = argument_count;
    if (make_room(commands, HEAD_BYTES)) {
        uint8_t *end = put_head(commands->data + commands->size, '*', argument_count);
        commands->size = (size_t)(end - commands->data);
    }
}

void redis_commands_put(struct redis_commands *commands, struct bytes argument)
{
    redis_commands_put_joined(commands, argument, (struct bytes){0});
}

void redis_commands_put_joined(struct redis_commands *commands, struct bytes head,
                               struct bytes tail)
{
    assert(commands->missing > 0);
    commands->missing--;
    size_t size = head.size + tail.size;
    if (!make_room(commands, size + HEAD_BYTES + 2)) {
        return;
    }
    uint8_t *to = put_head(commands->data + commands->size, '$', size);
    if (head.size > 0) {
        memcpy(to, head.data, head.size);
    }
    if (tail.size > 0) {
        memcpy(to + head.size, tail.data, tail.size);
    }
    to += size;
    *to++ = '\r';
    *to++ = '\n';
    commands->size = (size_t)(to - commands->data);
}

void redis_commands_put_int(struct redis_commands *commands, int64_t number)
{
    char text[DIGITS_MAX + 1] = "-";
    char *digits = number < 0 ? text + 1 : text;
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    size_t count = print_digits(size, digits) + (size_t)(digits - text);
    redis_commands_put(commands, bytes_of(text, count));
}

void redis_commands_add_texts(struct redis_commands *commands, va_list texts)
{
    va_list counted;
    va_copy(counted, texts);
    size_t count = 0;
    while (va_arg(counted, const char *) != NULL) {
        count++;
    }
    va_end(counted);
    redis_commands_begin(commands, count);
    for (size_t i = 0; i < count; i++) {
        redis_commands_put(commands, bytes_of_text(va_arg(texts, const char *)));
    }
}

static bool make_room(struct redis_commands *commands, size_t need)
{
    if (commands->failed) {
        return false;
    }
    if (commands->room - commands->size >= need) {
        return true;
    }
    size_t room = commands->room > 0 ? commands->room * 2 : FIRST_ROOM_BYTES;
    while (room - commands->size < need) {
        room *= 2;
    }
    uint8_t *data = realloc(commands->data, room);
    if (data == NULL) {
        commands->failed = true;
        return false;
    }
    commands->data = data;
    commands->room = room;
    return true;
}

static uint8_t *put_head(uint8_t *to, char kind, size_t number)
{
    char digits[DIGITS_MAX];
    size_t count = print_digits(number, digits);
    *to++ = (uint8_t)kind;
    memcpy(to, digits, count);
    to += count;
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

static size_t print_digits(uint64_t number, char digits[DIGITS_MAX])
{
    char backwards[DIGITS_MAX];
    size_t count = 0;
    do {
        backwards[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < count; i++) {
        digits[i] = backwards[count - 1 - i];
    }
    return count;
}
