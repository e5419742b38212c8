/* Faults of RabbitMQ (docs/RELIABILITY.md, "Each fault and its test"): its confirm is lost, it is
 * alarmed, killed, wiped, unbound, full. Callers get a truthful answer within their deadline, and
 * all of it flows afterwards, once. On a node of the test's own. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "shop/order.h"
#include "tests/cmocka_all.h"
#include "tests/support/rabbitmq_server.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"
#include "tests/support/tcp_proxy.h"

#define SETTLE_TIMEOUT_MS 120000
#define DEADLINE_MS       3000 /* of a call; T_pub is 500 ms here */
#define STOCK             10000

static struct rabbitmq_server rabbitmq;
static struct system the_system;
static struct rpc_channel *channel;

static int start_rabbitmq(void **state)
{
    (void)state;
    rabbitmq_server_create(&rabbitmq);
    assert_int_equal(setenv("TEST_RABBITMQ_URL", rabbitmq.url, 1), 0);
    assert_int_equal(setenv("ORDER_SERVER_PUBLISH_TIMEOUT_MS", "500", 1), 0);
    assert_int_equal(setenv("ORDER_SERVER_CONFIRM_GRACE_MS", "1000", 1), 0);
    return 0;
}

static int stop_rabbitmq(void **state)
{
    (void)state;
    rabbitmq_server_destroy(&rabbitmq);
    return 0;
}

static void open_shop(void)
{
    struct rpc_channel_options options = {.endpoint = the_system.ipc[0], .timeout_ms = DEADLINE_MS};
    struct failure failure;
    assert_int_equal(rpc_channel_open(&options, &channel, &failure), STATUS_OK);
    system_create_product(channel, "tea", STOCK);
}

static int setup(void **state)
{
    (void)state;
    system_create(&the_system);
    system_interpose(&the_system);
    system_start_server(&the_system, 0, NULL);
    system_start_worker(&the_system, 0, NULL);
    system_start_worker(&the_system, 1, NULL);
    open_shop();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rpc_channel_close(&channel);
    system_destroy(&the_system);
    return 0;
}

/* One order; the durability that was answered, 0 for a refusal. Never later than the deadline. */
static int place(const char **reason_out)
{
    static struct answer answer;
    int64_t from_ms = clock_monotonic_ms(clock_system());
    answer = system_create_order(channel, NULL, "tea", 1);
    assert_true(clock_monotonic_ms(clock_system()) - from_ms < DEADLINE_MS + 500);
    if (reason_out != NULL) {
        *reason_out = answer.failure.reason;
    } else if (answer.code != STATUS_OK) {
        fail_msg("%s %s", answer.failure.reason, answer.failure.message);
    }
    return answer.code == STATUS_OK ? answer.durability : 0;
}

static void place_all(int count, int durability)
{
    for (int i = 0; i < count; i++) {
        int answered = place(NULL);
        if (durability != 0) {
            assert_int_equal(answered, durability);
        }
    }
}

struct wish {
    int durability;
    int placed;
};

static bool is_answered_so(void *state)
{
    struct wish *wish = state;
    const char *reason; /* a refusal does not count */
    int durability = place(&reason);
    wish->placed += durability != 0;
    return durability == wish->durability;
}

/* Orders until one is answered so; how many it took. */
static int place_until(int durability)
{
    struct wish wish = {durability, 0};
    if (!wait_until(is_answered_so, &wish, SETTLE_TIMEOUT_MS)) {
        process_show_log(&the_system.servers[0]);
        fail_msg("no order is answered with durability %d", durability);
    }
    return wish.placed;
}

static bool are_all_there(void *state)
{
    return database_int(&the_system.database, "SELECT count(*) FROM orders") == *(const int *)state;
}

static void assert_orders(int orders)
{
    if (!wait_until(are_all_there, &orders, SETTLE_TIMEOUT_MS)) {
        process_show_log(&the_system.servers[0]);
        process_show_log(&the_system.workers[0]);
        fail_msg("%lld of %d orders",
                 (long long)database_int(&the_system.database, "SELECT count(*) FROM orders"),
                 orders);
    }
    system_wait_settled(&the_system, SETTLE_TIMEOUT_MS);
    assert_int_equal(database_int(&the_system.database, "SELECT reserved FROM stock"), orders);
    assert_int_equal(system_available(&the_system, "tea"), STOCK - orders);
    system_assert_books(&the_system);
}

static void f14_a_lost_confirm_makes_one_order(void **state)
{
    (void)state;
    place_all(5, DURABILITY_QUEUED);
    for (int i = 0; i < 5; i++) {
        system_set_link(&the_system, SYSTEM_LINK_RABBITMQ, tcp_proxy_cut_answers, true);
        assert_int_equal(place(NULL), DURABILITY_RESERVED);
        system_set_link(&the_system, SYSTEM_LINK_RABBITMQ, tcp_proxy_cut_answers, false);
    }
    int more = place_until(DURABILITY_QUEUED);
    assert_orders(10 + more);
}

