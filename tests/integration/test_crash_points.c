/* Crash points: a server and a worker die at each point of their ways where something is half done
 * (FAILPOINT in the source), one after the other, in one life of the system. What the client is
 * then told, what repairs it, and that each order is there once: docs/RELIABILITY.md, "Each crash
 * and its test". tools/check-failpoints says when a point of the source is not walked here. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"

#define DEADLINE_MS 60000
#define CALL_MS     3000 /* so long is a dead server tried */

struct point {
    const char *name;
    void (*provoke)(const struct point *point); /* somebody dies there; an order was asked for */
};

static struct system the_system;
static struct rpc_channel *channels[2];
static int64_t orders; /* that must be there */

static void provoke_order(const struct point *point);
static void provoke_relay(const struct point *point);
static void provoke_expiry(const struct point *point);
static void provoke_loading(const struct point *point);
static void provoke_worker(const struct point *point);
static void provoke_fold(const struct point *point);
static void provoke_unsettling(const struct point *point);
static void provoke_notice(const struct point *point);

/* By the rows of the table of crashes. */
static const struct point POINTS[] = {
    {"before_reserve", provoke_order},  /* 1 */
    {"after_reserve", provoke_order},   /* 2 */
    {"before_publish", provoke_order},  /* 2 */
    {"after_publish", provoke_order},   /* 3, 6 */
    {"after_confirm", provoke_order},   /* 5 */
    {"before_reply", provoke_order},    /* 5 */
    {"relay_published", provoke_relay}, /* 3, 6 */
    {"holds_claimed", provoke_expiry},  /* 6 */
    {"before_commit", provoke_worker},  /* 7 */
    {"after_commit", provoke_worker},   /* 8 */
    {"after_ack", provoke_worker},      /* 6 */
    {"after_settle", provoke_worker},   /* 6 */
    {"before_fold", provoke_fold},      /* 7, for an event that waited */
    {"open_begin", provoke_loading},    /* 12, 13: while stock is loaded anew */
    {"open_fenced", provoke_loading},     {"open_drained", provoke_loading},
    {"open_advanced", provoke_loading},   {"open_loaded", provoke_loading},
    {"unsettled", provoke_unsettling}, /* 22 */
    {"notice_taken", provoke_notice},  /* stock.low and stock.back are told again */
    {"notice_published", provoke_notice},
};
#define POINT_COUNT (sizeof POINTS / sizeof POINTS[0])

static int setup(void **state)
{
    (void)state;
    assert_int_equal(setenv("ORDER_SERVER_PUBLISH_TIMEOUT_MS", "500", 1), 0);
    assert_int_equal(setenv("ORDER_SERVER_CONFIRM_GRACE_MS", "3000", 1), 0);
    assert_int_equal(setenv("ORDER_WORKER_SWEEP_MS", "200", 1), 0);
    assert_int_equal(setenv("ORDER_WORKER_SWEEP_AGE_MS", "500", 1), 0);
    system_start(&the_system);
    system_start_server(&the_system, 1, NULL);
    for (size_t i = 0; i < 2; i++) {
        struct rpc_channel_options options = {.endpoint = the_system.ipc[i], .timeout_ms = CALL_MS};
        struct failure failure;
        assert_int_equal(rpc_channel_open(&options, &channels[i], &failure), STATUS_OK);
    }
    system_create_product(channels[0], "tea", 1000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rpc_channel_close(&channels[i]);
    }
    system_destroy(&the_system);
    return 0;
}

/* ---- who runs ---- */

static const char *kill_at(const char *point)
{
    static char spec[64];
    (void)snprintf(spec, sizeof spec, "%s:kill@1", point);
    return spec;
}

static void start_all(void)
{
    for (size_t i = 0; i < 2; i++) {
        if (!process_is_running(&the_system.servers[i])) {
            system_start_server(&the_system, i, NULL);
        }
        if (!process_is_running(&the_system.workers[i])) {
            system_start_worker(&the_system, i, NULL);
        }
    }
}

static void stop_servers(void)
{
    process_kill(&the_system.servers[0]);
    process_kill(&the_system.servers[1]);
}

static void stop_workers(void)
{
    process_kill(&the_system.workers[0]);
    process_kill(&the_system.workers[1]);
}

static void assert_killed(struct process *process)
{
    assert_int_equal(process_wait(process, DEADLINE_MS), -SIGKILL);
}

/* ---- what is asked for: one request a point ---- */

