/* Faults of PostgreSQL (docs/RELIABILITY.md, "Each fault and its test"): it dies, falls back,
 * refuses. Orders go on being accepted, nothing is parked, and all of them are there in the end,
 * once. On a cluster of the test's own. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "tests/support/postgres_server.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"
#include "tests/support/tcp_proxy.h"

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

struct log_search {
    struct process *processes[2];
    const char *text;
};

static bool says(void *state)
{
    const struct log_search *search = state;
    bool found = false;
    for (size_t i = 0; i < 2; i++) {
        char *log = read_whole(search->processes[i]->log_path);
        found = found || strstr(log, search->text) != NULL;
        free(log);
    }
    return found;
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

/* Reserved by `count` orders that nobody cancels. */
static void assert_all_there(int64_t count)
{
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    assert_orders(count, 0);
}

/* ---- F24 ---- */

static int setup_bounded(void **state)
{
    assert_int_equal(setenv("ORDER_SERVER_OUTBOX_MAX", "100", 1), 0);
    assert_int_equal(setenv("ORDER_WORKER_HOLD_MS", "300", 1), 0);
    return setup(state);
}

static int teardown_bounded(void **state)
{
    (void)unsetenv("ORDER_SERVER_OUTBOX_MAX");
    (void)unsetenv("ORDER_WORKER_HOLD_MS");
    return teardown(state);
}

/* Deliveries that were given back stay: no worker takes any while PostgreSQL does not answer. */
static bool are_given_back(void *state)
{
    char queue[64];
    (void)snprintf(queue, sizeof queue, "%s.persist", the_system.prefix);
    return stores_queue_ready(getenv("TEST_RABBITMQ_URL"), queue) == *(const int *)state;
}

