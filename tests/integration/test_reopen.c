/* Redis restarted or emptied: nothing sells until the stock is right again, and what was accepted
 * is there, once. (A server that dies meanwhile: test_crash_points.c.) */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/cmocka_all.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"

#define REOPEN_TIMEOUT_MS 60000
#define SETTLE_TIMEOUT_MS 60000
#define STOCK             100

static struct system the_system;
static struct rpc_channel *channel;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(setenv("ORDER_SERVER_PUBLISH_TIMEOUT_MS", "500", 1), 0);
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

static void request_id(char out[40], int number)
{
    (void)snprintf(out, 40, "reopen-%d", number);
}

/* Places orders first..last, one unit each; all must be accepted. */
static void place(int first, int last, char order_ids[][40])
{
    for (int i = first; i <= last; i++) {
        char id[40];
        request_id(id, i);
        struct answer answer = system_create_order(channel, id, "tea", 1);
        if (answer.code != STATUS_OK) {
            fail_msg("order %d: %s %s", i, answer.failure.reason, answer.failure.message);
        }
        if (order_ids != NULL) {
            (void)snprintf(order_ids[i], 40, "%s", answer.order_id);
        }
    }
}

/* An order that is tried until it is taken. */
struct attempt {
    struct rpc_channel *channel;
    int number;
};

/* It may be refused or unknown meanwhile, never more. */
static bool sells(void *state)
{
    struct attempt *attempt = state;
    char id[40];
    request_id(id, attempt->number);
    return system_create_order(attempt->channel, id, "tea", 1).code == STATUS_OK;
}

static void wait_until_sells(struct rpc_channel *through, int number)
{
    struct attempt attempt = {through, number};
    if (!wait_until(sells, &attempt, REOPEN_TIMEOUT_MS)) {
        process_show_log(&the_system.servers[0]);
        fail_msg("it does not sell again");
    }
}

static void assert_settled(int orders)
{
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM orders"), orders);
    assert_int_equal(database_int(&the_system.database, "SELECT sum(reserved) FROM stock"), orders);
    system_assert_books(&the_system);
}

static void assert_epoch(int64_t epoch)
{
    assert_int_equal(database_int(&the_system.database, "SELECT epoch FROM control"), epoch);
    assert_int_equal(stores_redis_int(the_system.redis_url, "HGET", "{s0}:meta", "epoch"), epoch);
}

static void empty_redis(void)
{
    char path[128];
    process_kill(&the_system.redis);
    (void)snprintf(path, sizeof path, "%s/appendonlydir", the_system.directory);
    remove_directory(path);
    system_start_redis(&the_system);
}

static void f05_a_killed_redis_sells_again_after_loading(void **state)
{
    (void)state;
    place(0, 9, NULL);
    process_kill(&the_system.redis);
    char id[40];
    request_id(id, 10);
    struct answer answer = system_create_order(channel, id, "tea", 1);
    assert_true(answer.code == STATUS_UNAVAILABLE || answer.code == STATUS_UNKNOWN);
    system_start_redis(&the_system);
    wait_until_sells(channel, 10);
    assert_epoch(2);
    assert_settled(11);
}

static void f07_an_emptied_redis_is_filled_from_postgres(void **state)
{
    (void)state;
    char first[30][40], second[30][40];
    place(0, 19, first);
    empty_redis();
    wait_until_sells(channel, 20);
    place(0, 19, second); /* Redis has forgotten them all */
    for (int i = 0; i < 20; i++) {
        assert_string_equal(first[i], second[i]);
    }
    assert_epoch(2);
    assert_settled(21);
}

static void f10_scripts_that_were_flushed_are_a_fence(void **state)
{
    (void)state;
    place(0, 4, NULL);
    (void)stores_redis_int(the_system.redis_url, "SCRIPT", "FLUSH", "SYNC");
    wait_until_sells(channel, 5);
    assert_epoch(2);
    assert_settled(6);
}

static void f34_two_servers_make_one_step(void **state)
{
    (void)state;
    system_start_server(&the_system, 1, NULL);
    struct rpc_channel *second = system_open_channel(&the_system, 1);
    place(0, 4, NULL);
    empty_redis();
    wait_until_sells(channel, 5);
    wait_until_sells(second, 6);
    rpc_channel_close(&second);
    assert_epoch(2);
    assert_settled(7);
}

