/* Store fixture: a database of a test's own and two links to it, for what the server asks of
 * PostgreSQL. Used by the test_server_*.c. */
#pragma once

#include "base/arena.h"
#include "base/uuid.h"
#include "postgres/postgres_link.h"
#include "tests/support/database.h"

extern struct database database;
extern struct postgres_link *link_of_test, *other_link;
extern struct arena arena;
extern struct failure failure;

int store_fixture_setup(void **state);
int store_fixture_teardown(void **state);
/* A deadline, ten seconds from now. */
int64_t soon(void);
/* xx000000-0000-8000-8000-0000000000yy */
struct uuid make_id(uint8_t first, uint8_t last);
/* p-0001, p-0002, ...: their number is their price and their stock. */
void store_fixture_create_products(size_t count);
