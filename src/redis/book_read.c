/* See book.h. What can be asked of the book without changing it. */
#include "redis/book_inside.h"

#define PLACE_OUTBOX      1 /* as lua/read.lua says */
#define PLACE_UNCONFIRMED 2

static void add_read(struct book *book, const char *verb, const char *script,
                     const struct book_lookup *lookups, size_t count);
static enum status take_lookup(const struct book *book, const struct redis_reply *record,
                               const struct redis_reply *place, struct book_lookup *lookup,
                               struct failure *failure);
static void add_gauges(struct redis_link *link, const struct book *book);
static int64_t overdue_ms(const struct redis_reply *first, int64_t now_ms);

enum status book_read(struct book *book, struct book_lookup *lookups, size_t count,
                      int64_t deadline_ms, struct failure *failure)
{
    add_read(book, "EVALSHA", book->read.sha, lookups, count);
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, deadline_ms, &replies, failure);
    if (status == STATUS_OK && redis_reply_is_error(&replies[0], "NOSCRIPT")) {
        add_read(book, "EVAL", book->read.text, lookups, count);
        status = redis_link_exchange(book->link, deadline_ms, &replies, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (replies[0].type != REDIS_ARRAY || replies[0].count != 2 * count) {
        return book_error(&replies[0], failure);
    }
    const struct redis_reply *parts = replies[0].elements;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = take_lookup(book, &parts[2 * i], &parts[2 * i + 1], &lookups[i], failure);
    }
    return status;
}

static void add_read(struct book *book, const char *verb, const char *script,
                     const struct book_lookup *lookups, size_t count)
{
    redis_link_begin(book->link, 7 + count);
    redis_link_put_text(book->link, verb);
    redis_link_put_text(book->link, script);
    redis_link_put_int(book->link, 4 + (int64_t)count);
    redis_link_put_text(book->link, book->outbox);
    redis_link_put_text(book->link, book->unconfirmed);
    redis_link_put_text(book->link, book->early);
    redis_link_put_text(book->link, book->behind);
    for (size_t i = 0; i < count; i++) {
        book_put_record_key(book, &lookups[i].record_id);
    }
}

static enum status take_lookup(const struct book *book, const struct redis_reply *record,
                               const struct redis_reply *place, struct book_lookup *lookup,
                               struct failure *failure)
{
    lookup->found = record->type == REDIS_TEXT;
    lookup->in_outbox = place->integer >= PLACE_OUTBOX;
    lookup->unconfirmed = place->integer == PLACE_UNCONFIRMED;
    if (lookup->found && !book_record_decode(book, record->text, &lookup->record)) {
        return failure_set(failure, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE",
                           "a record in Redis is of another format");
    }
    return STATUS_OK;
}

enum status book_read_stock(struct book *book, const char *const *product_ids, size_t count,
                            int64_t *available_out, int64_t deadline_ms, struct failure *failure)
{
    enum status status =
        book_read_units(book, product_ids, count, available_out, deadline_ms, failure);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        int64_t units = available_out[i];
        available_out[i] = units == INT64_MIN ? -1 : units > 0 ? units : 0;
    }
    return status;
}

enum status book_read_units(struct book *book, const char *const *product_ids, size_t count,
                            int64_t *units_out, int64_t deadline_ms, struct failure *failure)
{
    if (count == 0) {
        return STATUS_OK;
    }
    redis_link_begin(book->link, 2 + count);
    redis_link_put_text(book->link, "HMGET");
    redis_link_put_text(book->link, book->stock);
    for (size_t i = 0; i < count; i++) {
        redis_link_put_text(book->link, product_ids[i]);
    }
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, deadline_ms, &replies, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (replies[0].type != REDIS_ARRAY || replies[0].count != count) {
        return book_error(&replies[0], failure);
    }
    for (size_t i = 0; i < count; i++) {
        if (!book_reply_units(&replies[0].elements[i], &units_out[i])) {
            units_out[i] = INT64_MIN;
        }
    }
    return STATUS_OK;
}

enum status book_gauges(struct book *book, struct book_gauges *gauges_out, struct failure *failure)
{
    add_gauges(book->link, book);
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    if (status == STATUS_OK) {
        status = book_check_replies(replies, 8, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    int64_t seconds, us;
    if (replies[5].count != 2 || !book_reply_int(&replies[5].elements[0], &seconds) ||
        !book_reply_int(&replies[5].elements[1], &us)) {
        return book_error(&replies[5], failure);
    }
    int64_t now_ms = seconds * 1000 + us / 1000;
    *gauges_out = (struct book_gauges){
        .outbox = replies[0].integer,
        .unconfirmed = replies[1].integer,
        .unpersisted = replies[2].integer,
        .holds = replies[6].integer + replies[7].integer,
        .oldest_unconfirmed_ms = overdue_ms(&replies[3], now_ms),
        .oldest_unpersisted_ms = overdue_ms(&replies[4], now_ms),
    };
    return STATUS_OK;
}

static void add_gauges(struct redis_link *link, const struct book *book)
{
    redis_link_add_text(link, "HLEN", book->outbox, NULL);
    redis_link_add_text(link, "ZCARD", book->unconfirmed, NULL);
    redis_link_add_text(link, "ZCARD", book->unpersisted, NULL);
    redis_link_add_text(link, "ZRANGE", book->unconfirmed, "0", "0", "WITHSCORES", NULL);
    redis_link_add_text(link, "ZRANGE", book->unpersisted, "0", "0", "WITHSCORES", NULL);
    redis_link_add_text(link, "TIME", NULL);
    redis_link_add_text(link, "ZCARD", book->holds, NULL);
    redis_link_add_text(link, "ZCARD", book->ended, NULL);
}

static int64_t overdue_ms(const struct redis_reply *first, int64_t now_ms)
{
    int64_t due_ms;
    if (first->count != 2 || !book_reply_int(&first->elements[1], &due_ms) || due_ms >= now_ms) {
        return 0;
    }
    return now_ms - due_ms;
}
