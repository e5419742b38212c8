/* stock.low and stock.back (docs/EVENTS.md): an outside queue is told when a product's threshold is
 * crossed, once a crossing, and also when who tells it dies or RabbitMQ is away. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/support/subscriber.h"
#include "tests/support/system.h"
#include "tests/support/tcp_proxy.h"

#define DEADLINE_MS 60000

static struct system shop;
static struct rpc_channel *channel;
static struct subscriber outside;

static int setup(void **state)
{
    (void)state;
    system_create(&shop);
    system_interpose(&shop);
    system_start_server(&shop, 0, NULL);
    system_start_worker(&shop, 0, NULL);
    channel = system_open_channel(&shop, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rpc_channel_close(&channel);
    system_destroy(&shop);
    return 0;
}

static int start_subscriber(void **state)
{
    (void)state;
    subscriber_start(&outside, getenv("TEST_RABBITMQ_URL"), shop.prefix);
    return 0;
}

static int stop_subscriber(void **state)
{
    (void)state;
    subscriber_stop(&outside);
    assert_string_equal(outside.complaint, "");
    return 0;
}

static void set_threshold(const char *product_id, const char *option)
{
    const char *update[] = {"product", "update", product_id, option, NULL};
    assert_int_equal(system_orderctl(&shop, update, NULL), 0);
}

static struct answer order(const char *product_id, int32_t quantity)
{
    struct answer answer = system_create_order(channel, NULL, product_id, quantity);
    assert_int_equal(answer.code, STATUS_OK);
    return answer;
}

static void cancel(const struct answer *answer)
{
    const char *command[] = {"order", "cancel", answer->order_id, NULL};
    assert_int_equal(system_orderctl(&shop, command, NULL), 0);
}

/* One after the other in PostgreSQL: in one batch they could make one another good. */
static void persist(void)
{
    system_wait_settled(&shop, DEADLINE_MS);
}

static bool has_told_all(void *state)
{
    (void)state;
    return database_int(&shop.database, "SELECT count(*) FROM stock_notices") == 0;
}

static bool has_levels(void *state)
{
    return atomic_load(&outside.level_count) >= *(size_t *)state;
}

static void wait_levels(size_t count)
{
    if (!wait_until(has_levels, &count, DEADLINE_MS)) {
        process_show_log(&shop.workers[0]);
        fail_msg("told %zu times, not %zu", atomic_load(&outside.level_count), count);
    }
}

static void assert_level(size_t at, const char *key, const char *product_id, int64_t available)
{
    const struct subscriber_level *level = &outside.levels[at];
    assert_string_equal(level->key, key);
    assert_string_equal(level->product_id, product_id);
    assert_int_equal(level->available, available);
}

static void test_each_crossing_is_told_once(void **state)
{
    (void)state;
    system_create_product(channel, "tea", 10);
    system_create_product(channel, "cup", 1);
    set_threshold("tea", "--low-stock=3");
    (void)order("tea", 6); /* 4 left */
    persist();
    struct answer low = order("tea", 1); /* 3 */
    persist();
    struct answer lower = order("tea", 2); /* 1 */
    persist();
    cancel(&lower); /* 3 */
    persist();
    wait_levels(1);
    cancel(&low); /* 4 */
    persist();
    wait_levels(2);
    (void)order("cup", 1); /* sold out; what was told of tea before has come by then */
    wait_levels(3);
    assert_true(wait_until(has_told_all, NULL, DEADLINE_MS));
    assert_int_equal(atomic_load(&outside.level_count), 3);
    assert_level(0, "stock.low", "tea", 3);
    assert_level(1, "stock.back", "tea", 4);
    assert_level(2, "stock.low", "cup", 0);
    assert_string_not_equal(outside.levels[0].event_id, outside.levels[1].event_id);
}

