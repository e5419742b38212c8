/* See book.h. Rules of products and what they need to know: what customers have bought, and which
 * adjustment of stock was the last one. Decisions read and write them in lua/decide.lua. */
#include <inttypes.h>
#include <stdio.h>

#include "redis/book_inside.h"

#define ENTRY_BYTES 28 /* order id, when, how many: as decide.lua has it */
/* 90 days, the widest window; the same in decide.lua. Nothing that is not bought again stays
 * longer. */
#define BOUGHT_MS INT64_C(7776000000)
/* Of one field: as many orders of one unit as a customer's limit can be (10,000), and then some. */
#define FIELD_ENTRIES_MAX 16384

static size_t count_field(const struct book_bought *bought, size_t count);
static bool add_field(struct book *book, const struct book_bought *bought, size_t count,
                      struct arena *arena);
static void put_entry(uint8_t *to, const struct book_bought *bought);
static enum status exchange(struct book *book, size_t commands, struct failure *failure);

void book_rules_print(const struct book_rules *rules, char text[BOOK_RULES_BYTES])
{
    (void)snprintf(text, BOOK_RULES_BYTES,
                   "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
                   " %" PRId64 " %" PRId64,
                   rules->version, rules->state, rules->most_an_order, rules->most_a_customer,
                   rules->window_ms, rules->since_ms, rules->from_ms, rules->until_ms);
}

enum status book_open_rules(struct book *book, const struct book_ruled *ruled, size_t count,
                            struct failure *failure)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK; at += BOOK_CHUNK_MAX) {
        size_t products = count - at < BOOK_CHUNK_MAX ? count - at : BOOK_CHUNK_MAX;
        book_begin_load(book, "HSET", book->stock, 2 * products);
        for (size_t i = at; i < at + products; i++) {
            char units[24];
            int size = snprintf(units, sizeof units, "%" PRId64 " ", ruled[i].available);
            redis_link_put_text(book->link, ruled[i].product_id);
            redis_link_put_joined(book->link, bytes_of(units, (size_t)size),
                                  bytes_of_text(ruled[i].rules));
        }
        status = exchange(book, 1, failure);
    }
    return status;
}

enum status book_open_bought(struct book *book, const struct book_bought *bought, size_t count,
                             struct failure *failure)
{
    struct arena arena;
    arena_init(&arena, BOOK_CHUNK_MAX * ENTRY_BYTES, (size_t)ENTRY_BYTES * FIELD_ENTRIES_MAX);
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK;) {
        size_t fields = 0;
        for (; at < count && fields < BOOK_CHUNK_MAX; fields++) {
            size_t entries = count_field(bought + at, count - at);
            arena_reset(&arena);
            if (!add_field(book, bought + at, entries, &arena)) {
                status = failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                                     "a customer has more orders of a product than fit");
            }
            at += entries;
        }
        enum status sent = exchange(book, 2 * fields, failure);
        status = status == STATUS_OK ? sent : status;
    }
    arena_fini(&arena);
    return status;
}

/* How many of the first one's customer and product. */
static size_t count_field(const struct book_bought *bought, size_t count)
{
    size_t same = 1;
    while (same < count && strcmp(bought[same].customer_id, bought[0].customer_id) == 0 &&
           strcmp(bought[same].product_id, bought[0].product_id) == 0) {
        same++;
    }
    return same;
}

/* Two commands, whatever happens. */
static bool add_field(struct book *book, const struct book_bought *bought, size_t count,
                      struct arena *arena)
{
    struct redis_link *link = book->link;
    uint8_t *entries = arena_alloc(arena, count * ENTRY_BYTES);
    struct bytes value = bytes_of(entries, entries != NULL ? count * ENTRY_BYTES : 0);
    char field[2 * 128];
    int size = snprintf(field, sizeof field, "%.64s%c%.64s", bought[0].customer_id, '\0',
                        bought[0].product_id);
    for (size_t i = 0; entries != NULL && i < count; i++) {
        put_entry(entries + i * ENTRY_BYTES, &bought[i]);
    }
    book_begin_load(book, "HSET", book->bought, 2);
    redis_link_put(link, bytes_of(field, (size_t)size));
    redis_link_put(link, value);
    book_begin_load(book, "HPEXPIRE", book->bought, 4);
    redis_link_put_int(link, BOUGHT_MS);
    redis_link_put_text(link, "FIELDS");
    redis_link_put_text(link, "1");
    redis_link_put(link, bytes_of(field, (size_t)size));
    return entries != NULL;
}

static void put_entry(uint8_t *to, const struct book_bought *bought)
{
    memcpy(to, bought->order_id.bytes, sizeof bought->order_id.bytes);
    for (int i = 0; i < 8; i++) {
        to[16 + i] = (uint8_t)((uint64_t)bought->unix_ms >> (56 - 8 * i));
    }
    for (int i = 0; i < 4; i++) {
        to[24 + i] = (uint8_t)((uint64_t)bought->quantity >> (24 - 8 * i));
    }
}

static enum status exchange(struct book *book, size_t commands, struct failure *failure)
{
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(book->link, 0, &replies, failure);
    return status == STATUS_OK ? book_check_opening(replies, commands, failure) : status;
}

/* First which adjustment, then whether it is settled: what is settled was committed before, so that
 * PostgreSQL shows it to whoever looks there next. */
enum status book_read_counts(struct book *book, struct book_count *counts, size_t count,
                             struct arena *arena, int64_t deadline_ms, struct failure *failure)
{
    redis_link_begin(book->link, 2 + count);
    redis_link_put_text(book->link, "HMGET");
    redis_link_put_text(book->link, book->counts);
    for (size_t i = 0; i < count; i++) {
        redis_link_put_text(book->link, counts[i].product_id);
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
        counts[i].event_id = arena_copy(arena, replies[0].elements[i].text);
        counts[i].in_outbox = false;
    }
    for (size_t i = 0; i < count; i++) {
        redis_link_begin(book->link, 3);
        redis_link_put_text(book->link, "HEXISTS");
        redis_link_put_text(book->link, book->outbox);
        redis_link_put(book->link, counts[i].event_id);
    }
    status = redis_link_exchange(book->link, deadline_ms, &replies, failure);
    if (status == STATUS_OK) {
        status = book_check_replies(replies, count, failure);
    }
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        counts[i].in_outbox = replies[i].integer == 1;
    }
    return status;
}
