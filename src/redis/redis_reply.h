/* Redis replies as views: what hiredis' reader parses is built right into one arena, without an
 * allocation for each reply. Called by redis_link.c.
 * Always: what `all` points to stays until the next begin, whatever becomes of the connection. */
#pragma once

#include "base/arena.h"
#include "redis/redis_link.h"

struct redisReader;

struct redis_replies {
    struct arena arena;
    struct redis_reply *all; /* all[0 .. expected-1]; the first `received` are filled */
    size_t expected, received;
};

void redis_replies_init(struct redis_replies *replies);
void redis_replies_fini(struct redis_replies *replies);
/* Forgets the old ones and expects `count`. False when memory is out. */
bool redis_replies_begin(struct redis_replies *replies, size_t count);
/* Makes the reader (of a new connection) build into `replies`, which must not move. */
void redis_replies_attach(struct redis_replies *replies, struct redisReader *reader);
/* Parses what came from the socket. NULL, or why the connection is of no use any more. */
const char *redis_replies_take(struct redis_replies *replies, struct redisReader *reader,
                               const char *data, size_t size);
/* Whether one of them (not within arrays) is an error of this code. */
bool redis_replies_have_error(const struct redis_replies *replies, const char *code);