static const char *request_of(const struct point *point)
{
    static char id[64];
    (void)snprintf(id, sizeof id, "crash-%s", point->name);
    return id;
}

static struct answer ask(const struct point *point, size_t server)
{
    return system_create_order(channels[server], request_of(point), "tea", 1);
}

struct question {
    const struct point *point;
    size_t server;
};

static bool is_accepted(void *state)
{
    const struct question *question = state;
    return ask(question->point, question->server).code == STATUS_OK;
}

static void ask_until_accepted(const struct point *point, size_t server)
{
    struct question question = {point, server};
    if (!wait_until(is_accepted, &question, DEADLINE_MS)) {
        struct answer answer = ask(point, server);
        process_show_log(&the_system.servers[server]);
        fail_msg("%s: %s %s", point->name, answer.failure.reason, answer.failure.message);
    }
}

/* Into id_out, when it was accepted; orderctl's exit code. */
static int ask_for_hold(const struct point *point, char id_out[40])
{
    const char *arguments[] = {"order",
                               "create",
                               "--customer=customer-1",
                               "tea=1",
                               "--hold=1h",
                               "--request-id",
                               request_of(point),
                               "-o",
                               "json",
                               NULL};
    char *output;
    int code = system_orderctl(&the_system, arguments, &output);
    const char *id = strstr(output, "\"orderId\"");
    if (code == 0) {
        assert_non_null(id);
        assert_int_equal(sscanf(id + 9, "%*[: ]\"%36[0-9a-f-]\"", id_out), 1);
    }
    free(output);
    return code;
}

static void redis_eval(const char *script)
{
    (void)stores_redis_int(the_system.redis_url, "EVAL", script, "0");
}

/* ---- provoking ---- */

/* The client is told that it may be done, or nothing; through the other server it is one order. */
static void provoke_order(const struct point *point)
{
    process_kill(&the_system.servers[0]);
    system_start_server(&the_system, 0, kill_at(point->name));
    struct answer answer = ask(point, 0);
    assert_true(answer.code == STATUS_UNKNOWN || answer.code == STATUS_UNAVAILABLE ||
                answer.code == STATUS_DEADLINE_EXCEEDED);
    assert_killed(&the_system.servers[0]);
    ask_until_accepted(point, 1);
    orders++;
}

/* Decided and not published; no other server looks. */
static void leave_unpublished(const struct point *point)
{
    stop_servers();
    system_start_server(&the_system, 0, "after_reserve:kill@1");
    assert_int_not_equal(ask(point, 0).code, STATUS_OK);
    assert_killed(&the_system.servers[0]);
}

static void provoke_relay(const struct point *point)
{
    leave_unpublished(point);
    system_spawn_server(&the_system, 0, kill_at(point->name));
    assert_killed(&the_system.servers[0]);
    start_all();
    ask_until_accepted(point, 1);
    orders++;
}

static void provoke_expiry(const struct point *point)
{
    char id[40], sql[128];
    stop_servers();
    system_start_server(&the_system, 0, kill_at(point->name));
    assert_int_equal(ask_for_hold(point, id), 0);
    redis_eval("return redis.call('ZUNIONSTORE','{s0}:holds',1,'{s0}:holds','WEIGHTS',0)");
    assert_killed(&the_system.servers[0]);
    start_all();
    orders++;
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM orders WHERE state = 6 AND order_id = '%s'", id);
    int64_t until_ms = clock_monotonic_ms(clock_system()) + DEADLINE_MS;
    while (database_int(&the_system.database, sql) == 0) {
        assert_true(clock_monotonic_ms(clock_system()) < until_ms);
    }
}

static void provoke_loading(const struct point *point)
{
    stop_servers();
    (void)stores_redis_int(the_system.redis_url, "SCRIPT", "FLUSH", "SYNC");
    system_spawn_server(&the_system, 0, kill_at(point->name));
    assert_killed(&the_system.servers[0]);
    start_all();
    ask_until_accepted(point, 0);
    ask_until_accepted(point, 1);
    orders++;
}

static void provoke_worker(const struct point *point)
{
    stop_workers();
    ask_until_accepted(point, 0);
    system_start_worker(&the_system, 0, kill_at(point->name));
    assert_killed(&the_system.workers[0]);
    orders++;
}

/* The confirmation reaches the worker before the creation, which the relay publishes later: after
 * this, which is longer than a client tries a server that is dead. */
