/* A book in memory that decides as the scripts do, and fails as the test says. There is one, shared
 * by all struct book a program makes. Linked in place of redis/book*.c. */
#pragma once

#include "redis/book.h"

#define FAKE_BOOK_RECORDS_MAX  2048
#define FAKE_BOOK_PRODUCTS_MAX 64
#define FAKE_BOOK_KEPT_MAX     32

struct fake_book_event {
    struct uuid event_id;
    struct bytes event;
    bool unconfirmed;
    bool due;
};

struct fake_book_record {
    struct uuid record_id;
    struct book_record record;
};

struct fake_book {
    /* What the test sets. */
    int64_t epoch; /* in force in "Redis"; 0 = fenced */
    bool overloaded;
    bool behind;        /* decided events have earlier ones that are not confirmed */
    enum status decide; /* UNAVAILABLE: not done; UNKNOWN: done, but the answer is lost */
    enum status read, confirm, claim, settle, apply, check, open, walk, unsettle;
    void (*on_decide)(void); /* runs before each exchange */
    void (*on_read)(void);   /* the same */

    /* What it did. */
    size_t postponed_count; /* events */
    int64_t claim_lease_ms, postponed_by_ms;
    int decide_calls, read_calls, confirm_calls, settle_calls, hurry_calls;
    int64_t decide_deadline_ms;
    int open_begins, open_ends;

    struct {
        char product_id[72];
        int64_t available;
    } stock[FAKE_BOOK_PRODUCTS_MAX];
    size_t stock_count;
    struct fake_book_record records[FAKE_BOOK_RECORDS_MAX];
    size_t record_count;
    struct fake_book_event outbox[FAKE_BOOK_RECORDS_MAX];
    size_t outbox_count;
    size_t settled_count;
    struct bytes kept[FAKE_BOOK_KEPT_MAX]; /* batches, the oldest first */
    size_t kept_count;
    struct book_retention retention; /* of the last trimming */
    char store[BOOK_STORE_BYTES];
    int64_t highest;
    struct book_delta deltas[FAKE_BOOK_PRODUCTS_MAX];
    size_t delta_count;
    size_t ruled_count, bought_count; /* of the last opening */
    bool counting;                    /* the last adjustment of every product is not settled */
    struct {
        struct uuid order_id;
        bool ended; /* what the test makes of time */
        int64_t hold_ms;
    } holds[FAKE_BOOK_RECORDS_MAX];
    size_t hold_count;
};
extern struct fake_book fake_book;

/* Empty and open in epoch 1. Frees what it held. */
void fake_book_reset(void);
void fake_book_set_stock(const char *product_id, int64_t available);
/* -1 when there is no entry. */
int64_t fake_book_available(const char *product_id);
struct fake_book_record *fake_book_record(const struct uuid *record_id);
struct fake_book_event *fake_book_event(const struct uuid *event_id);
/* The order's hold ends now. False when it has none. */
bool fake_book_end_hold(const struct uuid *order_id);
/* Puts an event into the outbox, as a decision by another server would have. */
void fake_book_add_event(const struct uuid *event_id, struct bytes event, bool unconfirmed);
/* What a call says whose status the test has set. */
enum status fake_book_answer(enum status status, struct failure *failure);
