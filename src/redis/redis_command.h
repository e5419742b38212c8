/* Redis commands as bytes: the pipeline that redis_link sends, in one growing buffer.
 * Called by redis_link.c. Every argument carries its length, so what users sent is never syntax.
 * Always: when memory runs out `failed` is set and stays until the clear; check it before sending.
 */
#pragma once

#include <stdarg.h>

#include "base/bytes.h"

struct redis_commands {
    uint8_t *data;
    size_t size, room;
    size_t count;   /* of commands */
    size_t missing; /* arguments that the last one still needs */
    bool failed;
};

void redis_commands_fini(struct redis_commands *commands);
/* Empties it; what one large pipeline needed is not kept for ever. */
void redis_commands_clear(struct redis_commands *commands);
/* A command: begin, then exactly argument_count puts. */
void redis_commands_begin(struct redis_commands *commands, size_t argument_count);
void redis_commands_put(struct redis_commands *commands, struct bytes argument);
/* One argument of two pieces. */
void redis_commands_put_joined(struct redis_commands *commands, struct bytes head,
                               struct bytes tail);
void redis_commands_put_int(struct redis_commands *commands, int64_t number);
/* A whole one of texts, up to a NULL. */
void redis_commands_add_texts(struct redis_commands *commands, va_list texts);