static bool log_says(const struct process *process, const char *words)
{
    char *log = read_whole(process->log_path);
    bool says = strstr(log, words) != NULL;
    free(log);
    return says;
}

static bool workers_are_asked(void *state)
{
    (void)state;
    return log_says(&the_system.servers[0], "asked to let go");
}

static bool nothing_is_ready(void *state)
{
    char queue[64];
    (void)snprintf(queue, sizeof queue, "%s.persist", the_system.prefix);
    (void)state;
    return stores_queue_ready(getenv("TEST_RABBITMQ_URL"), queue) == 0;
}

/* What they hold is in no depth, and Redis has forgotten it: it opens when they have stored it. */
static void test_it_waits_for_what_frozen_workers_hold(void **state)
{
    (void)state;
    place(0, 4, NULL);
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    process_signal(&the_system.workers[0], SIGSTOP);
    process_signal(&the_system.workers[1], SIGSTOP);
    place(5, 24, NULL);
    assert_true(wait_until(nothing_is_ready, NULL, SETTLE_TIMEOUT_MS)); /* they hold it all */
    empty_redis();
    assert_true(wait_until(workers_are_asked, NULL, REOPEN_TIMEOUT_MS));
    assert_int_equal(database_int(&the_system.database, "SELECT epoch FROM control"), 1);
    process_signal(&the_system.workers[0], SIGCONT);
    process_signal(&the_system.workers[1], SIGCONT);
    wait_until_sells(channel, 25);
    assert_epoch(2);
    assert_settled(26);
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM orders o JOIN "
                                                        "control c ON o.create_time > "
                                                        "c.update_time"),
                     1);
}

static bool somebody_fenced(void *state)
{
    int *leader = state;
    *leader = log_says(&the_system.servers[0], "stock fenced epoch=1") ? 0 : 1;
    return *leader == 0 || log_says(&the_system.servers[1], "stock fenced epoch=1");
}

/* It holds the lock, and its connections are as good as new. */
static void test_a_leader_that_stands_still_loses_the_lock(void **state)
{
    (void)state;
    system_start_server(&the_system, 1, NULL);
    process_kill(&the_system.workers[0]);
    process_kill(&the_system.workers[1]);
    place(0, 0, NULL); /* nobody persists it: it cannot reopen yet */
    empty_redis();
    int leader;
    assert_true(wait_until(somebody_fenced, &leader, REOPEN_TIMEOUT_MS));
    process_signal(&the_system.servers[leader], SIGSTOP);
    system_start_worker(&the_system, 0, NULL);
    struct rpc_channel *other = system_open_channel(&the_system, 1 - (size_t)leader);
    wait_until_sells(other, 1);
    assert_true(log_says(&the_system.servers[1 - leader], "stood still"));
    process_signal(&the_system.servers[leader], SIGCONT);
    struct rpc_channel *thawed = system_open_channel(&the_system, (size_t)leader);
    wait_until_sells(thawed, 2);
    assert_settled(3);
    rpc_channel_close(&thawed);
    rpc_channel_close(&other);
}

static bool one_waits(void *state)
{
    (void)state;
    return database_int(&the_system.database,
                        "SELECT count(*) FROM order_events WHERE outcome = 0") == 1;
}

static int ask(size_t server, const char *verb, const char *order_id, const char *line)
{
    const char *arguments[] = {
        "order", verb, order_id, line, "--timeout=2s", "--endpoint", the_system.ipc[server], NULL};
    return system_orderctl(&the_system, arguments, NULL);
}

/* Redis alone had the change before it. When Redis is lost the order is what PostgreSQL has, and
 * goes on from there: nothing of what was lost stands in the way of what is accepted now. */
