/* What watches over the books: the audit, its repair and its fence, and dead letters that somebody
 * decides - with the whole system, by orderctl. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/support/free_port.h"
#include "tests/support/http_get.h"
#include "tests/support/load.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"

#define DEADLINE_MS 60000
#define STOCK       100
#define ODD         7 /* an order of so many units cannot be stored while FORBID holds */

#define FORBID "ALTER TABLE order_lines ADD CONSTRAINT odd CHECK (quantity <> 7) NOT VALID"
#define ALLOW  "ALTER TABLE order_lines DROP CONSTRAINT odd"

static struct system the_system;
static struct rpc_channel *channel;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(setenv("ORDER_SERVER_PUBLISH_TIMEOUT_MS", "500", 1), 0);
    assert_int_equal(setenv("ORDER_WORKER_SWEEP_MS", "100", 1), 0);
    assert_int_equal(setenv("ORDER_WORKER_SWEEP_AGE_MS", "100", 1), 0);
    system_start(&the_system);
    channel = system_open_channel(&the_system, 0);
    system_create_product(channel, "tea", STOCK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rpc_channel_close(&channel);
    system_destroy(&the_system);
    return 0;
}

static int64_t count(const char *sql)
{
    return database_int(&the_system.database, sql);
}

struct wanted {
    const char *sql; /* NULL: what Redis has of tea */
    int64_t value;
};

static bool is_so(void *state)
{
    const struct wanted *wanted = state;
    int64_t value = wanted->sql != NULL ? count(wanted->sql) : system_available(&the_system, "tea");
    return value == wanted->value;
}

static void wait_for(const char *sql, int64_t value)
{
    struct wanted wanted = {sql, value};
    if (!wait_until(is_so, &wanted, DEADLINE_MS)) {
        process_show_log(&the_system.servers[0]);
        process_show_log(&the_system.workers[0]);
        fail_msg("%s is not %lld", sql != NULL ? sql : "available", (long long)value);
    }
}

/* orderctl with up to three words: its exit code must be `code`, its output contain `words`. */
static void expect(int code, const char *words, const char *a, const char *b, const char *c)
{
    const char *arguments[] = {a, b, c, NULL};
    char *output = NULL;
    int got = system_orderctl(&the_system, arguments, &output);
    if (got != code || strstr(output, words) == NULL) {
        fail_msg("orderctl %s %s: exit code %d, not %d, or no '%s' in: %s", a, b != NULL ? b : "",
                 got, code, words, output);
    }
    free(output);
}

/* By hand, behind everybody's back. */
static void change_redis(const char *by)
{
    char script[128];
    (void)snprintf(script, sizeof script, "return redis.call('HINCRBY','{s0}:stock','tea',%s)", by);
    (void)stores_redis_int(the_system.redis_url, "EVAL", script, "0");
}

static void order(const char *request_id, int32_t quantity)
{
    struct answer answer = system_create_order(channel, request_id, "tea", quantity);
    assert_int_equal(answer.code, STATUS_OK);
}

/* An accepted order in the dead letters. */
static void make_letter(void)
{
    database_execute(&the_system.database, FORBID);
    order("guard-odd", ODD);
    wait_for("SELECT count(*) FROM dead_letters WHERE state = 0", 1);
    wait_for("SELECT coalesce(sum(quantity), 0)::bigint FROM dead_letter_units", ODD);
    system_wait_settled(&the_system, DEADLINE_MS);
    assert_int_equal(count("SELECT count(*) FROM orders"), 0);
    assert_int_equal(system_available(&the_system, "tea"), STOCK - ODD);
}

/* ---- the audit ---- */

static void test_books_that_agree_are_said_to(void **state)
{
    (void)state;
    order("guard-1", 3);
    system_wait_settled(&the_system, DEADLINE_MS);
    wait_for("SELECT count(*) FROM stock_deltas", 0);
    expect(0, "1 products, 0 discrepancies", "audit", NULL, NULL);
}

static void test_too_few_in_redis_are_reported_and_repaired(void **state)
{
    (void)state;
    change_redis("-5");
    expect(1, "REDIS_TOO_LOW", "audit", NULL, NULL);
    expect(1, "5 units would be given back", "audit", "--repair", NULL);
    assert_int_equal(system_available(&the_system, "tea"), STOCK - 5); /* only said */
    expect(1, "5 units given back", "audit", "--repair", "--yes");
    wait_for(NULL, STOCK);
    wait_for("SELECT count(*) FROM stock_deltas", 0);
    expect(0, "0 discrepancies", "audit", NULL, NULL);
    expect(0, "0 discrepancies", "audit", "--repair", "--yes");
    assert_int_equal(count("SELECT sum(quantity)::bigint FROM stock_repairs"), 5);
    assert_int_equal(count("SELECT epoch FROM control"), 1); /* sales went on */
}

