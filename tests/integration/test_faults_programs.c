/* Faults of the programs themselves and of what is between them and the stores
 * (docs/RELIABILITY.md, "Each fault and its test"): they stand still and go on, their connections
 * turn into holes, their clocks are wrong. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/uuid.h"
#include "shop/order.h"
#include "tests/cmocka_all.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"
#include "tests/support/tcp_proxy.h"

#define SETTLE_TIMEOUT_MS 120000
#define STOCK             1000

static struct system the_system;
static struct rpc_channel *channels[2];

static void open_shop(void)
{
    for (size_t i = 0; i < 2; i++) {
        system_start_server(&the_system, i, NULL);
        system_start_worker(&the_system, i, NULL);
        channels[i] = system_open_channel(&the_system, i);
    }
    system_create_product(channels[0], "tea", STOCK);
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(setenv("ORDER_SERVER_PUBLISH_TIMEOUT_MS", "500", 1), 0);
    assert_int_equal(setenv("ORDER_SERVER_CONFIRM_GRACE_MS", "1000", 1), 0);
    assert_int_equal(setenv("ORDER_WORKER_HEARTBEAT_S", "2", 1), 0);
    assert_int_equal(setenv("ORDER_SERVER_HEARTBEAT_S", "2", 1), 0);
    system_create(&the_system);
    system_interpose(&the_system);
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

static void pass_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static void assert_orders(int64_t orders)
{
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM orders"), orders);
    assert_int_equal(database_int(&the_system.database, "SELECT reserved FROM stock"), orders);
    assert_int_equal(system_available(&the_system, "tea"), STOCK - orders);
    system_assert_books(&the_system);
}

/* ---- F4 ---- */

static bool is_stopped(void *state)
{
    const struct process *process = state;
    char path[64], line[256] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)process->pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    if (fgets(line, sizeof line, file) == NULL) {
        line[0] = '\0';
    }
    (void)fclose(file);
    const char *end = strrchr(line, ')');
    return end != NULL && end[2] == 'T';
}

static void await_stop(struct process *process)
{
    if (!wait_until(is_stopped, process, SETTLE_TIMEOUT_MS)) {
        process_show_log(process);
        fail_msg("it does not reach the failpoint");
    }
}

/* While another thread waits for the answer. */
struct asked {
    pthread_t thread;
    struct answer answer;
};

static void *ask(void *state)
{
    struct asked *asked = state;
    asked->answer = system_create_order(channels[0], "frozen", "tea", 1);
    return NULL;
}

static int freeze_server(int64_t ms)
{
    struct asked asked;
    process_kill(&the_system.servers[0]);
    system_start_server(&the_system, 0, "before_publish:stop@1");
    assert_int_equal(pthread_create(&asked.thread, NULL, ask, &asked), 0);
    await_stop(&the_system.servers[0]);
    pass_ms((long)ms);
    process_signal(&the_system.servers[0], SIGCONT);
    (void)pthread_join(asked.thread, NULL);
    assert_int_equal(asked.answer.code, STATUS_OK);
    assert_orders(1);
    return asked.answer.durability;
}

static void f04_a_server_frozen_past_the_confirm_says_reserved(void **state)
{
    (void)state;
    open_shop();
    assert_int_equal(freeze_server(1000), DURABILITY_RESERVED); /* T_pub has passed */
}

/* By then the client has asked again, and hears what the order has become meanwhile. */
static void f04_a_server_frozen_past_its_heartbeats_makes_one_order(void **state)
{
    (void)state;
    open_shop();
    (void)freeze_server(6000);
}

/* In the middle of its transaction, until RabbitMQ has given its delivery to another. */
static void f04_a_worker_frozen_before_its_commit_doubles_nothing(void **state)
{
    (void)state;
    open_shop();
    process_kill(&the_system.workers[0]);
    process_kill(&the_system.workers[1]);
    system_start_worker(&the_system, 0, "before_commit:stop@1");
    assert_int_equal(system_create_order(channels[0], NULL, "tea", 1).code, STATUS_OK);
    await_stop(&the_system.workers[0]);
    system_start_worker(&the_system, 1, NULL);
    assert_int_equal(system_create_order(channels[0], NULL, "tea", 1).code, STATUS_OK);
    pass_ms(8000); /* its heartbeats are missed; its locks are still there */
    process_signal(&the_system.workers[0], SIGCONT);
    assert_orders(2);
}

/* ---- F29 ---- */

/* Not a byte moves, and nobody is told: neither end hears of the other. */
static void live_beside_a_hole(enum system_link link)
{
    open_shop();
    int64_t accepted = 0;
    char id[32];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(system_create_order(channels[0], NULL, "tea", 1).code, STATUS_OK);
        accepted++;
    }
    system_set_link(&the_system, link, tcp_proxy_freeze, true);
    for (int i = 0; i < 6; i++) {
        int64_t from_ms = clock_monotonic_ms(clock_system());
        (void)snprintf(id, sizeof id, "hole-%d", i);
        (void)system_create_order(channels[i % 2], id, "tea", 1);
        assert_true(clock_monotonic_ms(clock_system()) - from_ms < 20500); /* the call's deadline */
        pass_ms(1000); /* in all: longer than heartbeats and timeouts */
    }
    system_set_link(&the_system, link, tcp_proxy_freeze, false);
    for (int i = 0; i < 6; i++) {
        int64_t until_ms = clock_monotonic_ms(clock_system()) + SETTLE_TIMEOUT_MS;
        (void)snprintf(id, sizeof id, "hole-%d", i);
        while (system_create_order(channels[i % 2], id, "tea", 1).code != STATUS_OK) {
            assert_true(clock_monotonic_ms(clock_system()) < until_ms);
        }
        accepted++;
    }
    assert_orders(accepted);
}

