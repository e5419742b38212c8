/* See book.h. Here: what all parts of the book share. Decisions are in book_decide.c, outbox and
 * records in book_outbox.c, book_settled.c and book_read.c, stock in book_stock.c. */
#include "redis/book.h"

#include <assert.h>
#include <embedded/APPLY_LUA.h>
#include <embedded/CLAIM_ENDED_LUA.h>
#include <embedded/CLAIM_LUA.h>
#include <embedded/CONFIRM_LUA.h>
#include <embedded/DECIDE_LUA.h>
#include <embedded/READ_LUA.h>
#include <embedded/SETTLE_LUA.h>
#include <embedded/TRIM_SETTLED_LUA.h>
#include <embedded/UNSETTLE_LUA.h>
#include <embedded/WALK_SETTLED_LUA.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "redis/book_inside.h"

#define FENCED_RETRY_MS   500 /* loading stock anew takes about that long */
#define OVERLOAD_RETRY_MS 1000

const struct book_limits BOOK_LIMITS_DEFAULT = {
    .outbox_max = 200000,          /* some 120 MB with events of 300 bytes */
    .confirm_grace_ms = 5000,      /* longer than a publisher waits for its confirm */
    .persist_grace_ms = 60000,     /* workers are behind by less, or something is wrong */
    .record_ttl_ms = 600000,       /* repeats come within minutes; later ones find PostgreSQL */
    .refusal_ttl_ms = 600000,      /* the same for refusals, which exist only here */
    .delta_ttl_ms = 7 * 86400000L, /* as long as a worker can be away with deltas to apply */
};

struct script_text {
    struct book_script *script;
    const char *text;
};
#define SCRIPTS_MAX 16

static size_t list_scripts(struct book *book, struct script_text scripts_out[SCRIPTS_MAX]);
static const char *decide_text(void);
static bool init_scripts(struct book *book);
static void make_keys(struct book *book, const char *shard);

struct book *book_create(struct redis_link *link, const char *shard,
                         const struct book_limits *limits)
{
    struct book *book = calloc(1, sizeof *book);
    if (book == NULL) {
        return NULL;
    }
    book->link = link;
    book->limits = *limits;
    make_keys(book, shard);
    if (!init_scripts(book)) {
        book_destroy(&book);
    }
    return book;
}

static size_t list_scripts(struct book *book, struct script_text scripts_out[SCRIPTS_MAX])
{
    const struct script_text scripts[] = {
        {&book->decide, decide_text()},
        {&book->apply, APPLY_LUA},
        {&book->confirm, CONFIRM_LUA},
        {&book->claim, CLAIM_LUA},
        {&book->claim_ended, CLAIM_ENDED_LUA},
        {&book->read, READ_LUA},
        {&book->settle, SETTLE_LUA},
        {&book->trim_settled, TRIM_SETTLED_LUA},
        {&book->walk_settled, WALK_SETTLED_LUA},
        {&book->unsettle, UNSETTLE_LUA},
    };
    memcpy(scripts_out, scripts, sizeof scripts);
    return sizeof scripts / sizeof scripts[0];
}

/* Of a canary: stock goes down before it is known whether all of the order can be had. */
static const char *decide_text(void)
{
    static const char tested[] = "local units = held - quantity\n";
    static const char taken[] = " seen.stock[id], made.stock[id] = rules and string.format('%d', "
                                "units) .. rules or units, true\n";
    static char text[sizeof DECIDE_LUA + sizeof taken];
    if (!CANARY("decrement_first")) {
        return DECIDE_LUA;
    }
    const char *at = strstr(DECIDE_LUA, tested);
    assert(at != NULL);
    at += sizeof tested - 1;
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - DECIDE_LUA), DECIDE_LUA, taken, at);
    return text;
}

static bool init_scripts(struct book *book)
{
    struct script_text scripts[SCRIPTS_MAX];
    size_t count = list_scripts(book, scripts);
    for (size_t i = 0; i < count; i++) {
        if (!book_script_init(scripts[i].script, scripts[i].text)) {
            return false;
        }
    }
    return true;
}

