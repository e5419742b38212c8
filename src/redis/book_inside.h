/* What the book_*.c share. Nobody else includes this. */
#pragma once

#include "redis/book.h"
#include "redis/book_script.h"
#include "redis/redis_link.h"

#define BOOK_KEY_BYTES     64
#define BOOK_CHUNK_MAX     512 /* fields or members a command: keeps each of them short in Redis */
#define BOOK_RECORD_FORMAT 1

struct book {
    struct redis_link *link;
    struct book_limits limits;
    int64_t epoch;
    struct book_script decide, apply, confirm, claim, claim_ended, read, settle;
    struct book_script trim_settled, walk_settled, unsettle;

    char meta[BOOK_KEY_BYTES], stock[BOOK_KEY_BYTES], outbox[BOOK_KEY_BYTES];
    char unconfirmed[BOOK_KEY_BYTES], unpersisted[BOOK_KEY_BYTES];
    char settled[BOOK_KEY_BYTES];
    char holds[BOOK_KEY_BYTES], ended[BOOK_KEY_BYTES], early[BOOK_KEY_BYTES];
    char bought[BOOK_KEY_BYTES], counts[BOOK_KEY_BYTES], behind[BOOK_KEY_BYTES];
    char record_prefix[BOOK_KEY_BYTES], delta_prefix[BOOK_KEY_BYTES];
    char opening[UUID_TEXT_BYTES]; /* names this book's loading of stock; "" = it never began one */
};

/* How many of `count`, from `at` on, the next command takes. */
static inline size_t book_chunk(size_t at, size_t count)
{
    return count - at < BOOK_CHUNK_MAX ? count - at : BOOK_CHUNK_MAX;
}

/* Puts the key as the next argument of the command. */
void book_put_record_key(struct book *book, const struct uuid *record_id);
void book_put_delta_key(struct book *book, const struct book_delta *delta);
/* An event id as Redis holds it: its 16 bytes. */
void book_put_event_id(struct book *book, const struct uuid *event_id);

/* What an error reply means: UNAVAILABLE = not executed, INTERNAL = none that is known. */
enum status book_error(const struct redis_reply *reply, struct failure *failure);
bool book_is_overload(const struct redis_reply *reply);
bool book_is_fence(const struct redis_reply *reply);
enum status book_fenced(const struct book *book, struct failure *failure);
/* The first error among the replies of a pipeline, or OK. */
enum status book_check_replies(const struct redis_reply *replies, size_t count,
                               struct failure *failure);
/* Adds a command that lets the opening write `count` arguments with `verb` ("HSET", "ZADD") into
 * `key`; exactly `count` puts follow. Its reply: book_check_opening. */
void book_begin_load(struct book *book, const char *verb, const char *key, size_t count);
enum status book_check_opening(const struct redis_reply *replies, size_t count,
                               struct failure *failure);
/* False: not a record of a known format. */
bool book_record_decode(const struct book *book, struct bytes bytes,
                        struct book_record *record_out);
/* Units as `stock` holds them: a number, and rules behind it. */
bool book_reply_units(const struct redis_reply *reply, int64_t *units_out);
/* "12", ":12\r\n": integers come as either. */
bool book_reply_int(const struct redis_reply *reply, int64_t *integer_out);
/* Of a canary: adds commands that load the scripts, whether Redis lost something or not, and says
 * how many. */
size_t book_reload_blindly(struct book *book);
