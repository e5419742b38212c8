/* See postgres_fixture.h. */
#include "tests/integration/postgres_fixture.h"

#include <stdlib.h>

#include "tests/cmocka_all.h"

#define ARENA_BYTES_MAX (16 * 1024 * 1024)

int postgres_fixture_setup(void **state)
{
    struct postgres_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    database_create(&fixture->database);
    database_execute(&fixture->database,
                     "CREATE TABLE things (id bigint PRIMARY KEY, name text NOT NULL,"
                     " size int CONSTRAINT things_have_size CHECK (size > 0))");
    fixture->link = postgres_fixture_connect(fixture->database.url);
    arena_init(&fixture->arena, 4096, ARENA_BYTES_MAX);
    *state = fixture;
    return 0;
}

int postgres_fixture_teardown(void **state)
{
    struct postgres_fixture *fixture = *state;
    postgres_link_destroy(&fixture->link);
    database_drop(&fixture->database);
    arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

struct postgres_link *postgres_fixture_connect(const char *url)
{
    const struct postgres_link_options options = {.url = url,
                                                  .connect_timeout_ms = 2000,
                                                  .statement_timeout_ms =
                                                      POSTGRES_TEST_STATEMENT_TIMEOUT_MS,
                                                  .application_name = "test",
                                                  .clock = clock_system()};
    struct postgres_link *link = postgres_link_create(&options);
    assert_non_null(link);
    return link;
}

void postgres_fixture_add_insert(struct postgres_fixture *fixture, int64_t id, const char *name)
{
    static const struct postgres_statement insert = {
        "insert", "INSERT INTO things (id, name) VALUES ($1::bigint, $2::text)"};
    struct postgres_parameter *parameters = arena_alloc(&fixture->arena, 2 * sizeof *parameters);
    assert_non_null(parameters);
    parameters[0] = postgres_int8(&fixture->arena, id);
    parameters[1] = postgres_text(name);
    postgres_link_add(fixture->link, &insert, parameters, 2);
}

void postgres_fixture_add(struct postgres_fixture *fixture, const char *sql)
{
    struct postgres_statement *statement = arena_alloc(&fixture->arena, sizeof *statement);
    assert_non_null(statement);
    *statement = (struct postgres_statement){NULL, sql};
    postgres_link_add(fixture->link, statement, NULL, 0);
}

enum status postgres_fixture_flush(struct postgres_fixture *fixture)
{
    const struct postgres_result *const *results;
    fixture->failure = (struct failure){0};
    return postgres_link_flush(fixture->link, 0, &results, &fixture->failure);
}

int64_t postgres_fixture_count(struct postgres_fixture *fixture)
{
    return database_int(&fixture->database, "SELECT count(*) FROM things");
}

int postgres_fixture_backend(struct postgres_fixture *fixture)
{
    static const struct postgres_statement ask = {NULL, "SELECT pg_backend_pid()"};
    const struct postgres_result *result;
    assert_int_equal(postgres_link_query(fixture->link, &ask, NULL, 0, 0, &result, NULL),
                     STATUS_OK);
    return (int)postgres_result_int(result, 0, 0);
}
