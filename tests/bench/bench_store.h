/* Bench store: what the benches of the server's readers share - a database of their own (as the
 * integration tests', TEST_DATABASE_URL) that they fill by SQL, a link to it as a server's, and
 * PostgreSQL's plans. Ends the program where something fails. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "postgres/postgres_link.h"
#include "tests/support/database.h"

struct bench_store {
    struct database database;
    struct postgres_link *link;
};

/* name: the program's. */
void bench_store_create(struct bench_store *store, const char *name);
void bench_store_destroy(struct bench_store *store);
/* After filling: what autovacuum does to tables of that size in time. */
void bench_store_vacuum(struct bench_store *store, const char *const *tables, size_t count);
/* Prints the generic plan, which is what a prepared statement gets. arguments: as EXECUTE takes
 * them, "(1, 'a')". */
void bench_store_explain(struct bench_store *store, const char *title,
                         const struct postgres_statement *statement, const char *arguments);

/* Sorts them. */
int64_t bench_median(int64_t *values, size_t count);