/* Far more often away than a message may be delivered, were each time an attempt. */
static void f24_orders_go_on_without_postgres_up_to_the_bound(void **state)
{
    (void)state;
    place(0, 9);
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    postgres_server_kill(&primary);
    place(10, 109); /* as many as the outbox holds */
    struct answer answer = system_create_order(channel, NULL, "tea", 1);
    assert_int_equal(answer.code, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(answer.failure.reason, "OVERLOADED");
    int waiting = 100;
    if (!wait_until(are_given_back, &waiting, SETTLE_TIMEOUT_MS)) {
        fail_msg("the workers hold deliveries that they cannot store");
    }
    postgres_server_start(&primary);
    database_reconnect(&the_system.database, SETTLE_TIMEOUT_MS);
    assert_all_there(110);
}

/* ---- F26 ---- */

static void start_behind_proxies(void)
{
    rpc_channel_close(&channel);
    process_kill(&the_system.servers[0]);
    process_kill(&the_system.workers[0]);
    process_kill(&the_system.workers[1]);
    system_interpose(&the_system);
    system_start_server(&the_system, 0, NULL);
    system_start_worker(&the_system, 0, NULL);
    system_start_worker(&the_system, 1, NULL);
    channel = system_open_channel(&the_system, 0);
}

static void f26_lost_answers_of_postgres_double_nothing(void **state)
{
    (void)state;
    start_behind_proxies();
    for (int i = 0; i < 20; i++) {
        system_set_link(&the_system, SYSTEM_LINK_POSTGRES, tcp_proxy_cut_answers, i % 2 == 0);
        place(5 * i, 5 * i + 4);
    }
    system_set_link(&the_system, SYSTEM_LINK_POSTGRES, tcp_proxy_cut_answers, false);
    assert_all_there(100);
}

/* ---- F27 ---- */

static void f27_deadlocks_and_serialization_failures_are_tried_again(void **state)
{
    (void)state;
    database_execute(
        &the_system.database,
        "CREATE FUNCTION fail_often() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF random() < 0.7 THEN RAISE EXCEPTION 'as the test says' USING ERRCODE = "
        "(ARRAY['40001', '40P01', '53300', '57014'])[1 + floor(random() * 4)::int]; END IF; "
        "RETURN NULL; END $$;"
        "CREATE TRIGGER fail_often AFTER UPDATE ON stock FOR EACH STATEMENT "
        "EXECUTE FUNCTION fail_often()");
    place(0, 99);
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    database_execute(&the_system.database, "DROP TRIGGER fail_often ON stock");
    assert_all_there(100);
    struct log_search search = {{&the_system.workers[0], &the_system.workers[1]},
                                "as the test says"};
    assert_true(says(&search));
}

static bool waits_for_lock(void *state)
{
    (void)state;
    return database_int(&the_system.database,
                        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                        "AND application_name LIKE 'order-worker%'") > 0;
}

/* Two transactions that really wait for each other: PostgreSQL ends one of them. */
static void f27_a_real_deadlock_is_tried_again(void **state)
{
    (void)state;
    system_create_product(channel, "pot", STOCK);
    database_execute(&the_system.database, "ALTER SYSTEM SET deadlock_timeout = '50ms'");
    database_execute(&the_system.database, "SELECT pg_reload_conf()");
    struct database other;
    database_connect(&the_system.database, &other);
    for (int i = 0; i < 5; i++) {
        database_execute(&other, "BEGIN; UPDATE stock SET on_hand = on_hand WHERE product_id = "
                                 "'tea'");
        const char *both[] = {"order", "create", "--customer=anna", "pot=1", "tea=1", NULL};
        assert_int_equal(system_orderctl(&the_system, both, NULL), 0);
        if (!wait_until(waits_for_lock, NULL, SETTLE_TIMEOUT_MS)) { /* has pot, wants tea */
            fail_msg("no worker waits for the row");
        }
        database_try(&other, "SET lock_timeout = '5s'; UPDATE stock SET on_hand = on_hand WHERE "
                             "product_id = 'pot'; COMMIT");
        database_try(&other, "ROLLBACK");
    }
    database_disconnect(&other);
    assert_all_there(5);
}

static void f27_too_many_connections_are_waited_for(void **state)
{
    (void)state;
    struct database taken[80];
    size_t count = 0;
    while (count < 80 && database_try_connect(&the_system.database, &taken[count])) {
        count++;
    }
    assert_in_range(count, 1, 79);
    database_execute(&the_system.database,
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                     "application_name LIKE 'order-worker%'");
    while (count < 80 && database_try_connect(&the_system.database, &taken[count])) {
        count++; /* and what that has made free */
    }
    place(0, 49);
    for (size_t i = 0; i < count; i++) {
        database_disconnect(&taken[i]);
    }
    assert_all_there(50);
}

/* ---- F28 ---- */

#define DISK_BYTES "size=4m"

static char disk[96];

static void fill_disk(void)
{
    char path[128], zeros[4096] = {0};
    (void)snprintf(path, sizeof path, "%s/filler", disk);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    while (write(file, zeros, sizeof zeros) > 0) {
    }
    assert_int_equal(close(file), 0);
}

static void free_disk(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/filler", disk);
    assert_int_equal(unlink(path), 0);
}

/* The orders' tables are on a disk of 4 MiB, which is full. */
static void f28_a_full_disk_is_waited_for(void **state)
{
    (void)state;
    (void)snprintf(disk, sizeof disk, "%s/disk", primary.directory);
    assert_int_equal(mkdir(disk, 0755), 0);
    if (mount("none", disk, "tmpfs", 0, DISK_BYTES) != 0) {
        print_message("not run: this system lets nobody mount a small disk\n");
        skip();
    }
    char sql[256], data[128];
    (void)snprintf(data, sizeof data, "%s/tables", disk);
    assert_int_equal(mkdir(data, 0700), 0);
    postgres_server_own(data);
    (void)snprintf(sql, sizeof sql, "CREATE TABLESPACE small LOCATION '%s'", data);
    database_execute(&the_system.database, sql);
    database_execute(&the_system.database, "ALTER TABLE orders SET TABLESPACE small; "
                                           "ALTER TABLE order_lines SET TABLESPACE small; "
                                           "ALTER TABLE order_events SET TABLESPACE small");
    place(0, 9);
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    fill_disk();
    place(10, 199); /* more than the pages have room for */
    struct log_search search = {{&the_system.workers[0], &the_system.workers[1]}, "53100"};
    bool said = wait_until(says, &search, SETTLE_TIMEOUT_MS);
    free_disk();
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    assert_orders(200, 0);
    database_execute(&the_system.database, "ALTER TABLE orders SET TABLESPACE pg_default; "
                                           "ALTER TABLE order_lines SET TABLESPACE pg_default; "
                                           "ALTER TABLE order_events SET TABLESPACE pg_default");
    database_execute(&the_system.database, "DROP TABLESPACE small");
    assert_int_equal(umount2(disk, MNT_DETACH), 0);
    assert_true(said);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(f24_orders_go_on_without_postgres_up_to_the_bound,
                                        setup_bounded, teardown_bounded),
        TEST(f25_a_failover_that_loses_commits_gets_them_again),
        TEST(f26_lost_answers_of_postgres_double_nothing),
        TEST(f27_deadlocks_and_serialization_failures_are_tried_again),
        TEST(f27_a_real_deadlock_is_tried_again),
        TEST(f27_too_many_connections_are_waited_for),
        TEST(f28_a_full_disk_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
