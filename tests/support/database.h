/* Database: a PostgreSQL database of a test's own, made from the template that has the migrations.
 * Needs TEST_DATABASE_URL: a role that may create databases. Every function fails the test when
 * PostgreSQL says no. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct database {
    char name[64];
    char url[512]; /* for the programs: DATABASE_URL */
    void *connection;
};

void database_create(struct database *database);
/* Also while programs are still connected. */
void database_drop(struct database *database);
/* Another connection to the same database, for another thread; then its end. */
void database_connect(const struct database *database, struct database *other_out);
void database_disconnect(struct database *other);
/* After PostgreSQL ended our connection: a new one, once it takes them again. */
void database_reconnect(struct database *database, int64_t timeout_ms);
/* The first column of the first row, as a number. */
int64_t database_int(struct database *database, const char *sql);
/* The same of a database that may be away: -1 then. */
int64_t database_ask(struct database *database, const char *sql);
/* Any statement. */
void database_execute(struct database *database, const char *sql);
/* All rows, columns separated by ',' and rows by '\n'; the caller frees. */
char *database_rows(struct database *database, const char *sql);

/* Like database_connect; false when PostgreSQL refuses. */
bool database_try_connect(const struct database *database, struct database *other_out);
/* Statements that may fail. */
void database_try(struct database *database, const char *sql);
