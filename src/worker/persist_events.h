/* Persist events: from the queue to PostgreSQL, each event once - the worker's story.
 *     take -> decode -> batch -> one transaction -> acknowledge -> settle and apply in Redis
 * Called by a lane, over and over. Invariants, each with tests of its name:
 *   W1 a message is acknowledged only after all its events are committed;
 *   W2 an event that is delivered again changes nothing;
 *   W3 an event that cannot be stored leaves by the dead-letter door, its neighbours are stored;
 *   W4 PostgreSQL away costs time, not delivery attempts: the batch is held and tried again, then
 *      given back once, and nothing is taken until PostgreSQL answers;
 *   W5 Redis away stops nothing: what it was not told stays in stock_deltas and in its outbox;
 *   W6 asked to be quiet, it lets go of the queue, but not of anything it has taken. */
#pragma once

#include "redis/book.h"
#include "worker/event_store.h"
#include "worker/inbox.h"
#include "worker/worker_report.h"

struct persist_options {
    int64_t idle_ms; /* an empty queue: how often stop, sweep and report get their turn */
    int64_t hold_ms; /* how long a batch that cannot be written is held */
    int64_t sweep_ms, sweep_age_ms;
};

struct persist {
    struct persist_options options;
    struct inbox *inbox; /* these are borrowed */
    struct event_store *store;
    struct book *book;
    const struct clock *clock;
    struct worker_report *report;

    struct event_write written; /* by the turn under way, to be applied when acknowledged */
    int64_t committed_ms;       /* when the first of its transactions was begun; 0 = none yet */
    bool stands_back;  /* takes nothing: until the store answers, and while stock is loaded anew */
    bool has_taken;    /* RabbitMQ has been consumed from */
    bool refused;      /* a store says no, and did from the start: nothing that waiting heals */
    unsigned attempts; /* to reach the store, in a row */
    int64_t next_sweep_ms;
};

/* Before the first turn: waits until PostgreSQL has answered whether it is the right one. False: it
 * is not (`refused` is set), or a stop was asked for. */
bool persist_begin(struct persist *persist);
/* One turn: a batch, if there is one, and what is due besides. Returns within idle_ms, or what a
 * batch takes; sooner when a stop is asked for. `persist` begins with stands_back set. */
void persist_step(struct persist *persist);
