/* See book.h. Decisions: each is one run of lua/decide.lua, all of a batch go in one exchange. */
#include <assert.h>

#include "redis/book_inside.h"

#define VERSION_FIRST 1

static void add_decision(struct book *book, const struct book_decision *decision);
static void make_header(const struct book_decision *decision, enum book_record_kind kind,
                        uint8_t header[BOOK_RECORD_HEADER_BYTES]);
static void read_outcome(const struct redis_reply *reply, struct book_decision *decision);
static void read_error(const struct redis_reply *reply, struct book_decision *decision);
static bool is_word(const struct redis_reply *reply, const char *word);
static void read_repeated(const struct redis_reply *record, struct book_decision *decision);
static void read_short(enum book_outcome outcome, const struct redis_reply *place,
                       const struct redis_reply *available, struct book_decision *decision);
static void fail(struct book_decision *decision, enum status status, const char *message);

void book_decide(struct book *book, struct book_decision *decisions, size_t count,
                 int64_t deadline_ms)
{
    for (size_t i = 0; i < count; i++) {
        add_decision(book, &decisions[i]);
    }
    const struct redis_reply *replies;
    struct failure failure;
    enum status status = redis_link_exchange(book->link, deadline_ms, &replies, &failure);
    for (size_t i = 0; i < count; i++) {
        if (status == STATUS_OK) {
            read_outcome(&replies[i], &decisions[i]);
        } else {
            decisions[i].outcome = BOOK_FAILED;
            decisions[i].failure = failure;
        }
    }
}

static void add_decision(struct book *book, const struct book_decision *decision)
{
    uint8_t accepted[BOOK_RECORD_HEADER_BYTES], refused[BOOK_RECORD_HEADER_BYTES];
    make_header(decision, BOOK_ACCEPTED, accepted);
    make_header(decision, BOOK_REFUSED, refused);

    struct redis_link *link = book->link;
    redis_link_begin(link, 3 + 5 + 7 + 2 * decision->take_count);
    redis_link_put_text(link, "EVALSHA");
    redis_link_put_text(link, book->decide.sha);
    redis_link_put_text(link, "5");
    redis_link_put_text(link, book->meta);
    redis_link_put_text(link, book->stock);
    redis_link_put_text(link, book->outbox);
    redis_link_put_text(link, book->unconfirmed);
    book_put_record_key(book, &decision->record_id);

    redis_link_put_int(link, book->limits.outbox_max);
    redis_link_put_int(link, book->limits.confirm_grace_ms);
    redis_link_put_int(link, book->limits.refusal_ttl_ms);
    book_put_event_id(book, &decision->event_id);
    redis_link_put(link, decision->event);
    redis_link_put_joined(link, bytes_of(accepted, sizeof accepted), decision->record);
    redis_link_put(link, bytes_of(refused, sizeof refused));
    for (size_t i = 0; i < decision->take_count; i++) {
        const struct book_take *take = &decision->takes[i];
        assert(take->quantity > 0);
        assert(i == 0 || strcmp(decision->takes[i - 1].product_id, take->product_id) < 0);
        redis_link_put_text(link, take->product_id);
        redis_link_put_int(link, take->quantity);
    }
}

/* A record stands for the whole life of what was decided, so it starts with version 1. */
static void make_header(const struct book_decision *decision, enum book_record_kind kind,
                        uint8_t header[BOOK_RECORD_HEADER_BYTES])
{
    memset(header, 0, BOOK_RECORD_HEADER_BYTES);
    header[0] = BOOK_RECORD_FORMAT;
    header[1] = (uint8_t)kind;
    header[7] = VERSION_FIRST;
    memcpy(header + 8, decision->request_hash, sizeof decision->request_hash);
    memcpy(header + 24, decision->event_id.bytes, sizeof decision->event_id.bytes);
}

static void read_outcome(const struct redis_reply *reply, struct book_decision *decision)
{
    if (reply->type == REDIS_ERROR) {
        read_error(reply, decision);
        return;
    }
    const struct redis_reply *parts = reply->elements;
    size_t count = reply->type == REDIS_ARRAY ? reply->count : 0;
    if (count == 1 && is_word(&parts[0], "DECIDED")) {
        decision->outcome = BOOK_DECIDED;
    } else if (count == 1 && is_word(&parts[0], "FENCED")) {
        decision->outcome = BOOK_FENCED;
    } else if (count == 1 && is_word(&parts[0], "OVERLOADED")) {
        decision->outcome = BOOK_OVERLOADED;
    } else if (count == 2 && is_word(&parts[0], "REPEATED")) {
        read_repeated(&parts[1], decision);
    } else if (count == 3 && is_word(&parts[0], "OUT_OF_STOCK")) {
        read_short(BOOK_OUT_OF_STOCK, &parts[1], &parts[2], decision);
    } else if (count == 2 && is_word(&parts[0], "STOCK_UNKNOWN")) {
        read_short(BOOK_STOCK_UNKNOWN, &parts[1], NULL, decision);
    } else {
        fail(decision, STATUS_UNKNOWN, "the script answered what nobody expects");
    }
}

static bool is_word(const struct redis_reply *reply, const char *word)
{
    return reply->type == REDIS_TEXT && bytes_equal(reply->text, bytes_of_text(word));
}

/* The script looked, found a record and wrote nothing. */
static void read_repeated(const struct redis_reply *record, struct book_decision *decision)
{
    decision->outcome = BOOK_REPEATED;
    if (record->type != REDIS_TEXT || !book_record_decode(record->text, &decision->prior)) {
        fail(decision, STATUS_UNAVAILABLE, "the record of an earlier call is of another format");
    }
}

static void read_short(enum book_outcome outcome, const struct redis_reply *place,
                       const struct redis_reply *available, struct book_decision *decision)
{
    if (place->type != REDIS_INTEGER || place->integer < 1 ||
        (uint64_t)place->integer > decision->take_count) {
        fail(decision, STATUS_UNKNOWN, "the script named a product that was not asked for");
        return;
    }
    decision->outcome = outcome;
    decision->short_product_id = decision->takes[place->integer - 1].product_id;
    decision->short_available = 0;
    if (available != NULL) {
        (void)book_reply_int(available, &decision->short_available);
    }
}

/* Errors that nobody expects may have struck between two writes of the script. */
static void read_error(const struct redis_reply *reply, struct book_decision *decision)
{
    if (book_is_fence(reply)) {
        decision->outcome = BOOK_FENCED;
    } else if (book_is_overload(reply)) {
        decision->outcome = BOOK_OVERLOADED;
    } else {
        decision->outcome = BOOK_FAILED;
        if (book_error(reply, &decision->failure) != STATUS_UNAVAILABLE) {
            decision->failure.code = STATUS_UNKNOWN;
        }
    }
}

static void fail(struct book_decision *decision, enum status status, const char *message)
{
    decision->outcome = BOOK_FAILED;
    (void)failure_set(&decision->failure, status,
                      status == STATUS_UNKNOWN ? "OUTCOME_UNKNOWN" : "STORE_UNAVAILABLE", "%s",
                      message);
    failure_add(&decision->failure, "store", "redis");
}
