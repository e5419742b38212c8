/* See book.h. Decisions: lua/decide.lua decides a group of them in one run, which costs Redis a
 * third less than a run for each; all groups of a batch go in one exchange. */
#include <assert.h>

#include "redis/book_inside.h"

#define VERSION_FIRST       1
#define GROUP_DECISIONS_MAX 128  /* a run, half a millisecond of Redis: others wait for it */
#define GROUP_TAKES_MAX     2000 /* the same for long orders; one is never split */
#define HEAD_KEYS           10
#define HEAD_ARGUMENTS      (3 + HEAD_KEYS + 4) /* verb, script, number of keys; keys; limits */
#define DECISION_ARGUMENTS  10                  /* event to number of products */

static size_t count_group(const struct book_decision *decisions, size_t count);
static void add_group(struct book *book, const struct book_decision *decisions, size_t count);
static void put_decision(const struct book *book, const struct book_decision *decision);
static void put_units(const struct book *book, const struct book_take *takes, size_t count);
static void put_order(const struct book *book, const struct book_decision *decision);
static void put_subject(const struct book *book, const struct book_decision *decision);
static void make_header(const struct book *book, const struct book_decision *decision,
                        uint8_t header[BOOK_RECORD_HEADER_BYTES]);
static void put_version(uint8_t out[4], uint32_t version);
static void read_group(const struct book *book, const struct redis_reply *reply,
                       struct book_decision *decisions, size_t count);
static void read_answer(const struct book *book, const struct redis_reply *answer,
                        struct book_decision *decision);
static void read_word(const struct redis_reply *answer, struct book_decision *decision);
static bool is_word(const struct redis_reply *reply, const char *word);
static void read_repeated(const struct book *book, const struct redis_reply *record,
                          struct book_decision *decision);
static void read_short(enum book_outcome outcome, const struct redis_reply *place,
                       const struct redis_reply *available, struct book_decision *decision);
static void read_refused(const struct redis_reply *parts, struct book_decision *decision);
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
        read_group(book, reply, decisions + at, group);
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
    size_t units = 0, records = 0;
    for (size_t i = 0; i < count; i++) {
        bool changes = decisions[i].found_version > 0;
        units += 2 * decisions[i].take_count + (changes ? 1 + 2 * decisions[i].free_count : 0);
        records += changes ? 2 : 1;
    }
    struct redis_link *link = book->link;
    redis_link_begin(link, HEAD_ARGUMENTS + records + DECISION_ARGUMENTS * count + units);
    redis_link_put_text(link, "EVALSHA");
    redis_link_put_text(link, book->decide.sha);
    redis_link_put_int(link, HEAD_KEYS + (int64_t)records);
    redis_link_put_text(link, book->meta);
    redis_link_put_text(link, book->stock);
    redis_link_put_text(link, book->outbox);
    redis_link_put_text(link, book->unconfirmed);
    redis_link_put_text(link, book->holds);
    redis_link_put_text(link, book->ended);
    redis_link_put_text(link, book->bought);
    redis_link_put_text(link, book->counts);
    redis_link_put_text(link, book->behind);
    redis_link_put_text(link, book->early);
    for (size_t i = 0; i < count; i++) {
        book_put_record_key(book, &decisions[i].record_id);
        if (decisions[i].found_version > 0) {
            book_put_record_key(book, &decisions[i].order_id);
        }
    }
    redis_link_put_int(link, book->limits.outbox_max);
    redis_link_put_int(link, book->limits.confirm_grace_ms);
    redis_link_put_int(link, book->limits.refusal_ttl_ms);
    redis_link_put_int(link, book->limits.record_ttl_ms);
    for (size_t i = 0; i < count; i++) {
        put_decision(book, &decisions[i]);
    }
}

