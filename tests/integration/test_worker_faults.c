/* The worker as a process, killed, stopped and cut off: each event once, whatever happens to it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/cmocka_all.h"
#include "tests/integration/worker_fixture.h"
#include "tests/support/stores.h"
#include "tests/support/tcp_proxy.h"

static struct worker_fixture fixture;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(setenv("ORDER_WORKER_SWEEP_MS", "100", 1), 0);
    assert_int_equal(setenv("ORDER_WORKER_SWEEP_AGE_MS", "200", 1), 0);
    worker_fixture_create(&fixture);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    worker_fixture_destroy(&fixture);
    (void)unsetenv("ORDER_WORKER_HOLD_MS");
    return 0;
}

static int64_t available(const char *product_id)
{
    return system_available(&fixture.system, product_id);
}

static int64_t count(const char *sql)
{
    return worker_fixture_count(&fixture, sql);
}

static void start_worker(void)
{
    system_start_worker(&fixture.system, 0, NULL);
}

/* A worker dies there, another goes on. */
static void die_at(const char *failpoint)
{
    char fail[64];
    (void)snprintf(fail, sizeof fail, "%s:kill@1", failpoint);
    worker_fixture_place(&fixture, 40);
    struct event up = worker_fixture_adjustment(&fixture, "a", 7);
    worker_fixture_reserve(&fixture, &up);
    worker_fixture_publish(&fixture, &up, 1);
    system_start_worker(&fixture.system, 0, fail);
    assert_int_equal(process_wait(&fixture.system.workers[0], FIXTURE_DEADLINE_MS), -SIGKILL);
    start_worker();
    worker_fixture_place(&fixture, 5);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM orders", 45);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM stock_ledger", 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM stock_deltas", 0);
    system_assert_books(&fixture.system);
    assert_int_equal(available("a"), 1007 - 9);
}

static void f02_dying_before_the_commit_changes_nothing(void **state)
{
    (void)state;
    die_at("before_commit");
    worker_fixture_wait_settled(&fixture);
}

static void f02_dying_after_the_commit_doubles_nothing(void **state)
{
    (void)state;
    die_at("after_commit");
    worker_fixture_wait_settled(&fixture);
}

static void f02_dying_after_the_ack_leaves_the_outbox_to_the_relay(void **state)
{
    (void)state;
    die_at("after_ack");
    assert_true(system_outbox(&fixture.system) > 0); /* who settles them now: the server's relay */
}

static void f02_dying_after_the_settle_leaves_nothing(void **state)
{
    (void)state;
    die_at("after_settle");
    worker_fixture_wait_settled(&fixture);
}

static void f03_sixty_deaths_cost_no_order(void **state)
{
    (void)state;
    worker_fixture_place(&fixture, 3);
    for (int i = 0; i < 60; i++) {
        system_start_worker(&fixture.system, 0, "before_commit:kill@1");
        assert_int_equal(process_wait(&fixture.system.workers[0], FIXTURE_DEADLINE_MS), -SIGKILL);
    }
    start_worker();
    worker_fixture_wait_settled(&fixture);
    assert_int_equal(count("SELECT count(*) FROM orders"), 3);
    system_assert_books(&fixture.system);
}