static void test_a_rule_that_moves_the_line_is_told(void **state)
{
    (void)state;
    system_create_product(channel, "pot", 10);
    set_threshold("pot", "--low-stock=9");
    set_threshold("pot", "--low-stock=10");
    wait_levels(1);
    set_threshold("pot", "--low-stock=9");
    wait_levels(2);
    set_threshold("pot", "--safety-stock=1");
    wait_levels(3);
    assert_true(wait_until(has_told_all, NULL, DEADLINE_MS));
    assert_int_equal(atomic_load(&outside.level_count), 3);
    assert_level(0, "stock.low", "pot", 10);
    assert_level(1, "stock.back", "pot", 10);
    assert_level(2, "stock.low", "pot", 9);
}

static void test_without_a_queue_nothing_is_kept(void **state)
{
    (void)state;
    system_create_product(channel, "jar", 1);
    (void)order("jar", 1);
    persist();
    assert_true(wait_until(has_told_all, NULL, DEADLINE_MS));
}

static bool worker_is_dead(void *state)
{
    (void)state;
    return !process_is_running(&shop.workers[0]);
}

/* The worker dies at the failpoint with the crossing of this product's order. */
static void die_at(const char *failpoint, const char *product_id)
{
    system_create_product(channel, product_id, 1);
    process_kill(&shop.workers[0]);
    system_start_worker(&shop, 0, failpoint);
    (void)order(product_id, 1);
    if (!wait_until(worker_is_dead, NULL, DEADLINE_MS)) {
        fail_msg("the worker lives past %s", failpoint);
    }
    assert_int_equal(database_int(&shop.database, "SELECT count(*) FROM stock_notices"), 1);
    system_start_worker(&shop, 0, NULL);
    persist();
    assert_true(wait_until(has_told_all, NULL, DEADLINE_MS));
}

static void test_a_worker_that_dies_between_commit_and_publish_is_made_up_for(void **state)
{
    (void)state;
    die_at("notice_taken:kill@1", "mug");
    wait_levels(1);
    assert_level(0, "stock.low", "mug", 0);
}

static void test_a_worker_that_dies_before_it_forgets_tells_the_same_again(void **state)
{
    (void)state;
    die_at("notice_published:kill@1", "urn");
    wait_levels(2);
    assert_level(0, "stock.low", "urn", 0);
    assert_level(1, "stock.low", "urn", 0);
    assert_string_equal(outside.levels[0].event_id, outside.levels[1].event_id);
}

static struct tcp_proxy *to_rabbitmq(void)
{
    return shop.links[SYSTEM_WORKER(0)][SYSTEM_LINK_RABBITMQ];
}

static bool has_tried(void *state)
{
    return tcp_proxy_taken(to_rabbitmq()) >= *(int *)state;
}

static void test_rabbitmq_away_is_told_afterwards(void **state)
{
    (void)state;
    system_create_product(channel, "can", 5);
    tcp_proxy_refuse(to_rabbitmq(), true);
    set_threshold("can", "--low-stock=5"); /* needs no RabbitMQ */
    int tries = tcp_proxy_taken(to_rabbitmq()) + 2;
    assert_true(wait_until(has_tried, &tries, DEADLINE_MS));
    assert_int_equal(atomic_load(&outside.level_count), 0);
    assert_int_equal(database_int(&shop.database, "SELECT count(*) FROM stock_notices"), 1);
    tcp_proxy_refuse(to_rabbitmq(), false);
    wait_levels(1);
    assert_level(0, "stock.low", "can", 5);
    assert_true(wait_until(has_told_all, NULL, DEADLINE_MS));
}

#define TOLD_TEST(name) cmocka_unit_test_setup_teardown(name, start_subscriber, stop_subscriber)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_queue_nothing_is_kept),
        TOLD_TEST(test_each_crossing_is_told_once),
        TOLD_TEST(test_a_rule_that_moves_the_line_is_told),
        TOLD_TEST(test_a_worker_that_dies_between_commit_and_publish_is_made_up_for),
        TOLD_TEST(test_a_worker_that_dies_before_it_forgets_tells_the_same_again),
        TOLD_TEST(test_rabbitmq_away_is_told_afterwards),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
