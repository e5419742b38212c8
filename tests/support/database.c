/* See database.h. */
#include "tests/support/database.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "tests/support/process.h"

static PGconn *connect_to(const char *url);
static void url_of(const char *base, const char *name, char *out, size_t room);
static PGresult *run(PGconn *connection, const char *sql);

void database_create(struct database *database)
{
    const char *base = getenv("TEST_DATABASE_URL");
    if (base == NULL) {
        fail_msg("TEST_DATABASE_URL is not set: run the tests with ./dev test");
    }
    static int number;
    (void)snprintf(database->name, sizeof database->name, "order_test_%d_%d", (int)getpid(),
                   number++);
    PGconn *admin = connect_to(base);
    char sql[160];
    (void)snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE order_template", database->name);
    PQclear(run(admin, sql));
    PQfinish(admin);
    url_of(base, database->name, database->url, sizeof database->url);
    database->connection = connect_to(database->url);
}

void database_drop(struct database *database)
{
    if (database->connection == NULL) {
        return;
    }
    PQfinish(database->connection);
    database->connection = NULL;
    PGconn *admin = connect_to(getenv("TEST_DATABASE_URL"));
    char sql[160];
    (void)snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", database->name);
    PQclear(run(admin, sql));
    PQfinish(admin);
}

void database_connect(const struct database *database, struct database *other_out)
{
    *other_out = *database;
    other_out->connection = connect_to(database->url);
}

void database_disconnect(struct database *other)
{
    PQfinish(other->connection);
    other->connection = NULL;
}

static bool is_connected(void *state)
{
    PGconn *connection = state;
    PQreset(connection);
    return PQstatus(connection) == CONNECTION_OK;
}

static bool is_lost(void *state)
{
    PGconn *connection = state;
    PQclear(PQexec(connection, "SELECT 1"));
    return PQstatus(connection) != CONNECTION_OK;
}

void database_reconnect(struct database *database, int64_t timeout_ms)
{
    if (!wait_until(is_lost, database->connection, timeout_ms) ||
        !wait_until(is_connected, database->connection, timeout_ms)) {
        fail_msg("PostgreSQL does not come back");
    }
}

/* postgres://user@host:port/OTHER?options -> the same with another database. */
static void url_of(const char *base, const char *name, char *out, size_t room)
{
    const char *authority = strstr(base, "://");
    assert_non_null(authority);
    const char *path = strchr(authority + 3, '/');
    const char *options = strchr(base, '?');
    size_t kept = path != NULL ? (size_t)(path - base)
                               : (options != NULL ? (size_t)(options - base) : strlen(base));
    (void)snprintf(out, room, "%.*s/%s%s", (int)kept, base, name, options != NULL ? options : "");
}

/* "Another process crashed": we made it. */
static void ignore_notice(void *data, const PGresult *notice)
{
    (void)data;
    (void)notice;
}

static PGconn *connect_to(const char *url)
{
    PGconn *connection = PQconnectdb(url);
    (void)PQsetNoticeReceiver(connection, ignore_notice, NULL);
    if (PQstatus(connection) != CONNECTION_OK) {
        fail_msg("PostgreSQL: %s", PQerrorMessage(connection));
    }
    return connection;
}

static PGresult *run(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    }
    return result;
}

int64_t database_int(struct database *database, const char *sql)
{
    PGresult *result = run(database->connection, sql);
    assert_true(PQntuples(result) > 0);
    int64_t value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return value;
}

int64_t database_ask(struct database *database, const char *sql)
{
    PGresult *result = PQexec(database->connection, sql);
    bool has_one = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0;
    int64_t value = has_one ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
    PQclear(result);
    return value;
}

void database_execute(struct database *database, const char *sql)
{
    PQclear(run(database->connection, sql));
}

char *database_rows(struct database *database, const char *sql)
{
    PGresult *result = run(database->connection, sql);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (int row = 0; row < PQntuples(result); row++) {
        for (int column = 0; column < PQnfields(result); column++) {
            (void)fprintf(out, "%s%s", column > 0 ? "," : "", PQgetvalue(result, row, column));
        }
        (void)fputc('\n', out);
    }
    (void)fclose(out);
    PQclear(result);
    return text;
}

bool database_try_connect(const struct database *database, struct database *other_out)
{
    PGconn *connection = PQconnectdb(database->url);
    (void)PQsetNoticeReceiver(connection, ignore_notice, NULL);
    if (PQstatus(connection) != CONNECTION_OK) {
        PQfinish(connection);
        return false;
    }
    *other_out = *database;
    other_out->connection = connection;
    return true;
}

void database_try(struct database *database, const char *sql)
{
    PQclear(PQexec(database->connection, sql));
}
