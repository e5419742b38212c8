/* Postgres exchange: a pipeline goes out, its results come in.
 * Called by postgres_link.c with a connection in hand. */
#pragma once

#include "postgres/postgres_link.h"

/* Sends the link's pending statements (at least one) and fills its results. After a failure the
 * connection either is usable (a transaction may be open on it) or has been dropped. */
enum status postgres_exchange(struct postgres_link *link, int64_t deadline_ms,
                              struct failure *failure);
/* ROLLBACK. False when that did not work. */
bool postgres_exchange_rollback(struct postgres_link *link);