static void put_decision(const struct book *book, const struct book_decision *decision)
{
    struct redis_link *link = book->link;
    bool changes = decision->found_version > 0;
    uint8_t accepted[BOOK_RECORD_HEADER_BYTES];
    make_header(book, decision, accepted);
    redis_link_put(link, bytes_of(decision->event_id.bytes, sizeof decision->event_id.bytes));
    redis_link_put(link, decision->event);
    redis_link_put_joined(link, bytes_of(accepted, sizeof accepted),
                          changes ? bytes_of(NULL, 0) : decision->record);
    put_order(book, decision);
    redis_link_put_text(link, decision->customer_id != NULL ? decision->customer_id : "");
    put_units(book, decision->takes, decision->take_count);
    if (changes) {
        put_units(book, decision->frees, decision->free_count);
    }
}

static void put_units(const struct book *book, const struct book_take *takes, size_t count)
{
    redis_link_put_int(book->link, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        assert(i == 0 || strcmp(takes[i - 1].product_id, takes[i].product_id) < 0);
        redis_link_put_text(book->link, takes[i].product_id);
    }
    for (size_t i = 0; i < count; i++) {
        assert(takes[i].quantity > 0);
        redis_link_put_int(book->link, takes[i].quantity);
    }
}

/* The order's next record, and what is asked of the present one and of its hold. */
static void put_order(const struct book *book, const struct book_decision *decision)
{
    static const char *const holds[] = {
        [BOOK_HOLD_NONE] = "",
        [BOOK_HOLD_START] = "START",
        [BOOK_HOLD_MUST_RUN] = "MUST_RUN",
        [BOOK_HOLD_MUST_END] = "MUST_END",
        [BOOK_HOLD_GIVEN_UP] = "GIVEN_UP",
        [BOOK_COUNT] = "COUNT",
        [BOOK_RECOUNT] = "RECOUNT",
        [BOOK_NOTE] = "NOTE",
    };
    struct redis_link *link = book->link;
    uint8_t found[4];
    put_version(found, decision->found_version);
    if (decision->found_version > 0) {
        uint8_t header[BOOK_RECORD_HEADER_BYTES];
        make_header(book, decision, header);
        put_version(header + 4, decision->found_version + 1);
        memcpy(header + 8, decision->order_hash, sizeof decision->order_hash);
        redis_link_put_joined(link, bytes_of(header, sizeof header), decision->record);
    } else {
        redis_link_put_text(link, "");
    }
    redis_link_put(link, decision->hold == BOOK_RECOUNT ? decision->found_count
                                                        : bytes_of(found, sizeof found));
    redis_link_put_text(link, decision->is_trial ? "TRY" : holds[decision->hold]);
    redis_link_put_int(link, decision->hold_ms);
    put_subject(book, decision);
}

static void put_subject(const struct book *book, const struct book_decision *decision)
{
    if (decision->hold == BOOK_COUNT || decision->hold == BOOK_RECOUNT) {
        redis_link_put_text(book->link, decision->counted_product_id);
    } else {
        redis_link_put(book->link,
                       bytes_of(decision->order_id.bytes, sizeof decision->order_id.bytes));
    }
}

/* Of the request's record, which is the order's first one when the request makes it. */
static void make_header(const struct book *book, const struct book_decision *decision,
                        uint8_t header[BOOK_RECORD_HEADER_BYTES])
{
    memset(header, 0, BOOK_RECORD_HEADER_BYTES);
    header[0] = BOOK_RECORD_FORMAT;
    header[1] = BOOK_ACCEPTED;
    header[2] = (uint8_t)(book->epoch >> 8);
    header[3] = (uint8_t)book->epoch;
    put_version(header + 4, VERSION_FIRST);
    memcpy(header + 8, decision->request_hash, sizeof decision->request_hash);
    memcpy(header + 24, decision->event_id.bytes, sizeof decision->event_id.bytes);
}

static void put_version(uint8_t out[4], uint32_t version)
{
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(version >> (24 - 8 * i));
    }
}

