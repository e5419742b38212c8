/* See book.h. Stock besides decisions: units that come back, and loading it anew for an epoch. */
#include <embedded/LOAD_LUA.h>
#include <inttypes.h>
#include <stdio.h>

#include "redis/book_inside.h"

#define LOAD_EXCHANGE_MAX (32 * BOOK_CHUNK_MAX) /* some 10 ms of Redis */

static void add_apply(struct book *book, const struct book_delta *deltas, size_t count);
static enum status load_some(struct book *book, const struct book_take *stock, size_t count,
                             struct failure *failure);
static bool is_sha(const struct redis_reply *reply, const struct book_script *script);

enum status book_apply(struct book *book, const struct book_delta *deltas, size_t count,
                       struct failure *failure)
{
    size_t commands = 0;
    for (size_t i = 0; i < count; i++) {
        if (deltas[i].epoch > book->epoch) {
            return book_fenced(book, failure); /* ours is not in force any more */
        }
    }
    if (count == 0) {
        return STATUS_OK;
    }
    for (size_t at = 0; at < count; at += BOOK_CHUNK_MAX) {
        add_apply(book, deltas + at, book_chunk(at, count));
        commands++;
    }
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    for (size_t i = 0; i < commands && status == STATUS_OK; i++) {
        if (book_is_fence(&replies[i])) {
            return book_fenced(book, failure);
        }
    }
    return status == STATUS_OK ? book_check_replies(replies, commands, failure) : status;
}

static void add_apply(struct book *book, const struct book_delta *deltas, size_t count)
{
    redis_link_begin(book->link, 7 + 7 * count);
    redis_link_put_text(book->link, "EVALSHA");
    redis_link_put_text(book->link, book->apply.sha);
    redis_link_put_int(book->link, 3 + (int64_t)count);
    redis_link_put_text(book->link, book->meta);
    redis_link_put_text(book->link, book->stock);
    redis_link_put_text(book->link, book->holds);
    for (size_t i = 0; i < count; i++) {
        book_put_delta_key(book, &deltas[i]);
    }
    redis_link_put_int(book->link, book->limits.delta_ttl_ms);
    for (size_t i = 0; i < count; i++) {
        redis_link_put_int(book->link, deltas[i].epoch);
        redis_link_put_text(book->link, deltas[i].product_id);
        redis_link_put_int(book->link, deltas[i].quantity);
        redis_link_put_text(book->link, deltas[i].rules != NULL ? deltas[i].rules : "");
        book_put_event_id(book, &deltas[i].held_order_id);
        redis_link_put_int(book->link, deltas[i].hold_end_ms);
    }
}

enum status book_check(struct book *book, int64_t epoch, bool *open_out, struct failure *failure)
{
    int64_t own_epoch = book->epoch;
    book_set_epoch(book, epoch);
    size_t reloads = book_reload_blindly(book);
    redis_link_add_text(book->link, "HGET", book->meta, "epoch", NULL);
    redis_link_add_text(book->link, "SCRIPT", "EXISTS", book->decide.sha, book->apply.sha, NULL);
    book_set_epoch(book, own_epoch);
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    if (status == STATUS_OK) {
        replies += reloads;
        status = book_check_replies(replies, 2, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    int64_t held;
    bool same = book_reply_int(&replies[0], &held) && held == epoch;
    *open_out = same && replies[1].count == 2 && replies[1].elements[0].integer == 1 &&
                replies[1].elements[1].integer == 1;
    return STATUS_OK;
}

/* Without an epoch no script decides or applies. The scripts themselves stay: flushing them would
 * close every other shard of this Redis, too. They are gone only after a restart or a failover,
 * which may have lost writes (this one among them): then their absence is the fence. */
enum status book_open_begin(struct book *book, struct failure *failure)
{
    struct uuid name = uuid_v7(redis_link_clock(book->link));
    uuid_print(&name, book->opening);
    redis_link_add_text(book->link, "HDEL", book->meta, "epoch", NULL);
    redis_link_add_text(book->link, "HSET", book->meta, "opening", book->opening, NULL);
    redis_link_add_text(book->link, "UNLINK", book->stock, book->holds, book->ended, book->bought,
                        book->counts, NULL);
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    return status == STATUS_OK ? book_check_replies(replies, 3, failure) : status;
}

void book_begin_load(struct book *book, const char *verb, const char *key, size_t count)
{
    redis_link_begin(book->link, 7 + count);
    redis_link_put_text(book->link, "EVAL");
    redis_link_put_text(book->link, LOAD_LUA);
    redis_link_put_text(book->link, "2");
    redis_link_put_text(book->link, book->meta);
    redis_link_put_text(book->link, key);
    redis_link_put_text(book->link, book->opening);
    redis_link_put_text(book->link, verb);
}

enum status book_check_opening(const struct redis_reply *replies, size_t count,
                               struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        if (redis_reply_is_error(&replies[i], "OTHER")) {
            return failure_set(failure, STATUS_ABORTED, "STOCK_OPENED_BY_ANOTHER",
                               "another has begun to load stock meanwhile, or Redis lost it");
        }
    }
    return book_check_replies(replies, count, failure);
}

/* Each exchange has a timeout of its own, however many products there are. */
enum status book_open_load(struct book *book, const struct book_take *stock, size_t count,
                           struct failure *failure)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK; at += LOAD_EXCHANGE_MAX) {
        size_t entries = count - at < LOAD_EXCHANGE_MAX ? count - at : LOAD_EXCHANGE_MAX;
        status = load_some(book, stock + at, entries, failure);
    }
    return status;
}

