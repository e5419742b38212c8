/* Postgres outcome: what a failure means for whoever retries. Pure: no connection, no libpq.
 * Called by postgres_link.c. */
#pragma once

#include "base/status.h"
#include "postgres/postgres_inside.h"

/* SQLSTATE (five characters) -> status, as postgres_link.h says. */
enum status postgres_outcome_status(const char *sqlstate);
/* Whether the connection is of no use after this SQLSTATE: it ends, reached a server that only
 * reads, or holds prepared statements that do not fit any more. */
bool postgres_outcome_ends_connection(const char *sqlstate);

/* Where a connection was when it broke. */
struct postgres_progress {
    const struct postgres_pending *pending; /* as they were sent, in one pipeline */
    size_t count;
    bool in_transaction; /* when it began */
    size_t answered;     /* results that came; count = all but the end of the pipeline */
    /* The server itself said that it ended the connection: nothing after the statement that was
     * being executed has been. */
    bool told;
};
/* Whether something may have been committed although no answer says so. */
bool postgres_outcome_may_be_committed(const struct postgres_progress *progress);
