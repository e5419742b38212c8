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
void control_leave(struct postgres_link *link, const char *shard, int64_t deadline_ms);

/* One transaction in which nobody else changes stock: the next epoch begins, deltas of older ones
 * are void (the sums contain them), and what can be sold of each product is read. */
enum status control_advance(struct postgres_link *link, const char *shard, struct arena *arena,
                            int64_t deadline_ms, struct control_state *state_out,
                            struct book_take **stock_out, size_t *count_out,
                            struct failure *failure);
