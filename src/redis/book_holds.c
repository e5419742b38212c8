/* See book.h. Holds outside a decision: finding those that have ended, and loading them anew. */
#include <inttypes.h>

#include "redis/book_inside.h"

static void add_claim(struct book *book, const char *verb, const char *script, size_t most,
                      int64_t lease_ms);

enum status book_claim_ended(struct book *book, struct uuid *order_ids, size_t most,
                             int64_t lease_ms, size_t *count_out, struct failure *failure)
{
    add_claim(book, "EVALSHA", book->claim_ended.sha, most, lease_ms);
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    if (status == STATUS_OK && redis_reply_is_error(&replies[0], "NOSCRIPT")) {
        add_claim(book, "EVAL", book->claim_ended.text, most, lease_ms);
        status = redis_link_exchange(book->link, 0, &replies, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (replies[0].type != REDIS_ARRAY || replies[0].count > most) {
        return book_error(&replies[0], failure);
    }
    for (size_t i = 0; i < replies[0].count; i++) {
        const struct redis_reply *id = &replies[0].elements[i];
        if (id->text.size != sizeof order_ids[i].bytes) {
            return book_error(id, failure);
        }
        memcpy(order_ids[i].bytes, id->text.data, sizeof order_ids[i].bytes);
    }
    *count_out = replies[0].count;
    return STATUS_OK;
}

static void add_claim(struct book *book, const char *verb, const char *script, size_t most,
                      int64_t lease_ms)
{
    redis_link_begin(book->link, 7);
    redis_link_put_text(book->link, verb);
    redis_link_put_text(book->link, script);
    redis_link_put_text(book->link, "2");
    redis_link_put_text(book->link, book->holds);
    redis_link_put_text(book->link, book->ended);
    redis_link_put_int(book->link, (int64_t)most);
    redis_link_put_int(book->link, lease_ms);
}

enum status book_drop_holds(struct book *book, const struct uuid *order_ids, size_t count,
                            struct failure *failure)
{
    const char *const keys[] = {book->holds, book->ended};
    for (size_t key = 0; key < 2; key++) {
        redis_link_begin(book->link, 2 + count);
        redis_link_put_text(book->link, "ZREM");
        redis_link_put_text(book->link, keys[key]);
        for (size_t i = 0; i < count; i++) {
            book_put_event_id(book, &order_ids[i]);
        }
    }
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    return status == STATUS_OK ? book_check_replies(replies, 2, failure) : status;
}

enum status book_open_holds(struct book *book, const struct book_held *held, size_t count,
                            struct failure *failure)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK; at += BOOK_CHUNK_MAX) {
        size_t orders = count - at < BOOK_CHUNK_MAX ? count - at : BOOK_CHUNK_MAX;
        book_begin_load(book, "ZADD", book->holds, 2 * orders);
        for (size_t i = at; i < at + orders; i++) {
            redis_link_put_int(book->link, held[i].end_unix_ms);
            book_put_event_id(book, &held[i].order_id);
        }
        const struct redis_reply *replies;
        status = redis_link_exchange(book->link, 0, &replies, failure);
        if (status == STATUS_OK) {
            status = book_check_opening(replies, 1, failure);
        }
    }
    return status;
}
