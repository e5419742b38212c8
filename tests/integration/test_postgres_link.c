/* The PostgreSQL link against a real server: statements, transactions, values, refusals. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/integration/postgres_fixture.h"

static const struct postgres_result *query(struct postgres_fixture *fixture,
                                           const struct postgres_statement *statement,
                                           const struct postgres_parameter *parameters,
                                           size_t count)
{
    const struct postgres_result *result;
    if (postgres_link_query(fixture->link, statement, parameters, count, 0, &result, NULL) !=
        STATUS_OK) {
        fail_msg("%s", postgres_link_detail(fixture->link));
    }
    return result;
}

/* ---- values ---- */

static void test_integers_go_and_come(void **state)
{
    struct postgres_fixture *fixture = *state;
    static const int64_t numbers[] = {0, 1, -1, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    struct postgres_array array;
    postgres_array_init(&array, POSTGRES_INT8, &fixture->arena, 1); /* it grows */
    for (size_t i = 0; i < 7; i++) {
        postgres_array_add_int(&array, numbers[i]);
    }
    struct postgres_parameter parameter = postgres_array_parameter(&array);
    static const struct postgres_statement wide = {"wide", "SELECT unnest($1::bigint[])"};
    const struct postgres_result *result = query(fixture, &wide, &parameter, 1);
    assert_int_equal(postgres_result_rows(result), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_true(postgres_result_int(result, i, 0) == numbers[i]);
    }

    postgres_array_init(&array, POSTGRES_INT4, &fixture->arena, 5);
    for (size_t i = 0; i < 5; i++) {
        postgres_array_add_int(&array, numbers[i]);
    }
    parameter = postgres_array_parameter(&array);
    static const struct postgres_statement narrow = {
        "narrow", "SELECT n, n::smallint = n, (n % 1000)::smallint FROM unnest($1::int[]) n"
                  " WHERE abs(n::bigint) < 2"};
    result = query(fixture, &narrow, &parameter, 1);
    assert_int_equal(postgres_result_rows(result), 3);
    assert_int_equal(postgres_result_int(result, 2, 0), -1);
    assert_int_equal(postgres_result_int(result, 2, 1), 1); /* true */
    assert_int_equal(postgres_result_int(result, 2, 2), -1);
}

static void test_texts_bytes_and_nulls_go_and_come(void **state)
{
    struct postgres_fixture *fixture = *state;
    static const char wild[] = "\0\xff\r\n'$1";
    struct postgres_array texts, blobs;
    postgres_array_init(&texts, POSTGRES_TEXT, &fixture->arena, 3);
    postgres_array_init(&blobs, POSTGRES_BYTEA, &fixture->arena, 3);
    postgres_array_add_text(&texts, "Grüße, \"{}\", NULL");
    postgres_array_add_text(&texts, NULL);
    postgres_array_add_text(&texts, "");
    postgres_array_add_bytes(&blobs, bytes_of(wild, sizeof wild));
    postgres_array_add_bytes(&blobs, (struct bytes){0});
    postgres_array_add_bytes(&blobs, bytes_of("x", 1));
    const struct postgres_parameter parameters[] = {postgres_array_parameter(&texts),
                                                    postgres_array_parameter(&blobs)};
    static const struct postgres_statement both = {
        "both", "SELECT t, b FROM unnest($1::text[], $2::bytea[]) AS rows (t, b)"};
    const struct postgres_result *result = query(fixture, &both, parameters, 2);
    assert_int_equal(postgres_result_rows(result), 3);
    assert_string_equal(postgres_result_text(result, 0, 0), "Grüße, \"{}\", NULL");
    assert_true(postgres_result_is_null(result, 1, 0));
    assert_string_equal(postgres_result_text(result, 1, 0), "");
    assert_false(postgres_result_is_null(result, 2, 0));
    assert_string_equal(postgres_result_text(result, 2, 0), "");
    assert_true(bytes_equal(postgres_result_bytes(result, 0, 1), bytes_of(wild, sizeof wild)));
    assert_false(postgres_result_is_null(result, 1, 1));
    assert_int_equal(postgres_result_bytes(result, 1, 1).size, 0);
}

static void test_uuids_and_times_go_and_come(void **state)
{
    struct postgres_fixture *fixture = *state;
    struct uuid id = uuid_v7(clock_system());
    int64_t now_us = clock_unix_us(clock_system());
    struct postgres_array uuids, times;
    postgres_array_init(&uuids, POSTGRES_UUID, &fixture->arena, 2);
    postgres_array_init(&times, POSTGRES_TIMESTAMPTZ, &fixture->arena, 2);
    postgres_array_add_uuid(&uuids, &id);
    postgres_array_add_uuid(&uuids, NULL);
    postgres_array_add_unix_us(&times, now_us);
    postgres_array_add_unix_us(&times, -1);
    const struct postgres_parameter parameters[] = {postgres_array_parameter(&uuids),
                                                    postgres_array_parameter(&times)};
    static const struct postgres_statement both = {
        "both", "SELECT u, t, u::text, extract(epoch FROM t)::bigint, 'infinity'::timestamptz"
                " FROM unnest($1::uuid[], $2::timestamptz[]) AS rows (u, t)"};
    const struct postgres_result *result = query(fixture, &both, parameters, 2);
    struct uuid back = postgres_result_uuid(result, 0, 0);
    char text[UUID_TEXT_BYTES];
    uuid_print(&id, text);
    assert_memory_equal(&back, &id, sizeof id);
    assert_string_equal(postgres_result_text(result, 0, 2), text);
    assert_true(postgres_result_is_null(result, 1, 0));
    assert_int_equal(postgres_result_uuid(result, 1, 0).bytes[0], 0);
    assert_true(postgres_result_unix_us(result, 0, 1) == now_us);
    assert_true(postgres_result_unix_us(result, 1, 1) == -1);
    assert_true(llabs(postgres_result_int(result, 0, 3) - now_us / 1000000) <= 1);
    assert_true(postgres_result_unix_us(result, 0, 4) == INT64_MAX);
}

static void test_empty_arrays_have_no_rows(void **state)
{
    struct postgres_fixture *fixture = *state;
    static const struct {
        enum postgres_type type;
        struct postgres_statement statement;
    } cases[] = {
        {POSTGRES_INT8, {"e8", "SELECT unnest($1::bigint[])"}},
        {POSTGRES_INT4, {"e4", "SELECT unnest($1::int[])"}},
        {POSTGRES_TEXT, {"et", "SELECT unnest($1::text[])"}},
        {POSTGRES_BYTEA, {"eb", "SELECT unnest($1::bytea[])"}},
        {POSTGRES_UUID, {"eu", "SELECT unnest($1::uuid[])"}},
        {POSTGRES_TIMESTAMPTZ, {"ez", "SELECT unnest($1::timestamptz[])"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct postgres_array array;
        postgres_array_init(&array, cases[i].type, &fixture->arena, 0);
        struct postgres_parameter parameter = postgres_array_parameter(&array);
        const struct postgres_result *result = query(fixture, &cases[i].statement, &parameter, 1);
        assert_int_equal(postgres_result_rows(result), 0);
    }
}

static void test_single_values_go_and_come(void **state)
{
    struct postgres_fixture *fixture = *state;
    struct uuid id = uuid_v7(clock_system());
    const struct postgres_parameter parameters[] = {
        postgres_int8(&fixture->arena, -5),
        postgres_text("text"),
        postgres_text(NULL),
        postgres_uuid(&id),
        postgres_uuid(NULL),
        postgres_timestamptz(&fixture->arena, 1),
    };
    static const struct postgres_statement all = {
        "all", "SELECT $1::bigint, $2::text, $3::text, $4::uuid, $5::uuid, $6::timestamptz"};
    const struct postgres_result *result = query(fixture, &all, parameters, 6);
    struct uuid back = postgres_result_uuid(result, 0, 3);
    assert_int_equal(postgres_result_int(result, 0, 0), -5);
    assert_string_equal(postgres_result_text(result, 0, 1), "text");
    assert_true(postgres_result_is_null(result, 0, 2));
    assert_memory_equal(&back, &id, sizeof id);
    assert_true(postgres_result_is_null(result, 0, 4));
    assert_int_equal(postgres_result_unix_us(result, 0, 5), 1);
}

static void test_a_value_without_memory_is_never_sent(void **state)
{
    struct postgres_fixture *fixture = *state;
    struct arena tiny;
    arena_init(&tiny, 64, 64);
    struct postgres_array array;
    postgres_array_init(&array, POSTGRES_INT8, &tiny, 1);
    for (int i = 0; i < 10; i++) {
        postgres_array_add_int(&array, i);
    }
    assert_true(postgres_array_failed(&array));
    struct postgres_parameter parameter = postgres_array_parameter(&array);
    static const struct postgres_statement insert = {
        "from array", "INSERT INTO things SELECT id, 'x' FROM unnest($1::bigint[]) id"};
    postgres_fixture_add(fixture, "BEGIN");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    postgres_fixture_add_insert(fixture, 1, "one");
    postgres_link_add(fixture->link, &insert, &parameter, 1);
    postgres_fixture_add(fixture, "COMMIT");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(postgres_fixture_count(fixture), 0);
    postgres_fixture_add_insert(fixture, 1, "one"); /* outside: the transaction was rolled back */
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    assert_int_equal(postgres_fixture_count(fixture), 1);
    arena_fini(&tiny);
}

/* ---- pipelines and transactions ---- */

static void test_a_pipeline_gives_a_result_for_each_statement(void **state)
{
    struct postgres_fixture *fixture = *state;
    static const struct postgres_statement count = {"count", "SELECT count(*) FROM things"};
    postgres_fixture_add(fixture, "BEGIN");
    for (int64_t id = 0; id < 500; id++) {
        postgres_fixture_add_insert(fixture, id, "a name");
        postgres_link_add(fixture->link, &count, NULL, 0);
    }
    postgres_fixture_add(fixture, "COMMIT");
    const struct postgres_result *const *results;
    assert_int_equal(postgres_link_flush(fixture->link, 0, &results, NULL), STATUS_OK);
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(postgres_result_int(results[2 + 2 * i], 0, 0), (int64_t)i + 1);
    }
    assert_int_equal(postgres_fixture_count(fixture), 500);
    const struct postgres_statement prepared = {
        NULL, "SELECT name FROM pg_prepared_statements ORDER BY name"};
    const struct postgres_result *result = query(fixture, &prepared, NULL, 0);
    assert_int_equal(postgres_result_rows(result), 2);
    assert_string_equal(postgres_result_text(result, 0, 0), "count");
}

static void test_a_transaction_may_take_several_flushes(void **state)
{
    struct postgres_fixture *fixture = *state;
    postgres_fixture_add(fixture, "BEGIN");
    postgres_fixture_add_insert(fixture, 1, "one");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    postgres_fixture_add_insert(fixture, 2, "two");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    assert_int_equal(postgres_fixture_count(fixture), 0);
    postgres_fixture_add(fixture, "COMMIT");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    assert_int_equal(postgres_fixture_count(fixture), 2);

    postgres_fixture_add(fixture, "BEGIN");
    postgres_fixture_add_insert(fixture, 3, "three");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    postgres_link_rollback(fixture->link);
    postgres_link_rollback(fixture->link); /* nothing left to do */
    postgres_fixture_add_insert(fixture, 4, "four");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    assert_int_equal(postgres_fixture_count(fixture), 3);
}

static void test_an_empty_flush_and_a_ready_link(void **state)
{
    struct postgres_fixture *fixture = *state;
    assert_int_equal(postgres_link_ready(fixture->link, NULL), STATUS_OK);
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
}

static void test_large_values_and_results_pass(void **state)
{
    struct postgres_fixture *fixture = *state;
    size_t size = 4 * 1024 * 1024;
    char *large = arena_alloc(&fixture->arena, size + 1);
    assert_non_null(large);
    memset(large, 'x', size);
    large[size] = '\0';
    const struct postgres_parameter parameter = postgres_text(large);
    static const struct postgres_statement echo = {"echo",
                                                   "SELECT $1::text FROM generate_series(1, 4)"};
    for (int i = 0; i < 3; i++) {
        postgres_link_add(fixture->link, &echo, &parameter, 1);
    }
    const struct postgres_result *const *results;
    assert_int_equal(postgres_link_flush(fixture->link, 0, &results, NULL), STATUS_OK);
    assert_int_equal(postgres_result_bytes(results[2], 3, 0).size, size);
}

/* ---- refusals ---- */

static void expect_constraint(struct postgres_fixture *fixture, const char *name)
{
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_FAILED_PRECONDITION);
    assert_string_equal(fixture->failure.reason, "CONSTRAINT");
    assert_string_equal(fixture->failure.metadata[0].key, "constraint");
    assert_string_equal(fixture->failure.metadata[0].value, name);
    assert_null(strstr(fixture->failure.message, "secret"));
}

static void test_a_constraint_undoes_the_whole_pipeline(void **state)
{
    struct postgres_fixture *fixture = *state;
    int backend = postgres_fixture_backend(fixture);
    postgres_fixture_add(fixture, "BEGIN");
    postgres_fixture_add_insert(fixture, 1, "one");
    postgres_fixture_add_insert(fixture, 1, "secret");
    postgres_fixture_add_insert(fixture, 2, "two");
    postgres_fixture_add(fixture, "COMMIT");
    expect_constraint(fixture, "things_pkey");
    assert_non_null(strstr(postgres_link_detail(fixture->link), "23505"));

    postgres_fixture_add_insert(fixture, 3, "three"); /* without BEGIN: a transaction of its own */
    postgres_fixture_add(fixture, "INSERT INTO things VALUES (4, 'secret', 0)");
    expect_constraint(fixture, "things_have_size");
    postgres_fixture_add_insert(fixture, 5, NULL);
    expect_constraint(fixture, "name");

    assert_int_equal(postgres_fixture_count(fixture), 0);
    postgres_fixture_add_insert(fixture, 1, "one");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    assert_string_equal(postgres_link_detail(fixture->link), "");
    assert_int_equal(postgres_fixture_backend(fixture), backend);
}

static void test_a_constraint_may_wait_until_the_implicit_commit(void **state)
{
    struct postgres_fixture *fixture = *state;
    database_execute(&fixture->database, "ALTER TABLE things ADD CONSTRAINT things_names"
                                         " UNIQUE (name) DEFERRABLE INITIALLY DEFERRED");
    postgres_fixture_add_insert(fixture, 1, "same");
    postgres_fixture_add_insert(fixture, 2, "same");
    expect_constraint(fixture, "things_names");
    assert_int_equal(postgres_fixture_count(fixture), 0);
}

static void test_data_that_does_not_fit_is_told_from_sql_that_does_not(void **state)
{
    struct postgres_fixture *fixture = *state;
    postgres_fixture_add_insert(fixture, 1, "\xff\xfe");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_INVALID_ARGUMENT);
    postgres_fixture_add(fixture, "SELECT 1 / 0");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_INVALID_ARGUMENT);
    assert_string_equal(fixture->failure.reason, "DATA_INVALID");

    static const struct postgres_statement wrong = {"wrong", "SELECT nothing FROM nowhere"};
    for (int twice = 0; twice < 2; twice++) {
        postgres_link_add(fixture->link, &wrong, NULL, 0);
        postgres_fixture_add_insert(fixture, 1, "one");
        assert_int_equal(postgres_fixture_flush(fixture), STATUS_INTERNAL);
        assert_null(strstr(fixture->failure.message, "nowhere"));
        assert_non_null(strstr(postgres_link_detail(fixture->link), "nowhere"));
    }
    postgres_fixture_add_insert(fixture, 1, "one");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
}

