/* Event store: the worker's door to what is true. Implemented by event_store_postgres.c.
 * Called by persist_events.c.
 * Always: a write is all of its batch or none of it; writing something again changes nothing;
 *   - an event is stored once, and an order once: primary keys say so, not the queue;
 *   - an order goes from version to version: an event that comes before its predecessor is stored
 *     and waits; whoever closes the gap applies it (event_store_fold), so that order of arrival,
 *     duplicates and redelivery do not matter;
 *   - reserved <= on_hand: every product is looked at, under a lock, before it is changed;
 *   - what Redis has to be told is written (stock_deltas) with the change that causes it.
 * Not here: retries and isolation (the story decides), Redis. One store a thread. */
#pragma once

#include "redis/book.h"
#include "shop/event_codec.h"

struct event_store;

enum event_outcome {
    EVENT_STORED,    /* for the first time */
    EVENT_DUPLICATE, /* was there: nothing done */
    EVENT_DOUBLE,    /* another event has made this order, or this version of it: units that it took
                        are given back */
    EVENT_STALE,     /* the same from an older epoch: those units are gone with that stock */
    EVENT_LAPSED,    /* of an older epoch, and not stored when stock was loaded: nothing done. The
                        order, and its units, may have gone another way since */
    EVENT_LATE,      /* stored after its epoch ended, because it is `lasting`: its units are taken
                        from this epoch's stock */
    EVENT_REJECTED,  /* stored, but there are no such units, or it contradicts the order; must not
                        happen to what was accepted */
    EVENT_WAITING,   /* stored; applied to the order once the version before it is */
    EVENT_OUTCOME_COUNT,
};

struct stored_event {
    const struct event *event;
    /* Whatever its epoch: its units are not in the stock in force. So it is with the event of a
     * dead letter that holds them. */
    bool held;
    /* It does not lapse: somebody wants a dead letter stored after all, PostgreSQL had it and lost
     * it, or it was put aside while the queue was waited for. */
    bool lasting;

    enum event_outcome outcome;
};

/* Something that cannot be stored, with why. All borrowed. */
struct dead_letter {
    const char *reason, *message;
    const char *routing_key, *message_id;
    struct bytes body;
    const struct event *event; /* whose units the letter holds until it is decided; or NULL */
};

struct event_write {
    struct stored_event *events;
    size_t event_count;
    const struct dead_letter *letters;
    size_t letter_count;
    int64_t letter_id; /* the event is of this dead letter, which is settled with it; 0 = none */

    /* out, the store's until its next use */
    int64_t epoch;                   /* in force */
    const struct book_delta *deltas; /* written now; to be applied, then forgotten */
    size_t delta_count;
    size_t folded, refused; /* events that had waited: applied now, or rejected */
};

struct event_sweep {
    int64_t epoch; /* in force */
    const struct book_delta *deltas;
    size_t count;
};

/* shard: "s0". NULL when memory is out. Connects lazily. */
struct event_store *event_store_create(const char *database_url, const char *shard,
                                       const char *application_name, const struct clock *clock);
void event_store_destroy(struct event_store **store);
/* FAILED_PRECONDITION: it is not the database that this program was built for, or cannot be written
 * to (postgres_fitness.h). Others: not known now. */
enum status event_store_fits(struct event_store *store, struct failure *failure);
/* Whether PostgreSQL answers and has what is needed. *quiet_out: stock is about to be loaded anew,
 * and whoever does that wants to see that no worker holds anything of the queue. */
enum status event_store_ready(struct event_store *store, bool *quiet_out, struct failure *failure);
/* UNAVAILABLE = not written, UNKNOWN = may be written: try the same again. INTERNAL = our own fault
 * or the schema's: the same, but say so. FAILED_PRECONDITION, INVALID_ARGUMENT: one of the events
 * is at fault, and which one shows when each is written alone. */
enum status event_store_write(struct event_store *store, struct event_write *write,
                              struct failure *failure);
/* Applies up to `most` orders' events that wait though the version before them is there: what a
 * writer left that died after its commit. A write does it for its own orders. Events of `write`
 * are not looked at; fails like a write. */
enum status event_store_fold(struct event_store *store, size_t most, struct event_write *write,
                             struct failure *failure);
/* They have been applied to Redis. */
enum status event_store_forget_deltas(struct event_store *store, const struct book_delta *deltas,
                                      size_t count, struct failure *failure);
/* Deltas of writers that died before they applied them: locks up to `most` older than age_ms, which
 * no other sweeper then gets, until event_store_sweep_end. */
enum status event_store_sweep_begin(struct event_store *store, int64_t age_ms, size_t most,
                                    struct event_sweep *sweep_out, struct failure *failure);
/* `applied`: they are forgotten; else they are found another time. Old entries of the feed go, too.
 */
enum status event_store_sweep_end(struct event_store *store, bool applied, struct failure *failure);
/* A dead letter that somebody wants stored after all: the oldest; letter_id 0 when there is none.
 * Whoever writes its event with its letter_id settles it; two that do so store it once. */
struct requeued_letter {
    int64_t letter_id;
    struct bytes body; /* the store's until its next use */
    bool held;         /* it holds the event's units */
};
enum status event_store_next_letter(struct event_store *store, struct requeued_letter *letter_out,
                                    struct failure *failure);
/* It still cannot be stored: undecided again, for this reason. */
enum status event_store_return_letter(struct event_store *store, int64_t letter_id,
                                      const struct failure *why, struct failure *failure);
/* SQLSTATE and detail of the last failure, for the log. */
const char *event_store_detail(const struct event_store *store);