static void provoke_fold(const struct point *point)
{
    char id[40];
    assert_int_equal(setenv("ORDER_SERVER_CONFIRM_GRACE_MS", "15000", 1), 0);
    stop_workers();
    stop_servers();
    system_start_server(&the_system, 0, "after_reserve:kill@1");
    assert_int_not_equal(ask_for_hold(point, id), 0);
    assert_killed(&the_system.servers[0]);
    system_start_server(&the_system, 0, NULL);
    assert_int_equal(ask_for_hold(point, id), 0);
    const char *confirm[] = {"order", "confirm", id, NULL};
    assert_int_equal(system_orderctl(&the_system, confirm, NULL), 0);
    assert_int_equal(setenv("ORDER_SERVER_CONFIRM_GRACE_MS", "3000", 1), 0);
    orders++;
    system_start_worker(&the_system, 0, kill_at(point->name));
    assert_killed(&the_system.workers[0]);
}

/* Another PostgreSQL, so it seems, and it has lost an order. */
static void provoke_unsettling(const struct point *point)
{
    char sql[512];
    ask_until_accepted(point, 0);
    struct answer answer = ask(point, 0);
    orders++;
    system_wait_settled(&the_system, DEADLINE_MS);
    stop_servers();
    (void)snprintf(sql, sizeof sql,
                   "DELETE FROM orders WHERE order_id = '%s'; DELETE FROM order_lines WHERE "
                   "order_id = '%s'; DELETE FROM order_events WHERE order_id = '%s'; "
                   "UPDATE stock SET reserved = reserved - 1",
                   answer.order_id, answer.order_id, answer.order_id);
    database_execute(&the_system.database, sql);
    redis_eval("return redis.call('HSET','{s0}:meta','store','another/1/1')");
    system_spawn_server(&the_system, 0, kill_at(point->name));
    assert_killed(&the_system.servers[0]);
    start_all();
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM orders WHERE order_id = '%s'",
                   answer.order_id);
    int64_t until_ms = clock_monotonic_ms(clock_system()) + DEADLINE_MS;
    while (database_int(&the_system.database, sql) == 0) {
        assert_true(clock_monotonic_ms(clock_system()) < until_ms);
    }
}

/* The line is moved up to the stock, or away from it again: one of them is to be told each time. */
static void provoke_notice(const struct point *point)
{
    const char *up[] = {"product", "update", "tea", "--low-stock=100000", NULL};
    const char *down[] = {"product", "update", "tea", "--low-stock=0", NULL};
    stop_workers();
    bool first = strcmp(point->name, "notice_taken") == 0;
    assert_int_equal(system_orderctl(&the_system, first ? up : down, NULL), 0);
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM stock_notices"), 1);
    system_start_worker(&the_system, 0, kill_at(point->name));
    assert_killed(&the_system.workers[0]);
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM stock_notices"), 1);
}

/* ---- the test of each ---- */

static bool is_at_rest(void *state)
{
    (void)state;
    return system_outbox(&the_system) == 0 &&
           database_int(&the_system.database, "SELECT count(*) FROM stock_deltas") == 0 &&
           database_int(&the_system.database, "SELECT count(*) FROM stock_notices") == 0 &&
           database_int(&the_system.database, "SELECT count(*) FROM orders") == orders &&
           stores_redis_int(the_system.redis_url, "HGET", "{s0}:meta", "epoch") ==
               database_int(&the_system.database, "SELECT epoch FROM control");
}

static void test_s29_s31_a_crash_at_each_point(void **state)
{
    const struct point *point = *state;
    start_all();
    point->provoke(point);
    start_all();
    if (!wait_until(is_at_rest, NULL, DEADLINE_MS)) {
        process_show_log(&the_system.servers[0]);
        process_show_log(&the_system.workers[0]);
        fail_msg("%s: outbox %lld, orders %lld of %lld", point->name,
                 (long long)system_outbox(&the_system),
                 (long long)database_int(&the_system.database, "SELECT count(*) FROM orders"),
                 (long long)orders);
    }
    system_wait_settled(&the_system, DEADLINE_MS);
    system_assert_books(&the_system);
}

int main(void)
{
    struct CMUnitTest tests[POINT_COUNT];
    for (size_t i = 0; i < POINT_COUNT; i++) {
        tests[i] = (struct CMUnitTest){
            .name = POINTS[i].name,
            .test_func = test_s29_s31_a_crash_at_each_point,
            .initial_state = (void *)(uintptr_t)&POINTS[i],
        };
    }
    return cmocka_run_group_tests_name("crash points", tests, setup, teardown);
}
