/* The PostgreSQL link when the server dies, freezes, refuses or is not there - and whether the link
 * knows what became of a transaction. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/integration/postgres_fixture.h"
#include "tests/support/process.h"
#include "tests/support/tcp_proxy.h"

#define SHORT_MS             200
#define SLACK_MS             5000 /* a busy machine, a sanitizer */
#define RECONNECT_TIMEOUT_MS 5000 /* the backoff ends at two seconds */

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

static enum status flush_until(struct postgres_fixture *fixture, int64_t deadline_ms)
{
    const struct postgres_result *const *results;
    fixture->failure = (struct failure){0};
    return postgres_link_flush(fixture->link, deadline_ms, &results, &fixture->failure);
}

static void terminate_backend(struct postgres_fixture *fixture, int backend)
{
    char sql[96];
    /* Waits until it is gone. */
    (void)snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)::int", backend);
    assert_int_equal(database_int(&fixture->database, sql), 1);
}

static void add_transaction(struct postgres_fixture *fixture, const char *in_the_middle)
{
    postgres_fixture_add(fixture, "BEGIN");
    postgres_fixture_add_insert(fixture, 1, "one");
    if (in_the_middle != NULL) {
        postgres_fixture_add(fixture, in_the_middle);
    }
    postgres_fixture_add(fixture, "COMMIT");
}

/* ---- the server ends the connection ---- */

static void test_a_connection_ended_while_idle_costs_nothing(void **state)
{
    struct postgres_fixture *fixture = *state;
    terminate_backend(fixture, postgres_fixture_backend(fixture));
    postgres_fixture_add_insert(fixture, 1, "one");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    postgres_fixture_add_insert(fixture, 2, "two"); /* prepared anew on the new connection */
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    assert_int_equal(postgres_fixture_count(fixture), 2);
}

static void test_a_transaction_that_lost_its_beginning_is_not_continued(void **state)
{
    struct postgres_fixture *fixture = *state;
    int backend = postgres_fixture_backend(fixture);
    postgres_fixture_add(fixture, "BEGIN");
    postgres_fixture_add_insert(fixture, 1, "one");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    terminate_backend(fixture, backend);
    postgres_fixture_add_insert(fixture, 2, "two");
    postgres_fixture_add(fixture, "COMMIT");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_UNAVAILABLE);
    assert_int_equal(postgres_fixture_count(fixture), 0);
    add_transaction(fixture, NULL);
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    assert_int_equal(postgres_fixture_count(fixture), 1);
}

static void test_a_server_that_says_goodbye_before_commit_has_not_committed(void **state)
{
    struct postgres_fixture *fixture = *state;
    add_transaction(fixture, "SELECT pg_terminate_backend(pg_backend_pid())");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_UNAVAILABLE);
    assert_non_null(strstr(postgres_link_detail(fixture->link), "57P01"));
    assert_int_equal(postgres_fixture_count(fixture), 0);
    add_transaction(fixture, NULL);
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
}

/* ---- the connection breaks without a word ---- */

struct proxied {
    struct postgres_fixture *fixture;
    struct tcp_proxy *proxy;
};

static struct proxied *put_proxy_between(struct postgres_fixture *fixture)
{
    struct proxied *proxied = calloc(1, sizeof *proxied);
    assert_non_null(proxied);
    PGconn *direct = fixture->database.connection;
    const char *password = PQpass(direct);
    char url[640];
    proxied->fixture = fixture;
    proxied->proxy = tcp_proxy_create((uint16_t)strtol(PQport(direct), NULL, 10));
    (void)snprintf(url, sizeof url, "host=127.0.0.1 port=%u dbname=%s user=%s %s%s",
                   tcp_proxy_port(proxied->proxy), PQdb(direct), PQuser(direct),
                   *password != '\0' ? "password=" : "", password);
    postgres_link_destroy(&fixture->link);
    fixture->link = postgres_fixture_connect(url);
    assert_int_equal(postgres_link_ready(fixture->link, NULL), STATUS_OK);
    return proxied;
}

static void take_proxy_away(struct proxied **proxied)
{
    tcp_proxy_destroy(&(*proxied)->proxy);
    free(*proxied);
    *proxied = NULL;
}

static bool is_ready(void *state)
{
    return postgres_link_ready(((struct proxied *)state)->fixture->link, NULL) == STATUS_OK;
}

static bool is_not_ready(void *state)
{
    return !is_ready(state);
}

