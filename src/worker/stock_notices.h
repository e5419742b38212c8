/* Stock notices: the rows of stock_notices, written with the change that crosses a product's
 * threshold and gone once RabbitMQ has confirmed their event. Statements and rows only: when to
 * tell is stock_teller.c's. */
#pragma once

#include "shop/stock_level.h"
#include "worker/event_rows.h"

/* Adds one row a product whose threshold the plan crosses, comparing what was before the batch with
 * what is after it; nothing when there is none. */
void stock_notices_add(struct event_rows *rows, const struct event_plan *plan, int64_t epoch);

/* Takes up to `most`, oldest first, in a transaction that is left open: whoever else takes does not
 * see them. Commit when all are told; roll back, and they are there again. They live in the arena.
 */
enum status stock_notices_take(struct postgres_link *link, size_t most, struct arena *arena,
                               const struct stock_notice **notices_out, size_t *count_out,
                               struct failure *failure);
enum status stock_notices_commit(struct postgres_link *link, struct failure *failure);
