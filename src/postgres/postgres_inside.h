/* What the postgres_*.c of the link share. Nobody else includes this. */
#pragma once

#include "postgres/postgres_link.h"

struct pg_conn;   /* libpq's PGconn */
struct pg_result; /* and PGresult */

#define POSTGRES_DETAIL_BYTES 1024

struct postgres_result {
    struct pg_result *result;
};

struct postgres_pending {
    const struct postgres_statement *statement;
    const struct postgres_parameter *parameters;
    size_t parameter_count;
    bool prepares; /* goes out with its preparation */
};

struct postgres_link {
    char *url, *application_name, *server_options;
    int64_t connect_timeout_ms, statement_timeout_ms;
    const char *target; /* target_session_attrs */
    const struct clock *clock;

    struct pg_conn *connection; /* NULL: not connected; otherwise in pipeline mode */
    bool in_transaction;        /* after the last flush */
    unsigned failed_connects;   /* in a row */
    int64_t next_connect_ms;    /* not before */

    const char **prepared; /* names, in the order they were prepared on this connection */
    size_t prepared_count, prepared_room;

    struct postgres_pending *pending; /* the pipeline */
    struct postgres_result *results;  /* one a statement */
    const struct postgres_result **views;
    size_t count, room;
    bool flushed;       /* the results are the last flush's */
    bool out_of_memory; /* while adding */

    char detail[POSTGRES_DETAIL_BYTES];
};

/* Makes sure that there is a connection that looks alive. Inside a transaction it fails rather than
 * make another one, which would not have the transaction's beginning. */
enum status postgres_connect(struct postgres_link *link, int64_t deadline_ms,
                             struct failure *failure);
/* Closes it; what was prepared and begun on it is gone. */
void postgres_disconnect(struct postgres_link *link);
/* Waits until the connection can be read or, when asked for, written. False at the deadline. */
bool postgres_wait(struct postgres_link *link, bool for_writing, int64_t deadline_ms);

/* UNAVAILABLE, STORE_UNAVAILABLE / UNKNOWN, OUTCOME_UNKNOWN. */
enum status postgres_unavailable(struct failure *failure, const char *why, int64_t retry_ms);
enum status postgres_unknown(struct failure *failure, const char *why);