static void test_a_changed_table_spoils_a_plan_once(void **state)
{
    struct postgres_fixture *fixture = *state;
    static const struct postgres_statement all = {"all", "SELECT * FROM things"};
    (void)query(fixture, &all, NULL, 0);
    database_execute(&fixture->database, "ALTER TABLE things ADD COLUMN more text");
    postgres_link_add(fixture->link, &all, NULL, 0);
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_INTERNAL);
    (void)query(fixture, &all, NULL, 0);
}

static void test_the_urls_options_win(void **state)
{
    struct postgres_fixture *fixture = *state;
    static const struct postgres_statement show = {
        NULL, "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
              " current_setting('application_name')"};
    const struct postgres_result *result = query(fixture, &show, NULL, 0);
    assert_string_equal(postgres_result_text(result, 0, 0), "1s");
    assert_string_equal(postgres_result_text(result, 0, 1), "500ms");
    assert_string_equal(postgres_result_text(result, 0, 2), "test");
    postgres_link_destroy(&fixture->link);
    char url[640];
    (void)snprintf(url, sizeof url, "%s%coptions=-c%%20statement_timeout%%3D7s",
                   fixture->database.url, strchr(fixture->database.url, '?') != NULL ? '&' : '?');
    fixture->link = postgres_fixture_connect(url);
    result = query(fixture, &show, NULL, 0);
    assert_string_equal(postgres_result_text(result, 0, 0), "7s");
    assert_string_equal(postgres_result_text(result, 0, 1), "500ms");
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, postgres_fixture_setup, postgres_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_integers_go_and_come),
        TEST(test_texts_bytes_and_nulls_go_and_come),
        TEST(test_uuids_and_times_go_and_come),
        TEST(test_empty_arrays_have_no_rows),
        TEST(test_single_values_go_and_come),
        TEST(test_a_value_without_memory_is_never_sent),
        TEST(test_a_pipeline_gives_a_result_for_each_statement),
        TEST(test_a_transaction_may_take_several_flushes),
        TEST(test_an_empty_flush_and_a_ready_link),
        TEST(test_large_values_and_results_pass),
        TEST(test_a_constraint_undoes_the_whole_pipeline),
        TEST(test_a_constraint_may_wait_until_the_implicit_commit),
        TEST(test_data_that_does_not_fit_is_told_from_sql_that_does_not),
        TEST(test_a_changed_table_spoils_a_plan_once),
        TEST(test_the_urls_options_win),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
