/* Faults of PostgreSQL (docs/RELIABILITY.md, "Each fault and its test"): it dies, falls back,
 * refuses. Orders go on being accepted, nothing is parked, and all of them are there in the end,
 * once. On a cluster of the test's own. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/cmocka_all.h"
#include "tests/support/postgres_server.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"

#define SETTLE_TIMEOUT_MS 120000
#define STOCK             1000
#define ORDERS_MAX        200

static struct postgres_server primary, standby;
static struct system the_system;
static struct rpc_channel *channel;
static char order_ids[ORDERS_MAX][40];
static const char *shared_url;

static int setup(void **state)
{
    (void)state;
    postgres_server_create(&primary, NULL);
    shared_url = getenv("TEST_DATABASE_URL");
    assert_int_equal(setenv("TEST_DATABASE_URL", primary.url, 1), 0);
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
    assert_int_equal(setenv("TEST_DATABASE_URL", shared_url, 1), 0);
    postgres_server_destroy(&primary);
    if (standby.port != 0) {
        postgres_server_destroy(&standby);
        standby.port = 0;
    }
    return 0;
}

/* Orders first..last, one unit each: all are accepted, at least QUEUED. */
static void place(int first, int last)
{
    for (int i = first; i <= last; i++) {
        struct answer answer = system_create_order(channel, NULL, "tea", 1);
        if (answer.code != STATUS_OK) {
            fail_msg("order %d: %s %s", i, answer.failure.reason, answer.failure.message);
        }
        assert_true(answer.durability >= 2); /* QUEUED */
        (void)snprintf(order_ids[i], sizeof order_ids[i], "%s", answer.order_id);
    }
}

static void cancel(int which)
{
    const char *arguments[] = {"order", "cancel", order_ids[which], NULL};
    assert_int_equal(system_orderctl(&the_system, arguments, NULL), 0);
}

static bool is_open_in_epoch(void *state)
{
    return stores_redis_int(the_system.redis_url, "HGET", "{s0}:meta", "epoch") >=
           *(const int64_t *)state;
}

static void assert_orders(int64_t orders, int64_t cancelled)
{
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM orders"), orders);
    assert_int_equal(
        database_int(&the_system.database, "SELECT count(*) FROM orders WHERE state = 5"),
        cancelled);
    assert_int_equal(database_int(&the_system.database, "SELECT reserved FROM stock"),
                     orders - cancelled);
    system_assert_books(&the_system);
}

/* The standby has not got what came after its copy was made: 20 orders and 5 cancellations. */
static void f25_a_failover_that_loses_commits_gets_them_again(void **state)
{
    (void)state;
    place(0, 19);
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    postgres_server_copy(&standby, &primary);
    place(20, 39);
    for (int i = 15; i < 20; i++) {
        cancel(i);
    }
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    assert_orders(40, 5);
    postgres_server_kill(&primary);
    postgres_server_start(&standby);
    postgres_server_promote(&standby);
    database_reconnect(&the_system.database, SETTLE_TIMEOUT_MS);
    int64_t after = 2;
    if (!wait_until(is_open_in_epoch, &after, SETTLE_TIMEOUT_MS)) {
        process_show_log(&the_system.servers[0]);
        fail_msg("stock is not loaded anew");
    }
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    assert_orders(40, 5);
    for (int i = 0; i < 40; i++) {
        const char *get[] = {"order", "get", order_ids[i], NULL};
        assert_int_equal(system_orderctl(&the_system, get, NULL), 0);
    }
    place(40, 49);
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    assert_orders(50, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(f25_a_failover_that_loses_commits_gets_them_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
