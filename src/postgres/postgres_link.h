/* PostgreSQL link: one connection, used by one thread.
 * Called by every *_postgres.c of server and worker; with postgres_array.c the only code that knows
 * libpq. All parameters and results are binary.
 * Always: a broken connection is dropped and made again by the next use, not more often than the
 * backoff allows; statements are prepared once a connection; SQL text is constant.
 * Statuses: UNAVAILABLE = not done, try later (08*, 53*, 57P0*, 58*, 40001, 40P01, timeouts before
 * COMMIT was sent); UNKNOWN = the connection broke while COMMIT was under way (or a pipeline that
 * writes without BEGIN);
 * FAILED_PRECONDITION = a constraint said no (23*: failure.reason is "CONSTRAINT", metadata
 * constraint=<its name>); INVALID_ARGUMENT = data exception (22*); INTERNAL = our own SQL.
 * failure.message never carries SQL or values; those are in postgres_link_detail, for the log. */
#pragma once

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/uuid.h"

struct postgres_link;
struct postgres_result;

struct postgres_link_options {
    const char *url; /* DATABASE_URL, any libpq connection string */
    int64_t connect_timeout_ms;
    int64_t statement_timeout_ms;
    const char *application_name;
    bool any_server; /* one that cannot be written to will do */
    const struct clock *clock;
};

/* Connects lazily. */
struct postgres_link *postgres_link_create(const struct postgres_link_options *options);
void postgres_link_destroy(struct postgres_link **link);
/* Connects now if need be. */
enum status postgres_link_ready(struct postgres_link *link, struct failure *failure);

/* A statement of the program: a constant. `name` names the prepared statement, NULL sends it
 * unprepared (BEGIN, COMMIT). */
struct postgres_statement {
    const char *name;
    const char *sql;
};

/* Parameters are binary in PostgreSQL's own formats, made by postgres_array.h; the types follow
 * from the casts in the SQL ($1::uuid[]). */
struct postgres_parameter {
    struct bytes value; /* data NULL = SQL NULL */
    bool failed;        /* no memory to make it: the flush sends nothing, RESOURCE_EXHAUSTED */
};
#define POSTGRES_PARAMETERS_MAX 32 /* a statement */

/* Adds a statement to the pipeline. Parameters (and the array of them) are borrowed until the
 * flush. */
void postgres_link_add(struct postgres_link *link, const struct postgres_statement *statement,
                       const struct postgres_parameter *parameters, size_t count);
/* Sends all and reads all results, one a statement, in order, until deadline_ms (monotonic; <= 0:
 * twice the statement timeout). When one fails, the rest of the pipeline was not executed, *failure
 * is its, and an open transaction is rolled back before this returns. Without a BEGIN a pipeline is
 * one transaction of its own. A transaction may go on over several flushes; when its connection
 * breaks in between, the next flush fails, nothing of it is done outside the transaction.
 * Results are the link's until its next add. */
enum status postgres_link_flush(struct postgres_link *link, int64_t deadline_ms,
                                const struct postgres_result *const **results_out,
                                struct failure *failure);
/* One statement, at once. */
enum status postgres_link_query(struct postgres_link *link,
                                const struct postgres_statement *statement,
                                const struct postgres_parameter *parameters, size_t count,
                                int64_t deadline_ms, const struct postgres_result **result_out,
                                struct failure *failure);
/* ROLLBACK if a transaction is open. */
void postgres_link_rollback(struct postgres_link *link);

size_t postgres_result_rows(const struct postgres_result *result);
bool postgres_result_is_null(const struct postgres_result *result, size_t row, size_t column);
/* Binary columns; the type must be the column's (checked by length, assert). NULLs read as 0, ""
 * and no bytes. Texts are NUL-terminated views until the link's next add. */
struct bytes postgres_result_bytes(const struct postgres_result *result, size_t row, size_t column);
const char *postgres_result_text(const struct postgres_result *result, size_t row, size_t column);
int64_t postgres_result_int(const struct postgres_result *result, size_t row,
                            size_t column); /* bool, int2, int4, int8 */
struct uuid postgres_result_uuid(const struct postgres_result *result, size_t row, size_t column);
int64_t postgres_result_unix_us(const struct postgres_result *result, size_t row,
                                size_t column); /* timestamptz */

/* The last failure's SQLSTATE, message and detail, for the program's log; "" when none. */
const char *postgres_link_detail(const struct postgres_link *link);