static void test_redis_away_is_caught_up_with(void **state)
{
    (void)state;
    struct event up = worker_fixture_adjustment(&fixture, "a", 7);
    worker_fixture_reserve(&fixture, &up);
    start_worker();
    process_signal(&fixture.system.redis, SIGSTOP);
    worker_fixture_publish(&fixture, &up, 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM stock_ledger", 1);
    assert_int_equal(count("SELECT count(*) FROM stock_deltas"), 1);
    process_signal(&fixture.system.redis, SIGCONT);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM stock_deltas", 0);
    assert_int_equal(available("a"), 1007);
}

/* PostgreSQL had lost it when the stock in force was loaded, and the worker that stores it again
 * dies before it tells. */
static void test_the_hold_of_an_order_that_is_restored_is_told(void **state)
{
    (void)state;
    static const char END[] =
        "return 0 + redis.call('ZRANGE', '{s0}:holds', 0, 0, 'WITHSCORES')[2]";
    struct event late = worker_fixture_order(&fixture, "a", 5);
    late.restored = true;
    late.order.state = ORDER_PENDING;
    late.order.expire_time_us = late.event_time_us / 1000 * 1000 + 3600000000;
    worker_fixture_reload(&fixture);
    system_start_worker(&fixture.system, 0, "after_commit:kill@1");
    worker_fixture_publish(&fixture, &late, 1);
    assert_int_equal(process_wait(&fixture.system.workers[0], FIXTURE_DEADLINE_MS), -SIGKILL);
    assert_int_equal(count("SELECT count(*) FROM stock_deltas"), 2); /* its units, its hold */
    start_worker();
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM stock_deltas", 0);
    assert_int_equal(available("a"), 995);
    assert_int_equal(stores_redis_int(fixture.system.redis_url, "ZCARD", "{s0}:holds", NULL), 1);
    assert_int_equal(stores_redis_int(fixture.system.redis_url, "EVAL", END, "0"),
                     late.order.expire_time_us / 1000);
}

/* The worker's way to PostgreSQL leads through the proxy. */
static struct tcp_proxy *proxy_database(void)
{
    char *url = fixture.system.database.url;
    const char *at = strchr(url, '@');
    const char *authority = at != NULL ? at + 1 : strstr(url, "://") + 3;
    char *colon = strchr(authority, ':');
    const char *path = strchr(authority, '/');
    assert_true(colon != NULL && colon < path);
    struct tcp_proxy *proxy = tcp_proxy_create((uint16_t)strtol(colon + 1, NULL, 10));
    char rest[256];
    (void)snprintf(rest, sizeof rest, "%s", path);
    (void)snprintf(colon, sizeof fixture.system.database.url - (size_t)(colon - url), ":%u%s",
                   tcp_proxy_port(proxy), rest);
    return proxy;
}

static bool is_given_back(void *state)
{
    (void)state;
    return stores_queue_ready(getenv("TEST_RABBITMQ_URL"), fixture.queue) > 0;
}

static void test_postgresql_away_costs_time_only(void **state)
{
    (void)state;
    assert_int_equal(setenv("ORDER_WORKER_HOLD_MS", "300", 1), 0);
    struct tcp_proxy *proxy = proxy_database();
    start_worker();
    worker_fixture_place(&fixture, 10);
    worker_fixture_wait_settled(&fixture);
    for (int i = 0; i < 5; i++) {
        tcp_proxy_cut(proxy); /* in the middle of whatever it is doing */
        worker_fixture_place(&fixture, 10);
    }
    worker_fixture_wait_settled(&fixture);
    tcp_proxy_freeze(proxy, true);
    worker_fixture_place(&fixture, 10);
    if (!wait_until(is_given_back, NULL, FIXTURE_DEADLINE_MS)) {
        fail_msg("the worker holds its deliveries for longer than it should");
    }
    tcp_proxy_freeze(proxy, false);
    worker_fixture_wait_settled(&fixture);
    assert_int_equal(count("SELECT count(*) FROM orders"), 70);
    system_assert_books(&fixture.system);
    process_kill(&fixture.system.workers[0]);
    tcp_proxy_destroy(&proxy);
}

static void test_two_workers_share_the_work(void **state)
{
    (void)state;
    start_worker();
    system_start_worker(&fixture.system, 1, NULL);
    worker_fixture_place(&fixture, 2000);
    worker_fixture_wait_settled(&fixture);
    assert_int_equal(count("SELECT count(*) FROM orders"), 2000);
    system_assert_books(&fixture.system);
}

static void test_a_stop_finishes_the_batch(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        char begun[96];
        (void)snprintf(begun, sizeof begun, "SELECT (count(*) > %d)::int FROM orders", 50 * i);
        start_worker();
        worker_fixture_place(&fixture, 50);
        worker_fixture_wait_count(&fixture, begun, 1); /* and perhaps not all of them */
        assert_int_equal(process_end(&fixture.system.workers[0], FIXTURE_DEADLINE_MS), 0);
    }
    start_worker();
    worker_fixture_wait_settled(&fixture);
    assert_int_equal(count("SELECT count(*) FROM orders"), 250);
    system_assert_books(&fixture.system);
}

static void test_a_queue_with_other_limits_ends_the_worker_with_a_word(void **state)
{
    (void)state;
    worker_fixture_place(&fixture, 1);
    assert_int_equal(setenv("ORDER_QUEUE_BYTES_MAX", "1000000", 1), 0);
    start_worker();
    assert_int_equal(process_wait(&fixture.system.workers[0], FIXTURE_DEADLINE_MS), 3);
    (void)unsetenv("ORDER_QUEUE_BYTES_MAX");
    char *log = read_whole(fixture.system.workers[0].log_path);
    assert_non_null(strstr(log, "BROKER_TOPOLOGY_DIFFERS"));
    free(log);
}

#define WORKER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(f02_dying_before_the_commit_changes_nothing),
        WORKER_TEST(f02_dying_after_the_commit_doubles_nothing),
        WORKER_TEST(f02_dying_after_the_ack_leaves_the_outbox_to_the_relay),
        WORKER_TEST(f02_dying_after_the_settle_leaves_nothing),
        WORKER_TEST(f03_sixty_deaths_cost_no_order),
        WORKER_TEST(test_redis_away_is_caught_up_with),
        WORKER_TEST(test_the_hold_of_an_order_that_is_restored_is_told),
        WORKER_TEST(test_postgresql_away_costs_time_only),
        WORKER_TEST(test_two_workers_share_the_work),
        WORKER_TEST(test_a_stop_finishes_the_batch),
        WORKER_TEST(test_a_queue_with_other_limits_ends_the_worker_with_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