static int64_t metric(uint16_t port, const char *name)
{
    char *page = http_get(port, "GET", "/metrics"), line[128];
    (void)snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(page, line);
    if (at == NULL) {
        fail_msg("no %s in: %s", name, page);
    }
    int64_t value = strtoll(at + strlen(line), NULL, 10);
    free(page);
    return value;
}

static void test_metrics_say_what_was_done_and_found(void **state)
{
    (void)state;
    uint16_t ports[] = {free_port(), free_port()};
    char text[64];
    process_kill(&the_system.servers[0]);
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", ports[0]);
    assert_int_equal(setenv("ORDER_SERVER_OPS_LISTEN", text, 1), 0);
    system_start_server(&the_system, 0, NULL);
    (void)unsetenv("ORDER_SERVER_OPS_LISTEN");
    process_kill(&the_system.workers[0]);
    process_kill(&the_system.workers[1]);
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", ports[1]);
    assert_int_equal(setenv("ORDER_WORKER_OPS_LISTEN", text, 1), 0);
    system_start_worker(&the_system, 0, NULL);
    (void)unsetenv("ORDER_WORKER_OPS_LISTEN");
    order("guard-1", 3);
    order("guard-2", 3);
    system_wait_settled(&the_system, DEADLINE_MS);
    assert_int_equal(
        metric(
            ports[0],
            "order_server_calls_total{method=\"/shop.v1.OrderService/CreateOrder\",code=\"OK\"}"),
        2);
    assert_int_equal(
        metric(ports[0],
               "order_server_call_seconds_bucket{method=\"/shop.v1.OrderService/CreateOrder\","
               "le=\"+Inf\"}"),
        2);
    assert_int_equal(metric(ports[0], "order_stock_epoch"), 1);
    assert_int_equal(metric(ports[0], "order_oversold_units_total"), 0);
    while (metric(ports[1], "order_worker_events_total{outcome=\"stored\"}") < 2) {
        assert_true(process_is_running(&the_system.workers[0]));
    }
    assert_true(metric(ports[1], "order_worker_batch_seconds_bucket{le=\"+Inf\"}") > 0);
    char *page = http_get(ports[1], "GET", "/readyz");
    assert_non_null(strstr(page, " 200 "));
    free(page);
    change_redis("5");
    wait_for("SELECT epoch FROM control", 2);
    assert_int_equal(metric(ports[0], "order_oversold_units_total"), 5);
    change_redis("-4");
    while (metric(ports[0], "order_drift_units") != 4) {
        assert_true(process_is_running(&the_system.servers[0]));
    }
}

static void test_too_many_in_redis_fence_stock_and_it_is_loaded_anew(void **state)
{
    (void)state;
    change_redis("5");
    wait_for("SELECT epoch FROM control", 2);
    wait_for(NULL, STOCK);
    char *log = read_whole(the_system.servers[0].log_path);
    assert_non_null(strstr(log, "too many units in Redis"));
    free(log);
    order("guard-1", STOCK);
    system_wait_settled(&the_system, DEADLINE_MS);
    system_assert_books(&the_system);
}

/* Restarted without its last decisions while the server stood still: too much, and behind the
 * fence. The server's audit may look before its opener does. */
static void test_a_restarted_redis_that_has_more_is_no_finding(void **state)
{
    (void)state;
    process_signal(&the_system.servers[0], SIGSTOP);
    process_kill(&the_system.redis);
    system_start_redis(&the_system);
    change_redis("5");
    process_signal(&the_system.servers[0], SIGCONT);
    wait_for("SELECT epoch FROM control", 2);
    wait_for(NULL, STOCK);
    char *log = read_whole(the_system.servers[0].log_path);
    assert_null(strstr(log, "too many units in Redis"));
    free(log);
}