static void make_keys(struct book *book, const char *shard)
{
    const struct {
        char *key;
        const char *name;
    } keys[] = {
        {book->meta, "meta"},
        {book->stock, "stock"},
        {book->outbox, "outbox"},
        {book->unconfirmed, "unconfirmed"},
        {book->unpersisted, "unpersisted"},
        {book->settled, "settled"},
        {book->holds, "holds"},
        {book->ended, "ended"},
        {book->early, "early"},
        {book->bought, "bought"},
        {book->counts, "counts"},
        {book->behind, "behind"},
        {book->record_prefix, "record:"},
        {book->delta_prefix, "delta:"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        (void)snprintf(keys[i].key, BOOK_KEY_BYTES, "{%.32s}:%s", shard, keys[i].name);
    }
}

void book_destroy(struct book **book)
{
    if (*book == NULL) {
        return;
    }
    struct script_text scripts[SCRIPTS_MAX];
    size_t count = list_scripts(*book, scripts);
    for (size_t i = 0; i < count; i++) {
        book_script_fini(scripts[i].script);
    }
    free(*book);
    *book = NULL;
}

void book_set_epoch(struct book *book, int64_t epoch)
{
    if (book->epoch != epoch) {
        book->epoch = epoch;
        book_script_bind(&book->decide, epoch);
        book_script_bind(&book->apply, epoch);
    }
}

int64_t book_epoch(const struct book *book)
{
    return book->epoch;
}

/* ---- inside ---- */

size_t book_reload_blindly(struct book *book)
{
    if (!CANARY("blind_reload")) {
        return 0;
    }
    redis_link_add_text(book->link, "SCRIPT", "LOAD", book->decide.text, NULL);
    redis_link_add_text(book->link, "SCRIPT", "LOAD", book->apply.text, NULL);
    return 2;
}

void book_put_record_key(struct book *book, const struct uuid *record_id)
{
    char id[UUID_TEXT_BYTES];
    uuid_print(record_id, id);
    redis_link_put_joined(book->link, bytes_of_text(book->record_prefix),
                          bytes_of(id, UUID_TEXT_BYTES - 1));
}

/* With the epoch: a database that was restored from a backup gives out ids again. */
void book_put_delta_key(struct book *book, const struct book_delta *delta)
{
    char id[2 * 24];
    int size = snprintf(id, sizeof id, "%" PRId64 ":%" PRId64, delta->epoch, delta->delta_id);
    redis_link_put_joined(book->link, bytes_of_text(book->delta_prefix),
                          bytes_of(id, (size_t)size));
}

void book_put_event_id(struct book *book, const struct uuid *event_id)
{
    redis_link_put(book->link, bytes_of(event_id->bytes, sizeof event_id->bytes));
}

/* No memory or no disk: Redis refuses what would grow, before a script's first write. */
bool book_is_overload(const struct redis_reply *reply)
{
    return redis_reply_is_error(reply, "OOM") || redis_reply_is_error(reply, "MISCONF");
}

bool book_is_fence(const struct redis_reply *reply)
{
    return redis_reply_is_error(reply, "NOSCRIPT") || redis_reply_is_error(reply, "FENCED");
}

enum status book_fenced(const struct book *book, struct failure *failure)
{
    (void)failure_set(failure, STATUS_UNAVAILABLE, "STOCK_FENCED",
                      "stock of epoch %" PRId64 " is not open: it is being loaded anew",
                      book->epoch);
    if (failure != NULL) {
        failure->retry_delay_ms = FENCED_RETRY_MS;
    }
    return STATUS_UNAVAILABLE;
}

enum status book_error(const struct redis_reply *reply, struct failure *failure)
{
    /* All of them are said instead of executing. */
    static const char *const not_executed[] = {
        "OOM",        "MISCONF",  "LOADING", "READONLY", "BUSY",   "CLUSTERDOWN", "MASTERDOWN",
        "NOREPLICAS", "TRYAGAIN", "MOVED",   "ASK",      "NOAUTH", "UNKILLABLE",
    };
    for (size_t i = 0; i < sizeof not_executed / sizeof not_executed[0]; i++) {
        if (redis_reply_is_error(reply, not_executed[i])) {
            (void)failure_set(failure, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE",
                              "Redis refuses at the moment: %s", not_executed[i]);
            failure_add(failure, "store", "redis");
            if (failure != NULL) {
                failure->retry_delay_ms = OVERLOAD_RETRY_MS;
            }
            return STATUS_UNAVAILABLE;
        }
    }
    size_t word = 0;
    while (word < reply->text.size && word < 32 && reply->text.data[word] != ' ') {
        word++;
    }
    return failure_set(failure, STATUS_INTERNAL, "STORE_ANSWER_UNEXPECTED",
                       "Redis answered what nobody expects: %.*s", (int)word,
                       word > 0 ? (const char *)reply->text.data : "");
}

enum status book_check_replies(const struct redis_reply *replies, size_t count,
                               struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        if (replies[i].type == REDIS_ERROR) {
            return book_error(&replies[i], failure);
        }
    }
    return STATUS_OK;
}

bool book_record_decode(const struct book *book, struct bytes bytes, struct book_record *record_out)
{
    const uint8_t *at = bytes.data;
    if (bytes.size < BOOK_RECORD_HEADER_BYTES || at[0] != BOOK_RECORD_FORMAT ||
        (at[1] != BOOK_ACCEPTED && at[1] != BOOK_REFUSED)) {
        return false;
    }
    struct book_record record = {
        .kind = (enum book_record_kind)at[1],
        .is_current = (at[2] << 8 | at[3]) == (int)(book->epoch & 0xffff),
        .version = bytes_read_u32(at + 4),
        .payload = bytes_of(at + BOOK_RECORD_HEADER_BYTES, bytes.size - BOOK_RECORD_HEADER_BYTES),
    };
    memcpy(record.request_hash, at + 8, sizeof record.request_hash);
    memcpy(record.event_id.bytes, at + 24, sizeof record.event_id.bytes);
    *record_out = record;
    return true;
}

bool book_reply_units(const struct redis_reply *reply, int64_t *units_out)
{
    if (reply->type != REDIS_TEXT || reply->text.size == 0) {
        return false;
    }
    char *end;
    long long units = strtoll((const char *)reply->text.data, &end, 10);
    *units_out = units;
    return *end == '\0' || *end == ' '; /* replies are NUL-terminated */
}

bool book_reply_int(const struct redis_reply *reply, int64_t *integer_out)
{
    if (reply->type == REDIS_INTEGER) {
        *integer_out = reply->integer;
        return true;
    }
    if (reply->type != REDIS_TEXT || reply->text.size == 0) {
        return false;
    }
    char *end;
    long long integer = strtoll((const char *)reply->text.data, &end, 10);
    *integer_out = integer;
    return *end == '\0'; /* replies are NUL-terminated */
}
