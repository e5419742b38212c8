/* See postgres_exchange.h. Results come in the order of what was sent: for each statement that is
 * new on this connection that of its preparation, then its own; last the end of the pipeline. */
#include "postgres/postgres_exchange.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/postgres_inside.h"
#include "postgres/postgres_outcome.h"

#define ROLLBACK_TIMEOUT_MS 1000
#define SEPARATORS_MAX      3 /* NULLs in a row between two results: one, and room for doubt */
#define PREPARED_FIRST_ROOM 32
#define BINARY              1

struct exchange {
    struct postgres_link *link;
    int64_t deadline_ms;
    size_t at;             /* the statement whose result is awaited; count = the end */
    size_t prepared_count; /* on the connection for certain */
    enum status status;    /* of the first failure */
    bool spoiled;          /* the connection has to go */
    struct failure *failure;
};

static bool send_all(struct exchange *exchange);
static bool send_statement(struct postgres_link *link, const struct postgres_pending *pending);
static bool is_prepared(struct postgres_link *link, const char *name);
static bool remember_prepared(struct postgres_link *link, const char *name);
static bool receive_all(struct exchange *exchange);
static bool receive(struct exchange *exchange, PGresult **result_out);
static PGresult *next_result(struct postgres_link *link, int64_t deadline_ms);
static void wait_for_result(struct postgres_link *link, int64_t deadline_ms);
static void note_detail(struct postgres_link *link, const PGresult *result);
static bool ends_connection(const PGresult *result);
static void note_error(struct exchange *exchange, const PGresult *result);
static void note_constraint(struct failure *failure, const PGresult *result);
static void break_off(struct exchange *exchange, bool told);
static void finish(struct exchange *exchange);

enum status postgres_exchange(struct postgres_link *link, int64_t deadline_ms,
                              struct failure *failure)
{
    struct exchange exchange = {.link = link,
                                .deadline_ms = deadline_ms,
                                .prepared_count = link->prepared_count,
                                .failure = failure};
    if (!send_all(&exchange)) {
        break_off(&exchange, false);
    } else if (receive_all(&exchange)) {
        finish(&exchange);
    }
    return exchange.status;
}

/* ---- out ---- */

static bool send_all(struct exchange *exchange)
{
    struct postgres_link *link = exchange->link;
    for (size_t i = 0; i < link->count; i++) {
        struct postgres_pending *pending = &link->pending[i];
        const struct postgres_statement *statement = pending->statement;
        pending->prepares = statement->name != NULL && !is_prepared(link, statement->name);
        if (pending->prepares &&
            (!remember_prepared(link, statement->name) ||
             PQsendPrepare(link->connection, statement->name, statement->sql, 0, NULL) == 0)) {
            return false;
        }
        if (!send_statement(link, pending)) {
            return false;
        }
    }
    return PQpipelineSync(link->connection) == 1;
}

static bool send_statement(struct postgres_link *link, const struct postgres_pending *pending)
{
    const char *values[POSTGRES_PARAMETERS_MAX];
    int sizes[POSTGRES_PARAMETERS_MAX], formats[POSTGRES_PARAMETERS_MAX];
    for (size_t i = 0; i < pending->parameter_count; i++) {
        values[i] = (const char *)pending->parameters[i].value.data;
        sizes[i] = (int)pending->parameters[i].value.size;
        formats[i] = BINARY;
    }
    int count = (int)pending->parameter_count;
    const struct postgres_statement *statement = pending->statement;
    int done = statement->name != NULL ? PQsendQueryPrepared(link->connection, statement->name,
                                                             count, values, sizes, formats, BINARY)
                                       : PQsendQueryParams(link->connection, statement->sql, count,
                                                           NULL, values, sizes, formats, BINARY);
    return done == 1;
}

