/* Redis restarted or emptied: nothing sells until the stock is right again, and what was accepted
 * is there, once. (A server that dies meanwhile: test_crash_points.c.) */
#include <stdio.h>
#include <stdlib.h>

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
    assert_int_equal(database_int(&the_system.database, "SELECT reserved FROM stock"), orders);
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
        TEST(test_reads_go_on_while_stock_is_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