static enum status load_some(struct book *book, const struct book_take *stock, size_t count,
                             struct failure *failure)
{
    size_t commands = 0;
    for (size_t at = 0; at < count; at += BOOK_CHUNK_MAX) {
        size_t entries = book_chunk(at, count);
        book_begin_load(book, "HSET", book->stock, 2 * entries);
        for (size_t i = at; i < at + entries; i++) {
            redis_link_put_text(book->link, stock[i].product_id);
            redis_link_put_int(book->link, stock[i].quantity);
        }
        commands++;
    }
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    return status == STATUS_OK ? book_check_opening(replies, commands, failure) : status;
}

enum status book_open_end(struct book *book, int64_t epoch, struct failure *failure)
{
    char number[24];
    (void)snprintf(number, sizeof number, "%" PRId64, epoch);
    book_begin_load(book, "HSETNX", book->meta, 2);
    redis_link_put_text(book->link, "epoch");
    redis_link_put_text(book->link, number);
    redis_link_add_text(book->link, "HGET", book->meta, "epoch", NULL);
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    if (status == STATUS_OK) {
        status = book_check_opening(replies, 2, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    int64_t held;
    if (!book_reply_int(&replies[1], &held) || held != epoch) {
        return failure_set(failure, STATUS_ABORTED, "STOCK_OPENED_BY_ANOTHER",
                           "another epoch than %" PRId64 " was opened meanwhile", epoch);
    }
    book_set_epoch(book, epoch);
    redis_link_add_text(book->link, "HSET", book->meta, "highest", number, NULL);
    redis_link_add_text(book->link, "SCRIPT", "LOAD", book->apply.text, NULL);
    redis_link_add_text(book->link, "SCRIPT", "LOAD", book->decide.text, NULL);
    status = redis_link_exchange(book->link, 0, &replies, failure);
    if (status == STATUS_OK) {
        status = book_check_replies(replies, 3, failure);
    }
    if (status == STATUS_OK &&
        (!is_sha(&replies[1], &book->apply) || !is_sha(&replies[2], &book->decide))) {
        return book_error(&replies[2], failure);
    }
    return status;
}

enum status book_highest_epoch(struct book *book, int64_t *epoch_out, struct failure *failure)
{
    redis_link_add_text(book->link, "HMGET", book->meta, "epoch", "highest", NULL);
    const struct redis_reply *reply;
    enum status status = redis_link_exchange(book->link, 0, &reply, failure);
    if (status == STATUS_OK) {
        status = book_check_replies(reply, 1, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    int64_t highest = 0, epoch;
    for (size_t i = 0; i < reply->count; i++) {
        if (book_reply_int(&reply->elements[i], &epoch) && epoch > highest) {
            highest = epoch;
        }
    }
    *epoch_out = highest;
    return STATUS_OK;
}

static bool is_sha(const struct redis_reply *reply, const struct book_script *script)
{
    return reply->type == REDIS_TEXT && bytes_equal(reply->text, bytes_of_text(script->sha));
}
