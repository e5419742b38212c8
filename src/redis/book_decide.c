/* See book.h. Decisions: lua/decide.lua decides a group of them in one run, which costs Redis a
 * third less than a run for each; all groups of a batch go in one exchange. */
#include <assert.h>

#include "redis/book_inside.h"

#define VERSION_FIRST       1
#define GROUP_DECISIONS_MAX 64          /* a run, half a millisecond of Redis: others wait for it */
#define GROUP_TAKES_MAX     2000        /* the same for long orders; one is never split */
#define HEAD_ARGUMENTS      (3 + 4 + 3) /* verb, script, number of keys; keys; limits */
#define DECISION_ARGUMENTS  (1 + 5)     /* its record's key; event to number of products */

static size_t count_group(const struct book_decision *decisions, size_t count);
static void add_group(struct book *book, const struct book_decision *decisions, size_t count);
static void put_decision(struct redis_link *link, const struct book_decision *decision);
static void make_header(const struct book_decision *decision, enum book_record_kind kind,
                        uint8_t header[BOOK_RECORD_HEADER_BYTES]);
static void read_group(const struct redis_reply *reply, struct book_decision *decisions,
                       size_t count);
static void read_answer(const struct redis_reply *answer, struct book_decision *decision);
static bool is_word(const struct redis_reply *reply, const char *word);
static void read_repeated(const struct redis_reply *record, struct book_decision *decision);
static void read_short(enum book_outcome outcome, const struct redis_reply *place,
                       const struct redis_reply *available, struct book_decision *decision);
static void read_error(const struct redis_reply *reply, struct book_decision *decision);
static void fail(struct book_decision *decision, enum status status, const char *message);

void book_decide(struct book *book, struct book_decision *decisions, size_t count,
                 int64_t deadline_ms)
{
    if (count == 0) {
        return;
    }
    size_t reloads = book_reload_blindly(book);
    for (size_t at = 0; at < count;) {
        size_t group = count_group(decisions + at, count - at);
        add_group(book, decisions + at, group);
        at += group;
    }
    const struct redis_reply *reply;
    struct failure failure;
    if (redis_link_exchange(book->link, deadline_ms, &reply, &failure) != STATUS_OK) {
        for (size_t i = 0; i < count; i++) {
            decisions[i].outcome = BOOK_FAILED;
            decisions[i].failure = failure;
        }
        return;
    }
    reply += reloads;
    for (size_t at = 0; at < count; reply++) {
        size_t group = count_group(decisions + at, count - at);
        read_group(reply, decisions + at, group);
        at += group;
    }
}

/* How many of them go into one run. */
static size_t count_group(const struct book_decision *decisions, size_t count)
{
    size_t group = 1, takes = decisions[0].take_count;
    while (group < count && group < GROUP_DECISIONS_MAX &&
           takes + decisions[group].take_count <= GROUP_TAKES_MAX) {
        takes += decisions[group].take_count;
        group++;
    }
    return group;
}

static void add_group(struct book *book, const struct book_decision *decisions, size_t count)
{
    size_t takes = 0;
    for (size_t i = 0; i < count; i++) {
        takes += decisions[i].take_count;
    }
    struct redis_link *link = book->link;
    redis_link_begin(link, HEAD_ARGUMENTS + DECISION_ARGUMENTS * count + 2 * takes);
    redis_link_put_text(link, "EVALSHA");
    redis_link_put_text(link, book->decide.sha);
    redis_link_put_int(link, 4 + (int64_t)count);
    redis_link_put_text(link, book->meta);
    redis_link_put_text(link, book->stock);
    redis_link_put_text(link, book->outbox);
    redis_link_put_text(link, book->unconfirmed);
    for (size_t i = 0; i < count; i++) {
        book_put_record_key(book, &decisions[i].record_id);
    }
    redis_link_put_int(link, book->limits.outbox_max);
    redis_link_put_int(link, book->limits.confirm_grace_ms);
    redis_link_put_int(link, book->limits.refusal_ttl_ms);
    for (size_t i = 0; i < count; i++) {
        put_decision(link, &decisions[i]);
    }
}

static void put_decision(struct redis_link *link, const struct book_decision *decision)
{
    uint8_t accepted[BOOK_RECORD_HEADER_BYTES], refused[BOOK_RECORD_HEADER_BYTES];
    make_header(decision, BOOK_ACCEPTED, accepted);
    make_header(decision, BOOK_REFUSED, refused);
    redis_link_put(link, bytes_of(decision->event_id.bytes, sizeof decision->event_id.bytes));
    redis_link_put(link, decision->event);
    redis_link_put_joined(link, bytes_of(accepted, sizeof accepted), decision->record);
    redis_link_put(link, bytes_of(refused, sizeof refused));
    redis_link_put_int(link, (int64_t)decision->take_count);
    for (size_t i = 0; i < decision->take_count; i++) {
        assert(i == 0 ||
               strcmp(decision->takes[i - 1].product_id, decision->takes[i].product_id) < 0);
        redis_link_put_text(link, decision->takes[i].product_id);
    }
    for (size_t i = 0; i < decision->take_count; i++) {
        assert(decision->takes[i].quantity > 0);
        redis_link_put_int(link, decision->takes[i].quantity);
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

static void read_group(const struct redis_reply *reply, struct book_decision *decisions,
                       size_t count)
{
    bool is_answers = reply->type == REDIS_ARRAY && reply->count == count;
    for (size_t i = 0; i < count; i++) {
        if (reply->type == REDIS_ERROR) {
            read_error(reply, &decisions[i]);
        } else if (is_word(reply, "FENCED")) {
            decisions[i].outcome = BOOK_FENCED;
        } else if (is_answers) {
            read_answer(&reply->elements[i], &decisions[i]);
        } else {
            fail(&decisions[i], STATUS_UNKNOWN, "the script answered what nobody expects");
        }
    }
}

static void read_answer(const struct redis_reply *answer, struct book_decision *decision)
{
    const struct redis_reply *parts = answer->elements;
    if (answer->type == REDIS_ERROR) {
        read_error(answer, decision);
    } else if (is_word(answer, "DECIDED")) {
        decision->outcome = BOOK_DECIDED;
    } else if (is_word(answer, "OVERLOADED")) {
        decision->outcome = BOOK_OVERLOADED;
    } else if (answer->count == 2 && is_word(&parts[0], "REPEATED")) {
        read_repeated(&parts[1], decision);
    } else if (answer->count == 3 && is_word(&parts[0], "OUT_OF_STOCK")) {
        read_short(BOOK_OUT_OF_STOCK, &parts[1], &parts[2], decision);
    } else if (answer->count == 2 && is_word(&parts[0], "STOCK_UNKNOWN")) {
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
