/* Control: the shard's row in PostgreSQL - which epoch of stock is in force - and the lock of
 * whoever makes a new one. Called by stock_opener.c; implemented in control_postgres.c. */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "redis/book.h"

struct postgres_link;

struct control_state {
    int64_t epoch;          /* 0: stock was never loaded */
    int64_t update_time_us; /* when this epoch began */
};

enum status control_read(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                         struct control_state *state_out, struct failure *failure);

/* The opener's lock, held by the link's session: it ends with the connection. */
enum status control_try_lead(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                             bool *leads_out, struct failure *failure);
/* Whether this very session still holds it. */
enum status control_leads(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                          bool *leads_out, struct failure *failure);
/* Asks workers to let go of the queue, which they do once they have nothing to do, and not to come
 * back (the other half: SQL_EPOCH of worker/event_store_sql.h). *quiet_out false: one of them is in
 * a transaction; ask again. The session's, like the lock. */
enum status control_ask_quiet(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                              bool *quiet_out, struct failure *failure);
void control_end_quiet(struct postgres_link *link, const char *shard, int64_t deadline_ms);
/* Gives the lock back, and ends the quiet. */
void control_leave(struct postgres_link *link, int64_t deadline_ms);
/* Whoever holds the opener's lock asks PostgreSQL something every few seconds. One that has not for
 * silent_ms stands still, with its connection intact: its session is ended, and with it the lock.
 * *ended_out: whether there was one. */
enum status control_depose(struct postgres_link *link, const char *shard, int64_t silent_ms,
                           struct arena *arena, int64_t deadline_ms, bool *ended_out,
                           struct failure *failure);

/* Whether a change waits in PostgreSQL though the version before it is there: the worker that
 * should have applied it could not, and a sweep will. */
enum status control_has_ready(struct postgres_link *link, int64_t deadline_ms, bool *ready_out,
                              struct failure *failure);

struct control_stock {
    struct book_take *stock; /* what can be sold of each product */
    size_t stock_count;
    struct book_held *held; /* orders that are PENDING */
    size_t held_count;
    struct book_ruled *ruled; /* products with rules, with what can be sold of them */
    size_t ruled_count;
    struct book_bought *bought; /* of products with a limit per customer, within its window */
    size_t bought_count;
};
/* What Redis knows. */
struct control_known {
    int64_t highest;              /* epoch */
    char store[BOOK_STORE_BYTES]; /* the PostgreSQL that has what was settled; "" = no such thing */
};
/* One transaction in which nobody else changes stock: the next epoch begins, deltas of older ones
 * are void (the sums contain them), changes that wait for a lost one lapse (each a line of the
 * log), and what Redis is to hold is read. The epoch is higher than any that is known: a PostgreSQL
 * that lost its last commits would count some twice. */
enum status control_advance(struct postgres_link *link, const char *shard,
                            const struct control_known *known, struct arena *arena,
                            int64_t deadline_ms, struct control_state *state_out,
                            struct control_stock *stock_out, struct failure *failure);

/* Which PostgreSQL this is, without spaces: cluster, timeline, start of the server. Another one has
 * another name, and so has the same one after a restart. */
enum status control_store_name(struct postgres_link *link, int64_t deadline_ms,
                               char name_out[BOOK_STORE_BYTES], struct failure *failure);
