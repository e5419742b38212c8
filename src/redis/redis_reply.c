/* See redis_reply.h. */
#include "redis/redis_reply.h"

#include <hiredis/read.h>
#include <string.h>

#define FIRST_BYTES (256 * 1024)         /* 1,000 records of 200 bytes */
#define BYTES_MAX   (1024 * 1024 * 1024) /* Redis is ours, but not without a bound */

static redisReplyObjectFunctions views;

void redis_replies_init(struct redis_replies *replies)
{
    *replies = (struct redis_replies){0};
    arena_init(&replies->arena, FIRST_BYTES, BYTES_MAX);
}

void redis_replies_fini(struct redis_replies *replies)
{
    arena_fini(&replies->arena);
}

bool redis_replies_begin(struct redis_replies *replies, size_t count)
{
    arena_reset(&replies->arena);
    replies->received = 0;
    replies->expected = 0;
    replies->all = arena_calloc(&replies->arena, count, sizeof *replies->all);
    if (replies->all == NULL) {
        return false;
    }
    replies->expected = count;
    return true;
}

void redis_replies_attach(struct redis_replies *replies, struct redisReader *reader)
{
    reader->fn = &views;
    reader->privdata = replies;
}

const char *redis_replies_take(struct redis_replies *replies, struct redisReader *reader,
                               const char *data, size_t size)
{
    if (redisReaderFeed(reader, data, size) != REDIS_OK) {
        return "the reply cannot be read";
    }
    while (replies->received < replies->expected) {
        void *reply = NULL;
        if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
            return "the reply cannot be read";
        }
        if (reply == NULL) {
            return NULL; /* the rest has not come yet */
        }
        replies->received++;
    }
    return reader->pos == reader->len ? NULL : "more replies than commands";
}

bool redis_replies_have_error(const struct redis_replies *replies, const char *code)
{
    for (size_t i = 0; i < replies->received; i++) {
        if (redis_reply_is_error(&replies->all[i], code)) {
            return true;
        }
    }
    return false;
}

bool redis_reply_is_error(const struct redis_reply *reply, const char *code)
{
    size_t size = strlen(code);
    return reply->type == REDIS_ERROR && reply->text.size >= size &&
           memcmp(reply->text.data, code, size) == 0 &&
           (reply->text.size == size || reply->text.data[size] == ' ');
}

/* hiredis keeps what these return as the task's object: for an array its elements, so that they
 * find their places; where a reply itself is, slot_of says. */
static struct redis_reply *slot_of(const redisReadTask *task)
{
    if (task->parent != NULL) {
        struct redis_reply *siblings = task->parent->obj;
        return &siblings[task->idx];
    }
    struct redis_replies *replies = task->privdata;
    return &replies->all[replies->received];
}

static void *view_string(const redisReadTask *task, char *text, size_t size)
{
    struct redis_replies *replies = task->privdata;
    struct redis_reply *reply = slot_of(task);
    reply->type = task->type == REDIS_REPLY_ERROR ? REDIS_ERROR : REDIS_TEXT;
    reply->text = arena_copy(&replies->arena, bytes_of(text, size));
    return reply->text.data != NULL ? reply : NULL;
}

static void *view_array(const redisReadTask *task, size_t count)
{
    struct redis_replies *replies = task->privdata;
    struct redis_reply *elements = arena_calloc(&replies->arena, count, sizeof *elements);
    *slot_of(task) = (struct redis_reply){
        .type = REDIS_ARRAY, .elements = elements, .count = elements != NULL ? count : 0};
    return elements;
}

static void *view_integer(const redisReadTask *task, long long integer)
{
    struct redis_reply *reply = slot_of(task);
    reply->type = REDIS_INTEGER;
    reply->integer = integer;
    return reply;
}

static void *view_nil(const redisReadTask *task)
{
    struct redis_reply *reply = slot_of(task);
    reply->type = REDIS_NIL;
    return reply;
}

static void forget(void *reply)
{
    (void)reply; /* the arena's */
}

/* Doubles and booleans are RESP3, which is not asked for. */
static redisReplyObjectFunctions views = {
    .createString = view_string,
    .createArray = view_array,
    .createInteger = view_integer,
    .createNil = view_nil,
    .freeObject = forget,
};
