/* A Redis connection that answers what the test has written down. Linked in place of
 * redis/redis_link.c and redis_reply.c. */
#pragma once

#include "redis/redis_link.h"

#define FAKE_REDIS_COMMANDS_MAX  64
#define FAKE_REDIS_EXCHANGES_MAX 8

struct fake_redis {
    /* One an exchange, in order; what is not written is an empty answer that fails the exchange. */
    struct {
        enum status status;
        struct redis_reply replies[FAKE_REDIS_COMMANDS_MAX];
    } script[FAKE_REDIS_EXCHANGES_MAX];
    int exchanges;

    /* The commands of the last exchange, arguments joined by spaces. */
    char commands[FAKE_REDIS_COMMANDS_MAX][2048];
    size_t arguments[FAKE_REDIS_COMMANDS_MAX];
    size_t command_count;
    bool sent; /* the next add starts a new list */
};
extern struct fake_redis fake_redis;

void fake_redis_reset(void);
struct redis_reply fake_redis_text(const char *text, size_t size);
struct redis_reply fake_redis_error(const char *text);
