/* See book.h. The end of an event's way, and back: settled once PostgreSQL has it, kept for a while
 * after, and put into the outbox again should PostgreSQL have lost it. Keeping costs a command for
 * each batch, nothing for each event. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "redis/book_inside.h"

/* A step of the walk in Redis: some milliseconds. */
#define WALK_BYTES_MAX (256 * 1024)

static size_t add_settles(struct book *book, const char *verb, const char *script,
                          const struct book_settled *settled, size_t count);
static void add_keep(struct book *book, struct bytes batch);
static enum status run_script(struct book *book, const struct book_script *script,
                              void (*add)(struct book *book, const char *verb, const char *script,
                                          const void *context),
                              const void *context, const struct redis_reply **reply_out,
                              struct failure *failure);

enum status book_settle(struct book *book, const struct book_settled *settled, size_t count,
                        struct bytes batch, struct failure *failure)
{
    if (count == 0) {
        return STATUS_OK;
    }
    size_t kept = batch.size > 0 ? 1 : 0;
    if (kept > 0) {
        add_keep(book, batch);
    }
    size_t commands = add_settles(book, "EVALSHA", book->settle.sha, settled, count);
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    if (status != STATUS_OK) {
        return status;
    }
    /* Without memory Redis keeps nothing; what frees memory must not fail for that. */
    if (kept > 0 && !book_is_overload(&replies[0])) {
        status = book_check_replies(replies, kept, failure);
    }
    replies += kept;
    if (status == STATUS_OK && redis_reply_is_error(&replies[0], "NOSCRIPT")) {
        (void)add_settles(book, "EVAL", book->settle.text, settled, count);
        status = redis_link_exchange(book->link, 0, &replies, failure);
    }
    return status == STATUS_OK ? book_check_replies(replies, commands, failure) : status;
}

/* Before the settling in the same pipeline: an event that left the outbox has been kept. */
static void add_keep(struct book *book, struct bytes batch)
{
    redis_link_begin(book->link, 5);
    redis_link_put_text(book->link, "XADD");
    redis_link_put_text(book->link, book->settled);
    redis_link_put_text(book->link, "*");
    redis_link_put_text(book->link, "b");
    redis_link_put(book->link, batch);
}

static size_t add_settles(struct book *book, const char *verb, const char *script,
                          const struct book_settled *settled, size_t count)
{
    const char *const keys[] = {book->outbox, book->unconfirmed, book->unpersisted, book->holds,
                                book->ended,  book->early,       book->behind};
    const size_t key_count = sizeof keys / sizeof keys[0];
    size_t commands = 0;
    for (size_t at = 0; at < count; at += BOOK_CHUNK_MAX) {
        size_t events = book_chunk(at, count);
        redis_link_begin(book->link, 3 + key_count + 1 + 3 * events);
        redis_link_put_text(book->link, verb);
        redis_link_put_text(book->link, script);
        redis_link_put_int(book->link, (int64_t)(key_count + events));
        for (size_t i = 0; i < key_count; i++) {
            redis_link_put_text(book->link, keys[i]);
        }
        for (size_t i = at; i < at + events; i++) {
            book_put_record_key(book, &settled[i].record_id);
        }
        redis_link_put_int(book->link, book->limits.record_ttl_ms);
        for (size_t i = at; i < at + events; i++) {
            book_put_event_id(book, &settled[i].event_id);
        }
        for (size_t i = at; i < at + events; i++) {
            book_put_event_id(book, &settled[i].record_id);
        }
        commands++;
    }
    return commands;
}

/* ---- what is kept ---- */

static enum status run_script(struct book *book, const struct book_script *script,
                              void (*add)(struct book *book, const char *verb, const char *script,
                                          const void *context),
                              const void *context, const struct redis_reply **reply_out,
                              struct failure *failure)
{
    add(book, "EVALSHA", script->sha, context);
    enum status status = redis_link_exchange(book->link, 0, reply_out, failure);
    if (status == STATUS_OK && redis_reply_is_error(*reply_out, "NOSCRIPT")) {
        add(book, "EVAL", script->text, context);
        status = redis_link_exchange(book->link, 0, reply_out, failure);
    }
    return status == STATUS_OK ? book_check_replies(*reply_out, 1, failure) : status;
}

static void add_trim(struct book *book, const char *verb, const char *script, const void *context)
{
    const struct book_retention *retention = context;
    redis_link_begin(book->link, 6);
    redis_link_put_text(book->link, verb);
    redis_link_put_text(book->link, script);
    redis_link_put_text(book->link, "1");
    redis_link_put_text(book->link, book->settled);
    redis_link_put_int(book->link, retention->age_ms);
    redis_link_put_int(book->link, retention->bytes_max);
}

