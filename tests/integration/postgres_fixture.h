/* Postgres fixture: a database of a test's own with one table, and a link to it.
 *     things (id bigint primary key, name text not null, size int check (size > 0))
 * Used by the test_postgres_*.c. */
#pragma once

#include "base/arena.h"
#include "postgres/postgres_array.h"
#include "postgres/postgres_link.h"
#include "tests/support/database.h"

#define POSTGRES_TEST_STATEMENT_TIMEOUT_MS 1000

struct postgres_fixture {
    struct database database;
    struct postgres_link *link;
    struct arena arena;
    struct failure failure; /* of the last flush */
};

int postgres_fixture_setup(void **state);
int postgres_fixture_teardown(void **state);
struct postgres_link *postgres_fixture_connect(const char *url);

/* Adds INSERT INTO things; name NULL breaks it with a NOT NULL. */
void postgres_fixture_add_insert(struct postgres_fixture *fixture, int64_t id, const char *name);
void postgres_fixture_add(struct postgres_fixture *fixture, const char *sql); /* unprepared */
enum status postgres_fixture_flush(struct postgres_fixture *fixture);
/* Rows in things, seen by another connection. */
int64_t postgres_fixture_count(struct postgres_fixture *fixture);
/* The link's backend, asked through it. */
int postgres_fixture_backend(struct postgres_fixture *fixture);