static void test_reserved_that_no_line_explains_is_reported(void **state)
{
    (void)state;
    database_execute(&the_system.database, "UPDATE stock SET reserved = reserved + 2");
    const char *arguments[] = {"audit", NULL};
    char *output = NULL;
    assert_int_equal(system_orderctl(&the_system, arguments, &output), 1);
    bool fenced =
        strstr(output, "STOCK_FENCED") != NULL; /* the auditor was faster: Redis has more */
    assert_true(fenced || strstr(output, "RESERVED_WRONG") != NULL);
    assert_true(fenced || strstr(output, "RESERVED_UNEXPLAINED") != NULL);
    free(output);
    wait_for("SELECT epoch FROM control", 2);
    wait_for(NULL, STOCK - 2); /* what Redis sells is right again, PostgreSQL's books are not */
    expect(1, "RESERVED_UNEXPLAINED", "audit", NULL, NULL);
}

/* Redis has too few then: nothing is fenced. */
static void test_on_hand_that_no_movement_explains_is_reported(void **state)
{
    (void)state;
    order("guard-1", 3);
    system_wait_settled(&the_system, DEADLINE_MS);
    database_execute(&the_system.database, "UPDATE stock SET on_hand = on_hand + 4");
    const char *arguments[] = {"audit", "-o", "json", NULL};
    char *output = NULL;
    assert_int_equal(system_orderctl(&the_system, arguments, &output), 1);
    const char *at = strstr(output, "KIND_ON_HAND_UNEXPLAINED");
    assert_non_null(at);
    assert_non_null(strstr(at, "\"100\""));
    assert_non_null(strstr(at, "\"104\""));
    free(output);
}

/* In the background, by a server that has just started: a line for each, and the metric. */
static void test_the_auditor_finds_wrong_books_by_itself(void **state)
{
    (void)state;
    uint16_t port = free_port();
    char text[64];
    process_kill(&the_system.servers[0]);
    database_execute(&the_system.database,
                     "UPDATE stock SET on_hand = on_hand + 4, reserved = reserved + 4");
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", port);
    assert_int_equal(setenv("ORDER_SERVER_OPS_LISTEN", text, 1), 0);
    system_start_server(&the_system, 0, NULL);
    (void)unsetenv("ORDER_SERVER_OPS_LISTEN");
    while (metric(port, "order_drift_units") != 8) {
        assert_true(process_is_running(&the_system.servers[0]));
    }
    char *log = read_whole(the_system.servers[0].log_path);
    assert_non_null(strstr(log, "on_hand is not the sum of its movements"));
    assert_non_null(strstr(log, "reserved is not the sum of its movements"));
    assert_non_null(strstr(log, "reserved is not the sum of the open lines"));
    free(log);
    assert_int_equal(count("SELECT epoch FROM control"), 1); /* reported, and nothing else */
}

static bool says_that_changes_wait(void *log_path)
{
    char *log = read_whole(log_path);
    bool does = strstr(log, "audit: changes wait for one before them") != NULL;
    free(log);
    return does;
}

/* What was decided before it was lost with Redis, and never reached RabbitMQ: it is seen. */
static void test_an_order_that_waits_for_what_was_lost_is_shown(void **state)
{
    (void)state;
    struct answer answer = system_create_order(channel, "guard-gap", "tea", 3);
    char sql[320];
    assert_int_equal(answer.code, STATUS_OK);
    system_wait_settled(&the_system, DEADLINE_MS);
    for (int version = 4; version >= 3; version--) {
        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO order_events (order_id, version, event_id, kind, event_time, "
                       "actor, from_state, to_state, outcome, epoch) VALUES ('%s', %d, "
                       "gen_random_uuid(), 3, now() - interval '%d seconds', 'x', 2, 2, 0, 1)",
                       answer.order_id, version, version == 4 ? 5 : 70);
        expect(0, "0 discrepancies", "audit", NULL, NULL); /* version 4 waits for no minute yet */
        database_execute(&the_system.database, sql);
    }
    expect(1, "changes that wait for one before them: 1\n", "audit", NULL, NULL);
    expect(1, answer.order_id, "audit", NULL, NULL);
    expect(1, "\"waitingVersion\": 3", "audit", "-o", "json");
    const char *path = the_system.servers[0].log_path;
    assert_true(wait_until(says_that_changes_wait, (void *)(uintptr_t)path, DEADLINE_MS));
}

/* Whatever moment the audit takes, it is one. */
static void test_books_are_right_while_orders_flow(void **state)
{
    (void)state;
    struct load load = {.channels = {channel}, .channel_count = 1, .product_id = "flow"};
    system_create_product(channel, "flow", 1000000);
    load_start(&load, 2);
    for (int i = 0; i < 10; i++) {
        load_wait_orders(&load, 20, DEADLINE_MS);
        expect(0, "2 products, 0 discrepancies", "audit", NULL, NULL);
    }
    load_stop(&load);
}

