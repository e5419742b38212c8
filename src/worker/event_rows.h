/* Event rows: a plan as PostgreSQL's arrays, and PostgreSQL's answers as facts of the plan.
 * Called by event_store_postgres.c. Adding puts one statement into the link's pipeline and returns
 * where its result will be. When the arena is full the exchange sends nothing and says so. */
#pragma once

#include "postgres/postgres_array.h"
#include "worker/event_plan.h"

struct event_rows {
    struct postgres_link *link;
    struct arena *arena;
    size_t added; /* statements since the last exchange */
};

size_t event_rows_add(struct event_rows *rows, const struct postgres_statement *statement,
                      const struct postgres_parameter *parameters, size_t count);
size_t event_rows_add_orders(struct event_rows *rows, const struct event_plan *plan);
size_t event_rows_add_lock(struct event_rows *rows, const struct event_plan *plan);
size_t event_rows_add_entries_query(struct event_rows *rows, const struct event_plan *plan);
/* Orders that were not fresh. */
size_t event_rows_add_winners_query(struct event_rows *rows, const struct event_plan *plan);
size_t event_rows_add_doubles(struct event_rows *rows, const struct event_plan *plan,
                              int64_t epoch);
/* What the plan does to stock and its ledger, orders to be counted, and those that are rejected. */
void event_rows_add_decided(struct event_rows *rows, const struct event_plan *plan);
/* Those of which there is something to write; return false when there is nothing. */
bool event_rows_add_deltas(struct event_rows *rows, const struct event_plan *plan, int64_t epoch,
                           size_t *result_out);
bool event_rows_add_letters(struct event_rows *rows, const char *shard,
                            const struct dead_letter *letters, size_t count);
void event_rows_add_forget(struct event_rows *rows, const struct book_delta *deltas, size_t count);

void event_rows_read_orders(const struct postgres_result *result, struct event_plan *plan);
void event_rows_read_stock(const struct postgres_result *result, struct event_plan *plan);
void event_rows_read_entries(const struct postgres_result *result, struct event_plan *plan);
void event_rows_read_winners(const struct postgres_result *result, struct event_plan *plan);
void event_rows_read_doubles(const struct postgres_result *result, struct event_plan *plan);
/* NULL when the arena is full. */
const struct book_delta *event_rows_read_deltas(const struct postgres_result *result,
                                                struct arena *arena);