static void test_a_change_that_waits_for_what_is_lost_lapses(void **state)
{
    (void)state;
    struct answer answer = system_create_order(channel, "reopen-0", "tea", 3);
    assert_int_equal(answer.code, STATUS_OK);
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    assert_int_equal(setenv("ORDER_SERVER_CONFIRM_GRACE_MS", "600000", 1), 0);
    system_start_server(&the_system, 1, "before_publish:kill@1");
    assert_int_equal(unsetenv("ORDER_SERVER_CONFIRM_GRACE_MS"), 0);
    assert_int_not_equal(ask(1, "confirm", answer.order_id, "--payment=lost"), 0);
    assert_int_equal(process_wait(&the_system.servers[1], SETTLE_TIMEOUT_MS), -SIGKILL);
    assert_int_equal(ask(0, "fulfil", answer.order_id, "1=1"), 0);
    assert_true(wait_until(one_waits, NULL, SETTLE_TIMEOUT_MS));
    empty_redis();
    wait_until_sells(channel, 1);
    assert_true(log_says(&the_system.servers[0], "lapsed: "));
    assert_int_equal(ask(0, "cancel", answer.order_id, "1=1"), 0);
    assert_int_equal(ask(0, "confirm", answer.order_id, "--payment=pay-1"), 0);
    assert_int_equal(ask(0, "fulfil", answer.order_id, "1=2"), 0);
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    assert_int_equal(
        database_int(&the_system.database,
                     "SELECT count(*) FROM orders o JOIN order_lines l USING (order_id)"
                     " WHERE version = 4 AND state = 4 AND cancelled_quantity = 1"
                     " AND fulfilled_quantity = 2"),
        1);
    assert_int_equal(database_int(&the_system.database, "SELECT sum(reserved) FROM stock"), 1);
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM double_reservations"),
                     0);
    system_assert_books(&the_system);
}

#define MANY_PRODUCTS 100000

static int64_t reopen_ms(int number)
{
    empty_redis();
    int64_t from_ms = clock_monotonic_ms(clock_system());
    wait_until_sells(channel, number);
    return clock_monotonic_ms(clock_system()) - from_ms;
}

/* Says how long nothing is sold, from the moment Redis is back. Half a second of it is T_pub (2 s
 * unless set otherwise). */
static void test_the_time_to_reopen(void **state)
{
    (void)state;
    int64_t few_ms = reopen_ms(0);
    database_execute(
        &the_system.database,
        "INSERT INTO products SELECT 'p-' || i, 'p', 1, 'EUR', 1, 'r-' || i, '', now(),"
        " now() FROM generate_series(1, 100000) i;"
        "INSERT INTO stock SELECT 'p-' || i, 10, 0 FROM generate_series(1, 100000) i");
    int64_t many_ms = reopen_ms(1);
    assert_int_equal(stores_redis_int(the_system.redis_url, "HLEN", "{s0}:stock", NULL),
                     MANY_PRODUCTS + 1);
    print_message("reopened after %lld ms with 1 product, after %lld ms with 100,001\n",
                  (long long)few_ms, (long long)many_ms);
    assert_settled(2);
}

static void test_reads_go_on_while_stock_is_loaded(void **state)
{
    (void)state;
    process_kill(&the_system.workers[0]);
    process_kill(&the_system.workers[1]);
    place(0, 0, NULL); /* nobody persists it: it cannot reopen */
    (void)stores_redis_int(the_system.redis_url, "SCRIPT", "FLUSH", "SYNC");
    struct answer answer = system_create_order(channel, "reopen-1", "tea", 1);
    assert_int_equal(answer.code, STATUS_UNAVAILABLE);
    assert_string_equal(answer.failure.reason, "STOCK_FENCED");
    const char *get[] = {"product", "get", "tea", NULL};
    assert_int_equal(system_orderctl(&the_system, get, NULL), 0);
    const char *health[] = {"health", NULL};
    assert_int_not_equal(system_orderctl(&the_system, health, NULL), 0);
    assert_int_equal(database_int(&the_system.database, "SELECT epoch FROM control"), 1);
    system_start_worker(&the_system, 0, NULL);
    wait_until_sells(channel, 1);
    assert_settled(2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(f05_a_killed_redis_sells_again_after_loading),
        TEST(f07_an_emptied_redis_is_filled_from_postgres),
        TEST(f10_scripts_that_were_flushed_are_a_fence),
        TEST(f34_two_servers_make_one_step),
        TEST(test_it_waits_for_what_frozen_workers_hold),
        TEST(test_a_leader_that_stands_still_loses_the_lock),
        TEST(test_a_change_that_waits_for_what_is_lost_lapses),
        TEST(test_the_time_to_reopen),
        TEST(test_reads_go_on_while_stock_is_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
