/* See book.h. The outbox after the decision: confirmed by RabbitMQ, claimed by the relay. None of
 * it touches stock, so it does not mind the fence. How an event leaves is in book_settled.c. */
#include "redis/book_inside.h"

static size_t add_confirms(struct book *book, const char *verb, const char *script,
                           const struct uuid *event_ids, size_t count);
static void add_claim(struct book *book, const char *verb, const char *script, enum book_due due,
                      size_t most, int64_t lease_ms);
static enum status read_claimed(const struct redis_reply *reply, struct book_claimed *claimed,
                                size_t most, size_t *count_out, struct failure *failure);

enum status book_confirm(struct book *book, const struct uuid *event_ids, size_t count,
                         struct failure *failure)
{
    if (count == 0) {
        return STATUS_OK;
    }
    size_t commands = add_confirms(book, "EVALSHA", book->confirm.sha, event_ids, count);
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    if (status == STATUS_OK && redis_reply_is_error(&replies[0], "NOSCRIPT")) {
        (void)add_confirms(book, "EVAL", book->confirm.text, event_ids, count);
        status = redis_link_exchange(book->link, 0, &replies, failure);
    }
    return status == STATUS_OK ? book_check_replies(replies, commands, failure) : status;
}

static size_t add_confirms(struct book *book, const char *verb, const char *script,
                           const struct uuid *event_ids, size_t count)
{
    size_t commands = 0;
    for (size_t at = 0; at < count; at += BOOK_CHUNK_MAX) {
        size_t ids = book_chunk(at, count);
        redis_link_begin(book->link, 8 + ids);
        redis_link_put_text(book->link, verb);
        redis_link_put_text(book->link, script);
        redis_link_put_text(book->link, "4");
        redis_link_put_text(book->link, book->unconfirmed);
        redis_link_put_text(book->link, book->unpersisted);
        redis_link_put_text(book->link, book->outbox);
        redis_link_put_text(book->link, book->early);
        redis_link_put_int(book->link, book->limits.persist_grace_ms);
        for (size_t i = at; i < at + ids; i++) {
            book_put_event_id(book, &event_ids[i]);
        }
        commands++;
    }
    return commands;
}

enum status book_claim(struct book *book, enum book_due due, struct book_claimed *claimed,
                       size_t most, int64_t lease_ms, size_t *count_out, struct failure *failure)
{
    add_claim(book, "EVALSHA", book->claim.sha, due, most, lease_ms);
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    if (status == STATUS_OK && redis_reply_is_error(&replies[0], "NOSCRIPT")) {
        add_claim(book, "EVAL", book->claim.text, due, most, lease_ms);
        status = redis_link_exchange(book->link, 0, &replies, failure);
    }
    if (status == STATUS_OK) {
        status = book_check_replies(replies, 1, failure);
    }
    return status == STATUS_OK ? read_claimed(&replies[0], claimed, most, count_out, failure)
                               : status;
}

static void add_claim(struct book *book, const char *verb, const char *script, enum book_due due,
                      size_t most, int64_t lease_ms)
{
    redis_link_begin(book->link, 7);
    redis_link_put_text(book->link, verb);
    redis_link_put_text(book->link, script);
    redis_link_put_text(book->link, "2");
    redis_link_put_text(book->link,
                        due == BOOK_DUE_CONFIRM ? book->unconfirmed : book->unpersisted);
    redis_link_put_text(book->link, book->outbox);
    redis_link_put_int(book->link, (int64_t)most);
    redis_link_put_int(book->link, lease_ms);
}

static enum status read_claimed(const struct redis_reply *reply, struct book_claimed *claimed,
                                size_t most, size_t *count_out, struct failure *failure)
{
    if (reply->type != REDIS_ARRAY || reply->count % 2 != 0 || reply->count / 2 > most) {
        return book_error(reply, failure);
    }
    for (size_t i = 0; i < reply->count; i += 2) {
        const struct redis_reply *id = &reply->elements[i], *event = &reply->elements[i + 1];
        struct book_claimed *one = &claimed[i / 2];
        if (id->text.size != sizeof one->event_id.bytes) {
            return book_error(id, failure);
        }
        memcpy(one->event_id.bytes, id->text.data, sizeof one->event_id.bytes);
        one->event = event->text;
    }
    *count_out = reply->count / 2;
    return STATUS_OK;
}

/* XX: who is not there does not come back. INCR: what was made due meanwhile stays due. */
enum status book_postpone(struct book *book, const struct uuid *event_ids, size_t count,
                          int64_t by_ms, struct failure *failure)
{
    if (count == 0) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < count; i++) {
        redis_link_begin(book->link, 6);
        redis_link_put_text(book->link, "ZADD");
        redis_link_put_text(book->link, book->unpersisted);
        redis_link_put_text(book->link, "XX");
        redis_link_put_text(book->link, "INCR");
        redis_link_put_int(book->link, by_ms);
        book_put_event_id(book, &event_ids[i]);
    }
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    return status == STATUS_OK ? book_check_replies(replies, count, failure) : status;
}

enum status book_hurry(struct book *book, struct failure *failure)
{
    const char *timers[] = {book->unconfirmed, book->unpersisted};
    for (size_t i = 0; i < 2; i++) {
        redis_link_add_text(book->link, "ZUNIONSTORE", timers[i], "1", timers[i], "WEIGHTS", "0",
                            NULL);
    }
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    return status == STATUS_OK ? book_check_replies(replies, 2, failure) : status;
}
