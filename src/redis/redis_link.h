/* Redis link: one connection, used by one thread, in pipelines.
 * Called by redis/book.c (stock, orders, outbox) and server/product_cache_redis.c; with
 * redis_reply.c the only file that knows hiredis. Always: after any error or timeout the connection
 * is dropped, because a late reply would answer the next command; the next use connects again (not
 * more often than the backoff allows). User bytes are only ever arguments with a length, never part
 * of a format. A pipeline that failed after it was sent may have been executed: STATUS_UNKNOWN says
 * so, STATUS_UNAVAILABLE says it never left. */
#pragma once

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"

struct redis_link;

struct redis_link_options {
    const char *url; /* see redis_url.h */
    int64_t connect_timeout_ms;
    int64_t command_timeout_ms; /* for a whole pipeline */
    const struct clock *clock;
};

enum redis_type {
    REDIS_NIL,
    REDIS_INTEGER,
    REDIS_TEXT, /* strings and simple strings */
    REDIS_ARRAY,
    REDIS_ERROR, /* text says which: "NOSCRIPT ...", "OOM ...", ... */
};

/* A view of a reply; valid until the link's next redis_link_exchange. */
struct redis_reply {
    enum redis_type type;
    int64_t integer;
    struct bytes text;
    const struct redis_reply *elements; /* REDIS_ARRAY: elements[0 .. count-1] */
    size_t count;
};

/* Connects lazily. Fails on a malformed URL. */
enum status redis_link_create(const struct redis_link_options *options,
                              struct redis_link **link_out, struct failure *failure);
void redis_link_destroy(struct redis_link **link);

const struct clock *redis_link_clock(const struct redis_link *link);

/* Adds a command to the pipeline; arguments are copied. */
void redis_link_add(struct redis_link *link, const struct bytes *arguments, size_t count);
/* The same for a command of texts: redis_link_add_text(link, "HGET", key, field, NULL). */
void redis_link_add_text(struct redis_link *link, ...) __attribute__((sentinel));
/* The same piece by piece, for long commands: begin, then exactly argument_count puts. */
void redis_link_begin(struct redis_link *link, size_t argument_count);
void redis_link_put(struct redis_link *link, struct bytes argument);
void redis_link_put_text(struct redis_link *link, const char *text);
void redis_link_put_int(struct redis_link *link, int64_t number);
/* One argument of two pieces. */
void redis_link_put_joined(struct redis_link *link, struct bytes head, struct bytes tail);
/* Sends all added commands and waits for all replies: replies_out[0 .. added-1]. At most until
 * deadline_ms (monotonic; <= 0: the command timeout). The pipeline is empty afterwards either way.
 */
enum status redis_link_exchange(struct redis_link *link, int64_t deadline_ms,
                                const struct redis_reply **replies_out, struct failure *failure);

/* Whether it is an error of this code: redis_reply_is_error(reply, "NOSCRIPT"). */
bool redis_reply_is_error(const struct redis_reply *reply, const char *code);