static void pass_again(struct proxied *proxied)
{
    tcp_proxy_cut_answers(proxied->proxy, false);
    tcp_proxy_freeze(proxied->proxy, false);
    tcp_proxy_refuse(proxied->proxy, false);
    assert_true(wait_until(is_ready, proxied, RECONNECT_TIMEOUT_MS));
}

static bool has_a_row(void *state)
{
    return postgres_fixture_count(state) == 1;
}

static void f26_a_lost_answer_to_commit_is_unknown(void **state)
{
    struct postgres_fixture *fixture = *state;
    struct proxied *proxied = put_proxy_between(fixture);
    tcp_proxy_cut_answers(proxied->proxy, true);
    add_transaction(fixture, NULL);
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_UNKNOWN);
    assert_string_equal(fixture->failure.reason, "OUTCOME_UNKNOWN");
    assert_true(wait_until(has_a_row, fixture, RECONNECT_TIMEOUT_MS)); /* it did commit */
    pass_again(proxied);
    add_transaction(fixture, NULL); /* what a retry meets */
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_FAILED_PRECONDITION);
    take_proxy_away(&proxied);
}

static void test_a_lost_answer_to_a_write_of_its_own_is_unknown(void **state)
{
    struct postgres_fixture *fixture = *state;
    struct proxied *proxied = put_proxy_between(fixture);
    tcp_proxy_cut_answers(proxied->proxy, true);
    postgres_fixture_add_insert(fixture, 1, "one");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_UNKNOWN);
    take_proxy_away(&proxied);
}

static void test_a_lost_answer_without_commit_is_not_done(void **state)
{
    struct postgres_fixture *fixture = *state;
    struct proxied *proxied = put_proxy_between(fixture);
    tcp_proxy_cut_answers(proxied->proxy, true);
    postgres_fixture_add(fixture, "SELECT count(*) FROM things");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_UNAVAILABLE);
    pass_again(proxied);
    postgres_fixture_add(fixture, "BEGIN");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    tcp_proxy_cut_answers(proxied->proxy, true);
    postgres_fixture_add_insert(fixture, 1, "one");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_UNAVAILABLE);
    assert_int_equal(postgres_fixture_count(fixture), 0);
    take_proxy_away(&proxied);
}

static void test_a_frozen_server_keeps_the_deadline(void **state)
{
    struct postgres_fixture *fixture = *state;
    struct proxied *proxied = put_proxy_between(fixture);
    tcp_proxy_freeze(proxied->proxy, true);
    int64_t start_ms = now_ms();
    postgres_fixture_add(fixture, "SELECT 1");
    assert_int_equal(flush_until(fixture, start_ms + SHORT_MS), STATUS_UNAVAILABLE);
    assert_in_range(now_ms() - start_ms, SHORT_MS - 1, SHORT_MS + SLACK_MS);

    start_ms = now_ms(); /* and connecting to it does, too */
    postgres_fixture_add(fixture, "SELECT 1");
    assert_int_equal(flush_until(fixture, start_ms + SHORT_MS), STATUS_UNAVAILABLE);
    assert_in_range(now_ms() - start_ms, SHORT_MS - 1, SHORT_MS + SLACK_MS);
    pass_again(proxied);
    take_proxy_away(&proxied);
}

static void test_a_frozen_server_may_yet_commit(void **state)
{
    struct postgres_fixture *fixture = *state;
    struct proxied *proxied = put_proxy_between(fixture);
    tcp_proxy_freeze(proxied->proxy, true);
    add_transaction(fixture, NULL);
    assert_int_equal(flush_until(fixture, now_ms() + SHORT_MS), STATUS_UNKNOWN);
    take_proxy_away(&proxied);
}

static void test_a_server_that_is_gone_fails_fast_and_comes_back(void **state)
{
    struct postgres_fixture *fixture = *state;
    struct proxied *proxied = put_proxy_between(fixture);
    tcp_proxy_refuse(proxied->proxy, true);
    assert_true(wait_until(is_not_ready, proxied, RECONNECT_TIMEOUT_MS));
    int64_t start_ms = now_ms();
    for (int i = 0; i < 1000; i++) {
        struct failure failure = {0};
        assert_int_equal(postgres_link_ready(fixture->link, &failure), STATUS_UNAVAILABLE);
        assert_true(failure.retry_delay_ms > 0);
    }
    assert_true(now_ms() - start_ms < SLACK_MS);
    pass_again(proxied);
    take_proxy_away(&proxied);
}

/* ---- time and locks ---- */