static void f29_redis_behind_a_hole(void **state)
{
    (void)state;
    live_beside_a_hole(SYSTEM_LINK_REDIS);
}

static void f29_rabbitmq_behind_a_hole(void **state)
{
    (void)state;
    live_beside_a_hole(SYSTEM_LINK_RABBITMQ);
}

static void f29_postgres_behind_a_hole(void **state)
{
    (void)state;
    live_beside_a_hole(SYSTEM_LINK_POSTGRES);
}

/* ---- F31 ---- */

/* The programs that are started from now on live in another hour. */
static void set_clock(const char *offset)
{
    static char library[256];
    if (offset == NULL) {
        (void)unsetenv("LD_PRELOAD");
        (void)unsetenv("FAKETIME");
        return;
    }
    if (library[0] == '\0') {
        FILE *pipe = popen("faketime -f +0 printenv LD_PRELOAD", "r"); // NOLINT(cert-env33-c)
        assert_non_null(pipe);
        assert_non_null(fgets(library, sizeof library, pipe));
        library[strcspn(library, "\n")] = '\0';
        (void)pclose(pipe);
    }
    assert_int_equal(setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1), 0);
    assert_int_equal(setenv("DONT_FAKE_MONOTONIC", "1", 1), 0);
    assert_int_equal(setenv("LD_PRELOAD", library, 1), 0);
    assert_int_equal(setenv("FAKETIME", offset, 1), 0);
}

static void start_at(size_t index, const char *offset)
{
    set_clock(offset);
    system_spawn_server(&the_system, index, NULL);
    system_start_worker(&the_system, index, NULL);
    set_clock(NULL);
    system_await_server(&the_system, index);
    channels[index] = system_open_channel(&the_system, index);
}

static void assert_same(const char *request_id)
{
    struct answer one = system_create_order(channels[0], request_id, "tea", 1);
    struct answer other = system_create_order(channels[1], request_id, "tea", 1);
    assert_int_equal(one.code, STATUS_OK);
    assert_int_equal(other.code, STATUS_OK);
    assert_string_equal(one.order_id, other.order_id);
}

struct again {
    const char *request_id;
    char order_id[40];
};

static bool is_the_same_again(void *state)
{
    struct again *again = state;
    struct answer answer = system_create_order(channels[1], again->request_id, "tea", 1);
    if (answer.code == STATUS_OK) {
        assert_string_equal(answer.order_id, again->order_id);
    }
    return answer.code == STATUS_OK;
}

/* One server and one worker an hour ahead, the others an hour behind. (Redis itself hangs at its
 * start under faketime: its allocator asks for the time before there is one.) */
static void f31_clocks_two_hours_apart_change_no_order(void **state)
{
    (void)state;
    start_at(0, "+1h");
    start_at(1, "-1h");
    system_create_product(channels[0], "tea", STOCK);
    char id[UUID_TEXT_BYTES];
    struct uuid uuid = uuid_v7(clock_system());
    uuid_print(&uuid, id);
    assert_same(id);
    assert_same("by-hand");
    const char *hold[] = {"order", "create", "--customer=anna", "tea=1", "--hold=10m", NULL};
    assert_int_equal(system_orderctl(&the_system, hold, NULL), 0);
    assert_orders(3);
    assert_int_equal(
        database_int(&the_system.database, "SELECT count(*) FROM orders WHERE state = 1"), 3);
    /* Redis forgets; the request is an old one all the same, whatever a server's clock says. */
    (void)stores_redis_int(the_system.redis_url, "FLUSHALL", NULL, NULL);
    struct again again = {.request_id = id};
    struct answer answer = {0};
    int64_t until_ms = clock_monotonic_ms(clock_system()) + SETTLE_TIMEOUT_MS;
    do {
        answer = system_create_order(channels[0], id, "tea", 1);
        assert_true(clock_monotonic_ms(clock_system()) < until_ms);
    } while (answer.code != STATUS_OK);
    (void)snprintf(again.order_id, sizeof again.order_id, "%s", answer.order_id);
    assert_true(wait_until(is_the_same_again, &again, SETTLE_TIMEOUT_MS));
    assert_orders(3);
    /* The holds are still there: their ends are compared with Redis' clock, which is right. */
    assert_int_equal(
        database_int(&the_system.database, "SELECT count(*) FROM orders WHERE state = 1"), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(f04_a_server_frozen_past_the_confirm_says_reserved),
        TEST(f04_a_server_frozen_past_its_heartbeats_makes_one_order),
        TEST(f04_a_worker_frozen_before_its_commit_doubles_nothing),
        TEST(f29_redis_behind_a_hole),
        TEST(f29_rabbitmq_behind_a_hole),
        TEST(f29_postgres_behind_a_hole),
        TEST(f31_clocks_two_hours_apart_change_no_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