enum status book_trim_settled(struct book *book, const struct book_retention *retention,
                              struct failure *failure)
{
    const struct redis_reply *reply;
    return run_script(book, &book->trim_settled, add_trim, retention, &reply, failure);
}

static void add_walk(struct book *book, const char *verb, const char *script, const void *context)
{
    const struct book_walk *walk = context;
    redis_link_begin(book->link, 8);
    redis_link_put_text(book->link, verb);
    redis_link_put_text(book->link, script);
    redis_link_put_text(book->link, "1");
    redis_link_put_text(book->link, book->settled);
    redis_link_put_text(book->link, walk->before[0] != '\0' ? walk->before : "+");
    redis_link_put_text(book->link, walk->after[0] != '\0' ? walk->after : "-");
    redis_link_put_int(book->link, BOOK_WALK_BATCHES_MAX);
    redis_link_put_int(book->link, WALK_BYTES_MAX);
}

/* "(1764100000000-0": everything but this. */
static bool read_place(const struct redis_reply *id, char place_out[BOOK_PLACE_BYTES])
{
    if (id->type != REDIS_TEXT || id->text.size + 2 > BOOK_PLACE_BYTES) {
        return false;
    }
    place_out[0] = '(';
    memcpy(place_out + 1, id->text.data, id->text.size);
    place_out[id->text.size + 1] = '\0';
    return true;
}

enum status book_walk_settled(struct book *book, struct book_walk *walk,
                              struct bytes batches[BOOK_WALK_BATCHES_MAX], size_t *count_out,
                              struct failure *failure)
{
    const struct redis_reply *reply;
    enum status status = run_script(book, &book->walk_settled, add_walk, walk, &reply, failure);
    if (status != STATUS_OK) {
        return status;
    }
    *count_out = 0;
    if (reply->type == REDIS_ARRAY && reply->count == 0) {
        return STATUS_OK;
    }
    if (reply->type != REDIS_ARRAY || reply->count < 3 ||
        reply->count > 2 + BOOK_WALK_BATCHES_MAX ||
        (walk->newest[0] == '\0' && !read_place(&reply->elements[0], walk->newest)) ||
        !read_place(&reply->elements[1], walk->before)) {
        return book_error(reply, failure);
    }
    for (size_t i = 2; i < reply->count; i++) {
        batches[i - 2] = reply->elements[i].text;
    }
    *count_out = reply->count - 2;
    return STATUS_OK;
}

struct unsettling {
    const struct book_claimed *events;
    size_t count;
};

static void add_unsettle(struct book *book, const char *verb, const char *script,
                         const void *context)
{
    const struct unsettling *lost = context;
    redis_link_begin(book->link, 7 + 2 * lost->count);
    redis_link_put_text(book->link, verb);
    redis_link_put_text(book->link, script);
    redis_link_put_text(book->link, "4");
    redis_link_put_text(book->link, book->meta);
    redis_link_put_text(book->link, book->outbox);
    redis_link_put_text(book->link, book->unconfirmed);
    redis_link_put_text(book->link, book->early);
    for (size_t i = 0; i < lost->count; i++) {
        book_put_event_id(book, &lost->events[i].event_id);
        redis_link_put(book->link, lost->events[i].event);
    }
}

enum status book_unsettle(struct book *book, const struct book_claimed *events, size_t count,
                          struct failure *failure)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK; at += BOOK_CHUNK_MAX) {
        const struct unsettling lost = {events + at, book_chunk(at, count)};
        const struct redis_reply *reply;
        status = run_script(book, &book->unsettle, add_unsettle, &lost, &reply, failure);
    }
    return status;
}

/* ---- which PostgreSQL ---- */

enum status book_read_store(struct book *book, char name_out[BOOK_STORE_BYTES],
                            struct failure *failure)
{
    redis_link_add_text(book->link, "HGET", book->meta, "store", NULL);
    const struct redis_reply *reply;
    enum status status = redis_link_exchange(book->link, 0, &reply, failure);
    if (status == STATUS_OK) {
        status = book_check_replies(reply, 1, failure);
    }
    if (status == STATUS_OK) {
        size_t size = reply->type == REDIS_TEXT ? reply->text.size : 0;
        size = size < BOOK_STORE_BYTES ? size : BOOK_STORE_BYTES - 1;
        if (size > 0) {
            memcpy(name_out, reply->text.data, size);
        }
        name_out[size] = '\0';
    }
    return status;
}

enum status book_note_store(struct book *book, const char *name, struct failure *failure)
{
    redis_link_add_text(book->link, "HSET", book->meta, "store", name, NULL);
    const struct redis_reply *reply;
    enum status status = redis_link_exchange(book->link, 0, &reply, failure);
    return status == STATUS_OK ? book_check_replies(reply, 1, failure) : status;
}