static void test_a_statement_that_takes_too_long_is_ended_by_the_server(void **state)
{
    struct postgres_fixture *fixture = *state;
    int backend = postgres_fixture_backend(fixture);
    add_transaction(fixture, "SELECT pg_sleep(30)");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_UNAVAILABLE);
    assert_non_null(strstr(postgres_link_detail(fixture->link), "57014"));
    assert_int_equal(postgres_fixture_count(fixture), 0);
    assert_int_equal(postgres_fixture_backend(fixture), backend);
}

static void test_a_deadline_before_that_gives_up_the_connection(void **state)
{
    struct postgres_fixture *fixture = *state;
    int backend = postgres_fixture_backend(fixture);
    int64_t start_ms = now_ms();
    postgres_fixture_add(fixture, "SELECT pg_sleep(30)");
    assert_int_equal(flush_until(fixture, start_ms + SHORT_MS), STATUS_UNAVAILABLE);
    assert_in_range(now_ms() - start_ms, SHORT_MS - 1, SHORT_MS + SLACK_MS);
    postgres_fixture_add_insert(fixture, 1, "one");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
    assert_int_not_equal(postgres_fixture_backend(fixture), backend);
}

static void test_a_lock_is_not_waited_for_for_ever(void **state)
{
    struct postgres_fixture *fixture = *state;
    database_execute(&fixture->database, "BEGIN; LOCK TABLE things");
    add_transaction(fixture, NULL);
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_UNAVAILABLE);
    assert_non_null(strstr(postgres_link_detail(fixture->link), "55P03"));
    database_execute(&fixture->database, "ROLLBACK");
    add_transaction(fixture, NULL);
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_OK);
}

/* ---- no way in ---- */

static void test_wrong_urls_are_unavailable_and_say_why_in_the_detail(void **state)
{
    struct postgres_fixture *fixture = *state;
    static const char *const urls[] = {
        "postgres://127.0.0.1:1/secret",
        "postgres://127.0.0.1:1/secret?no_such_option=1",
        "host=secret.invalid",
        "not a connection string",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        postgres_link_destroy(&fixture->link);
        fixture->link = postgres_fixture_connect(urls[i]);
        postgres_fixture_add(fixture, "SELECT 1");
        assert_int_equal(postgres_fixture_flush(fixture), STATUS_UNAVAILABLE);
        assert_string_equal(fixture->failure.reason, "STORE_UNAVAILABLE");
        assert_null(strstr(fixture->failure.message, "secret"));
        assert_true(strlen(postgres_link_detail(fixture->link)) > strlen("cannot connect: "));
    }
}

static void test_a_server_that_only_reads_is_no_server(void **state)
{
    struct postgres_fixture *fixture = *state;
    char sql[160];
    (void)snprintf(sql, sizeof sql, "ALTER DATABASE %s SET default_transaction_read_only = on",
                   fixture->database.name);
    assert_int_equal(postgres_link_ready(fixture->link, NULL), STATUS_OK);
    database_execute(&fixture->database, sql);
    postgres_fixture_add(fixture, "BEGIN READ ONLY");
    postgres_fixture_add_insert(fixture, 1, "one");
    postgres_fixture_add(fixture, "COMMIT");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_UNAVAILABLE); /* 25006 */
    postgres_fixture_add(fixture, "SELECT 1");
    assert_int_equal(postgres_fixture_flush(fixture), STATUS_UNAVAILABLE); /* a new connection */
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, postgres_fixture_setup, postgres_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_connection_ended_while_idle_costs_nothing),
        TEST(test_a_transaction_that_lost_its_beginning_is_not_continued),
        TEST(test_a_server_that_says_goodbye_before_commit_has_not_committed),
        TEST(f26_a_lost_answer_to_commit_is_unknown),
        TEST(test_a_lost_answer_to_a_write_of_its_own_is_unknown),
        TEST(test_a_lost_answer_without_commit_is_not_done),
        TEST(test_a_frozen_server_keeps_the_deadline),
        TEST(test_a_frozen_server_may_yet_commit),
        TEST(test_a_server_that_is_gone_fails_fast_and_comes_back),
        TEST(test_a_statement_that_takes_too_long_is_ended_by_the_server),
        TEST(test_a_deadline_before_that_gives_up_the_connection),
        TEST(test_a_lock_is_not_waited_for_for_ever),
        TEST(test_wrong_urls_are_unavailable_and_say_why_in_the_detail),
        TEST(test_a_server_that_only_reads_is_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