static void live_through_an_alarm(const char *command, const char *on, const char *off)
{
    place_all(5, DURABILITY_QUEUED);
    rabbitmq_server_control(&rabbitmq, command, on);
    int orders = 5 + place_until(DURABILITY_RESERVED);
    place_all(20, DURABILITY_RESERVED);
    rabbitmq_server_control(&rabbitmq, command, off);
    orders += 20 + place_until(DURABILITY_QUEUED);
    assert_orders(orders);
}

static void f15_a_memory_alarm_leaves_orders_reserved(void **state)
{
    (void)state;
    live_through_an_alarm("set_vm_memory_high_watermark", "0", "0.6");
}

static void f16_a_disk_alarm_leaves_orders_reserved(void **state)
{
    (void)state;
    live_through_an_alarm("set_disk_free_limit", "100000GB", "50MB");
}

static void f17_a_killed_broker_has_what_it_confirmed(void **state)
{
    (void)state;
    process_kill(&the_system.workers[0]);
    process_kill(&the_system.workers[1]);
    place_all(20, DURABILITY_QUEUED); /* nowhere but in its queue and the outbox */
    rabbitmq_server_sync(&rabbitmq);
    rabbitmq_server_kill(&rabbitmq);
    place_all(20, DURABILITY_RESERVED);
    rabbitmq_server_start(&rabbitmq);
    system_start_worker(&the_system, 0, NULL);
    int more = place_until(DURABILITY_QUEUED);
    assert_orders(40 + more);
}

/* What it had confirmed is gone with it: the outbox still has it, and the relay finds that
 * PostgreSQL has not. */
static void f18_a_wiped_broker_gets_all_of_it_again(void **state)
{
    (void)state;
    process_kill(&the_system.workers[0]);
    process_kill(&the_system.workers[1]);
    place_all(20, DURABILITY_QUEUED);
    rabbitmq_server_kill(&rabbitmq);
    rabbitmq_server_wipe(&rabbitmq);
    rabbitmq_server_start(&rabbitmq);
    system_start_worker(&the_system, 0, NULL);
    int more = place_until(DURABILITY_QUEUED);
    assert_orders(20 + more);
}

/* False when somebody else had bound it again: each connection does, when it is made. */
static bool is_returned(void *placed)
{
    stores_unbind_queue(rabbitmq.url, the_system.prefix);
    *(int *)placed += 1;
    return place(NULL) == DURABILITY_RESERVED;
}

static void f19_an_unbound_queue_is_bound_again(void **state)
{
    (void)state;
    int placed = 5;
    place_all(placed, DURABILITY_QUEUED);
    assert_true(wait_until(is_returned, &placed, SETTLE_TIMEOUT_MS)); /* nobody took it */
    assert_orders(placed + place_until(DURABILITY_QUEUED));
}

static int setup_small(void **state)
{
    assert_int_equal(setenv("ORDER_QUEUE_BYTES_MAX", "65536", 1), 0);
    assert_int_equal(setenv("ORDER_SERVER_OUTBOX_MAX", "400", 1), 0);
    return setup(state);
}

static int teardown_small(void **state)
{
    (void)unsetenv("ORDER_QUEUE_BYTES_MAX");
    (void)unsetenv("ORDER_SERVER_OUTBOX_MAX");
    return teardown(state);
}

/* Nobody takes from it: RabbitMQ refuses when the queue is full, the shop when the outbox is. */
static void f20_a_full_queue_leaves_orders_reserved_then_refuses(void **state)
{
    (void)state;
    process_kill(&the_system.workers[0]);
    process_kill(&the_system.workers[1]);
    int queued = 0, reserved = 0;
    const char *reason = "";
    for (int i = 0; i < 500; i++) {
        int answered = place(&reason);
        if (answered == 0) {
            break;
        }
        queued += answered == DURABILITY_QUEUED;
        reserved += answered == DURABILITY_RESERVED;
    }
    assert_string_equal(reason, "OVERLOADED");
    assert_int_equal(queued + reserved, 400);
    assert_in_range(queued, 20, 380);
    print_message("a queue of 64 KiB took %d orders of 400\n", queued);
    system_start_worker(&the_system, 0, NULL);
    int more = place_until(DURABILITY_QUEUED);
    assert_orders(400 + more);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(f14_a_lost_confirm_makes_one_order),
        TEST(f15_a_memory_alarm_leaves_orders_reserved),
        TEST(f16_a_disk_alarm_leaves_orders_reserved),
        TEST(f17_a_killed_broker_has_what_it_confirmed),
        TEST(f18_a_wiped_broker_gets_all_of_it_again),
        TEST(f19_an_unbound_queue_is_bound_again),
        cmocka_unit_test_setup_teardown(f20_a_full_queue_leaves_orders_reserved_then_refuses,
                                        setup_small, teardown_small),
    };
    return cmocka_run_group_tests(tests, start_rabbitmq, stop_rabbitmq);
}