static void test_stock_is_rebuilt_when_somebody_asks(void **state)
{
    (void)state;
    order("guard-1", 3);
    system_wait_settled(&the_system, DEADLINE_MS);
    expect(0, "epoch 1 has ended", "stock", "rebuild", NULL);
    wait_for("SELECT epoch FROM control", 2);
    wait_for(NULL, STOCK - 3);
}

/* ---- dead letters ---- */

static void test_units_of_an_undecided_letter_stay_out_of_sale(void **state)
{
    (void)state;
    make_letter();
    expect(0, "CONSTRAINT", "dead-letters", "list", NULL);
    expect(0, "UNDECIDED", "dead-letters", "show", "1");
    expect(0, "0 discrepancies", "audit", NULL, NULL);
    expect(0, "has ended", "stock", "rebuild", NULL);
    wait_for("SELECT epoch FROM control", 2);
    wait_for(NULL, STOCK - ODD);
    expect(1, "LETTER_NOT_FOUND", "dead-letters", "show", "999");
    expect(1, "BAD_ID", "dead-letters", "requeue", "x");
}

/* Also in an epoch that has begun since: the loaded stock is without its units. */
static void test_a_letter_is_stored_after_all(void **state)
{
    (void)state;
    make_letter();
    expect(0, "has ended", "stock", "rebuild", NULL);
    wait_for("SELECT epoch FROM control", 2);
    wait_for(NULL, STOCK - ODD);
    expect(0, "REQUEUED", "dead-letters", "requeue", "1");
    wait_for("SELECT count(*) FROM dead_letters WHERE state = 0", 1); /* it still cannot be */
    database_execute(&the_system.database, ALLOW);
    expect(0, "", "dead-letters", "requeue", "1");
    expect(0, "", "dead-letters", "requeue", "1");
    wait_for("SELECT count(*) FROM dead_letters WHERE state = 3", 1);
    expect(0, "STORED", "dead-letters", "requeue", "1"); /* harmless */
    expect(1, "LETTER_DECIDED", "dead-letters", "discard", "1");
    assert_int_equal(count("SELECT count(*) FROM orders WHERE state <> 7"), 1);
    assert_int_equal(count("SELECT reserved FROM stock"), ODD);
    wait_for("SELECT count(*) FROM stock_deltas", 0);
    assert_int_equal(system_available(&the_system, "tea"), STOCK - ODD);
    expect(0, "0 discrepancies", "audit", NULL, NULL);
}

static void test_a_discarded_letter_gives_its_units_back_once(void **state)
{
    (void)state;
    make_letter();
    expect(0, "DISCARDED", "dead-letters", "discard", "1");
    expect(0, "DISCARDED", "dead-letters", "discard", "1");
    expect(1, "LETTER_DECIDED", "dead-letters", "requeue", "1");
    wait_for(NULL, STOCK);
    wait_for("SELECT count(*) FROM stock_deltas", 0);
    assert_int_equal(system_available(&the_system, "tea"), STOCK);
    assert_int_equal(count("SELECT count(*) FROM orders"), 0);
    expect(0, "0 discrepancies", "audit", NULL, NULL);
    expect(0, "has ended", "stock", "rebuild", NULL);
    wait_for("SELECT epoch FROM control", 2);
    wait_for(NULL, STOCK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_books_that_agree_are_said_to),
        TEST(test_too_few_in_redis_are_reported_and_repaired),
        TEST(test_metrics_say_what_was_done_and_found),
        TEST(test_too_many_in_redis_fence_stock_and_it_is_loaded_anew),
        TEST(test_a_restarted_redis_that_has_more_is_no_finding),
        TEST(test_reserved_that_no_line_explains_is_reported),
        TEST(test_on_hand_that_no_movement_explains_is_reported),
        TEST(test_the_auditor_finds_wrong_books_by_itself),
        TEST(test_an_order_that_waits_for_what_was_lost_is_shown),
        TEST(test_books_are_right_while_orders_flow),
        TEST(test_stock_is_rebuilt_when_somebody_asks),
        TEST(test_units_of_an_undecided_letter_stay_out_of_sale),
        TEST(test_a_letter_is_stored_after_all),
        TEST(test_a_discarded_letter_gives_its_units_back_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
