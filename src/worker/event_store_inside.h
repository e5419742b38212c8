/* Event store inside: what its files share - event_store_postgres.c writes batches,
 * event_store_letters.c keeps dead letters,
 * event_sweep_postgres.c tidies up behind them; nobody else includes it. */
#pragma once

#include "postgres/postgres_fitness.h"
#include "worker/event_rows.h"

struct event_store {
    struct postgres_link *link;
    struct postgres_fitness fitness;
    const struct clock *clock;
    const char *shard;
    struct arena arena; /* of the write under way, and of what it returned */
    struct event_rows rows;
    const struct postgres_result *const *results;
    struct event_sweep sweep; /* locked by sweep_begin */
    struct uuid *ready;       /* orders whose waiting events can be applied */
    size_t ready_count;
};

/* A new write: what the last one returned is gone. */
void event_store_start(struct event_store *store);
/* Sends what was added; results are in store->results. */
enum status event_store_exchange(struct event_store *store, struct failure *failure);
/* The same behind a COMMIT. */
enum status event_store_commit(struct event_store *store, struct failure *failure);
enum status event_store_read_epoch(const struct postgres_result *result, int64_t *epoch_out,
                                   struct failure *failure);
enum status event_store_read_deltas(struct event_store *store, size_t result,
                                    const struct book_delta **deltas_out, size_t *count_out,
                                    struct failure *failure);