static void read_group(const struct book *book, const struct redis_reply *reply,
                       struct book_decision *decisions, size_t count)
{
    bool is_answers = reply->type == REDIS_ARRAY && reply->count == count;
    for (size_t i = 0; i < count; i++) {
        if (reply->type == REDIS_ERROR) {
            read_error(reply, &decisions[i]);
        } else if (is_word(reply, "FENCED")) {
            decisions[i].outcome = BOOK_FENCED;
        } else if (is_answers) {
            read_answer(book, &reply->elements[i], &decisions[i]);
        } else {
            fail(&decisions[i], STATUS_UNKNOWN, "the script answered what nobody expects");
        }
    }
}

static void read_answer(const struct book *book, const struct redis_reply *answer,
                        struct book_decision *decision)
{
    const struct redis_reply *parts = answer->elements;
    if (answer->type == REDIS_ERROR) {
        read_error(answer, decision);
    } else if (answer->type == REDIS_TEXT) {
        read_word(answer, decision);
    } else if (answer->count == 2 && is_word(&parts[0], "REPEATED")) {
        read_repeated(book, &parts[1], decision);
    } else if (answer->count == 3 && is_word(&parts[0], "OUT_OF_STOCK")) {
        read_short(BOOK_OUT_OF_STOCK, &parts[1], &parts[2], decision);
    } else if (answer->count == 5 && is_word(&parts[0], "REFUSED")) {
        read_refused(parts, decision);
    } else if (answer->count == 2 && is_word(&parts[0], "STOCK_UNKNOWN")) {
        read_short(BOOK_STOCK_UNKNOWN, &parts[1], NULL, decision);
    } else {
        fail(decision, STATUS_UNKNOWN, "the script answered what nobody expects");
    }
}

static void read_word(const struct redis_reply *answer, struct book_decision *decision)
{
    static const struct {
        const char *word;
        enum book_outcome outcome;
    } words[] = {
        {"DECIDED", BOOK_DECIDED},       {"BEHIND", BOOK_DECIDED},
        {"POSSIBLE", BOOK_POSSIBLE},     {"NOTED", BOOK_NOTED},
        {"OVERLOADED", BOOK_OVERLOADED}, {"CONFLICT", BOOK_CONFLICT},
        {"HOLD_ENDED", BOOK_HOLD_ENDED}, {"HOLD_RUNS", BOOK_HOLD_RUNS},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (is_word(answer, words[i].word)) {
            decision->outcome = words[i].outcome;
            decision->is_behind = is_word(answer, "BEHIND");
            return;
        }
    }
    fail(decision, STATUS_UNKNOWN, "the script answered what nobody expects");
}

static bool is_word(const struct redis_reply *reply, const char *word)
{
    return reply->type == REDIS_TEXT && bytes_equal(reply->text, bytes_of_text(word));
}

/* The script looked, found a record and wrote nothing. */
static void read_repeated(const struct book *book, const struct redis_reply *record,
                          struct book_decision *decision)
{
    decision->outcome = BOOK_REPEATED;
    if (record->type != REDIS_TEXT || !book_record_decode(book, record->text, &decision->prior)) {
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

static void read_refused(const struct redis_reply *parts, struct book_decision *decision)
{
    read_short(BOOK_AGAINST_RULES, &parts[1], NULL, decision);
    size_t size = parts[2].text.size;
    if (decision->outcome != BOOK_AGAINST_RULES || parts[2].type != REDIS_TEXT ||
        size >= sizeof decision->rule_reason) {
        fail(decision, STATUS_UNKNOWN, "the script answered what nobody expects");
        return;
    }
    memcpy(decision->rule_reason, parts[2].text.data, size);
    decision->rule_reason[size] = '\0';
    (void)book_reply_int(&parts[3], &decision->rule_number);
    (void)book_reply_int(&parts[4], &decision->rule_limit);
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