/* A program has some dozens of statements. */
static bool is_prepared(struct postgres_link *link, const char *name)
{
    for (size_t i = 0; i < link->prepared_count; i++) {
        if (link->prepared[i] == name || strcmp(link->prepared[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool remember_prepared(struct postgres_link *link, const char *name)
{
    if (link->prepared_count == link->prepared_room) {
        size_t room = link->prepared_room > 0 ? 2 * link->prepared_room : PREPARED_FIRST_ROOM;
        const char **prepared = realloc((void *)link->prepared, room * sizeof *prepared);
        if (prepared == NULL) {
            return false;
        }
        link->prepared = prepared;
        link->prepared_room = room;
    }
    link->prepared[link->prepared_count++] = name;
    return true;
}

/* ---- in ---- */

/* Reads to the end of the pipeline, past failed statements. False when it broke off before. */
static bool receive_all(struct exchange *exchange)
{
    struct postgres_link *link = exchange->link;
    for (exchange->at = 0; exchange->at < link->count; exchange->at++) {
        PGresult *result;
        if (link->pending[exchange->at].prepares) {
            if (!receive(exchange, &result)) {
                return false;
            }
            exchange->prepared_count += PQresultStatus(result) == PGRES_COMMAND_OK ? 1 : 0;
            PQclear(result);
        }
        if (!receive(exchange, &result)) {
            return false;
        }
        link->results[exchange->at].result = result;
    }
    for (;;) { /* a transaction may still fail at its implicit commit */
        PGresult *result;
        if (!receive(exchange, &result)) {
            return false;
        }
        bool is_end = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        PQclear(result);
        if (is_end) {
            return true;
        }
    }
}

static bool receive(struct exchange *exchange, PGresult **result_out)
{
    PGresult *result = next_result(exchange->link, exchange->deadline_ms);
    if (result == NULL) {
        break_off(exchange, false);
        return false;
    }
    if (PQresultStatus(result) == PGRES_FATAL_ERROR && exchange->status == STATUS_OK) {
        note_detail(exchange->link, result);
    }
    if (ends_connection(result)) {
        bool told = PQresultErrorField(result, PG_DIAG_SQLSTATE) != NULL;
        PQclear(result);
        break_off(exchange, told);
        return false;
    }
    if (PQresultStatus(result) == PGRES_FATAL_ERROR && exchange->status == STATUS_OK) {
        note_error(exchange, result);
    }
    *result_out = result;
    return true;
}

/* The next result that is one; NULL at the deadline or when there is no connection any more. */
static PGresult *next_result(struct postgres_link *link, int64_t deadline_ms)
{
    for (int separators = 0; separators < SEPARATORS_MAX; separators++) {
        wait_for_result(link, deadline_ms);
        if (PQisBusy(link->connection) != 0 && PQstatus(link->connection) == CONNECTION_OK) {
            return NULL;
        }
        PGresult *result = PQgetResult(link->connection);
        if (result != NULL) {
            return result;
        }
    }
    return NULL;
}

static void wait_for_result(struct postgres_link *link, int64_t deadline_ms)
{
    while (PQisBusy(link->connection) != 0) {
        int unsent = PQflush(link->connection);
        if (unsent < 0 || !postgres_wait(link, unsent > 0, deadline_ms) ||
            PQconsumeInput(link->connection) == 0) {
            return;
        }
    }
}

/* ---- what went wrong ---- */

static void note_detail(struct postgres_link *link, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    (void)snprintf(link->detail, sizeof link->detail, "%s %s%s%s",
                   sqlstate != NULL ? sqlstate : "-----",
                   message != NULL ? message : PQresultErrorMessage(result),
                   detail != NULL ? "; " : "", detail != NULL ? detail : "");
}

/* FATAL and PANIC are the server's last words; without a SQLSTATE it is libpq that speaks, of a
 * connection that is gone. */
static bool ends_connection(const PGresult *result)
{
    if (PQresultStatus(result) != PGRES_FATAL_ERROR) {
        return false;
    }
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL ||
           (severity != NULL && strcmp(severity, "ERROR") != 0);
}

static void note_error(struct exchange *exchange, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    struct failure *failure = exchange->failure;
    exchange->status = postgres_outcome_status(sqlstate);
    exchange->spoiled = postgres_outcome_ends_connection(sqlstate);
    if (exchange->status == STATUS_UNAVAILABLE) {
        (void)postgres_unavailable(failure, "it refuses at the moment", 0);
    } else if (exchange->status == STATUS_UNKNOWN) {
        (void)postgres_unknown(failure, "it does not know itself");
    } else if (exchange->status == STATUS_FAILED_PRECONDITION) {
        (void)failure_set(failure, exchange->status, "CONSTRAINT",
                          "a constraint of the database says no");
        note_constraint(failure, result);
    } else if (exchange->status == STATUS_INVALID_ARGUMENT) {
        (void)failure_set(failure, exchange->status, "DATA_INVALID",
                          "a value does not fit the database");
    } else {
        (void)failure_set(failure, exchange->status, "STORE_ANSWER_UNEXPECTED",
                          "PostgreSQL refused a statement");
    }
    failure_add(failure, "sqlstate", "%s", sqlstate);
}

/* A NOT NULL has no name; its column says as much. */
static void note_constraint(struct failure *failure, const PGresult *result)
{
    const char *name = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    if (name == NULL) {
        name = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
    }
    failure_add(failure, "constraint", "%s", name != NULL ? name : "");
}

/* The connection is lost in the middle. told: the server said so itself. A statement that failed
 * before is what failed: nothing after it was executed. */
static void break_off(struct exchange *exchange, bool told)
{
    struct postgres_link *link = exchange->link;
    const struct postgres_progress progress = {.pending = link->pending,
                                               .count = link->count,
                                               .in_transaction = link->in_transaction,
                                               .answered = exchange->at,
                                               .told = told};
    if (link->detail[0] == '\0') {
        const char *why = PQerrorMessage(link->connection);
        (void)snprintf(link->detail, sizeof link->detail, "%s", *why != '\0' ? why : "timeout");
    }
    postgres_disconnect(link);
    if (exchange->status != STATUS_OK) {
        return;
    }
    exchange->status = postgres_outcome_may_be_committed(&progress)
                           ? postgres_unknown(exchange->failure, "the connection broke")
                           : postgres_unavailable(exchange->failure, "the connection broke", 0);
}

/* The end of the pipeline came: the connection is good. */
static void finish(struct exchange *exchange)
{
    struct postgres_link *link = exchange->link;
    link->prepared_count = exchange->prepared_count;
    link->in_transaction = PQtransactionStatus(link->connection) != PQTRANS_IDLE;
    if (exchange->spoiled) {
        postgres_disconnect(link);
    }
}

bool postgres_exchange_rollback(struct postgres_link *link)
{
    int64_t deadline_ms = clock_monotonic_ms(link->clock) + ROLLBACK_TIMEOUT_MS;
    if (PQsendQueryParams(link->connection, "ROLLBACK", 0, NULL, NULL, NULL, NULL, BINARY) != 1 ||
        PQpipelineSync(link->connection) != 1) {
        return false;
    }
    ExecStatusType status;
    do {
        PGresult *result = next_result(link, deadline_ms);
        status = PQresultStatus(result); /* PGRES_FATAL_ERROR for NULL */
        PQclear(result);
    } while (status == PGRES_COMMAND_OK);
    link->in_transaction = PQtransactionStatus(link->connection) != PQTRANS_IDLE;
    return status == PGRES_PIPELINE_SYNC && !link->in_transaction;
}
