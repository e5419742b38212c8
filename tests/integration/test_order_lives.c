/* Orders' lives through the whole system: two servers, two workers, and orderctl as the caller. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/redis_link.h"
#include "tests/cmocka_all.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"

#define SETTLE_TIMEOUT_MS 60000
#define HOLDS             10000
#define BUYERS            16
#define ENDED_WITHIN_MS   10000 /* 0.4 s on a quiet machine; others' load and sanitizers */

static struct system shop;
static struct rpc_channel *channel;

static int setup(void **state)
{
    (void)state;
    system_start(&shop);
    system_start_server(&shop, 1, NULL);
    channel = system_open_channel(&shop, 0);
    system_create_product(channel, "tea", 20000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rpc_channel_close(&channel);
    system_destroy(&shop);
    return 0;
}

/* orderctl order ...; the exit code, and what it said must have `part`. */
static int order(const char *part, const char *verb, const char *order_id, const char *a,
                 const char *b)
{
    const char *arguments[] = {"order", verb, order_id, a, b, NULL};
    char *output;
    int code = system_orderctl(&shop, arguments, &output);
    if (part != NULL && strstr(output, part) == NULL) {
        fail_msg("no '%s' in: %s", part, output);
    }
    free(output);
    return code;
}

static const char *place(int32_t quantity)
{
    static struct answer answer;
    answer = system_create_order(channel, NULL, "tea", quantity);
    assert_int_equal(answer.code, STATUS_OK);
    return answer.order_id;
}

static int64_t reserved(void)
{
    return database_int(&shop.database, "SELECT reserved FROM stock WHERE product_id = 'tea'");
}

/* S20: what comes back comes back once, what left is gone. */
static void test_s20_units_come_back_once(void **state)
{
    (void)state;
    const char *id = place(10);
    assert_int_equal(order("CONFIRMED", "confirm", id, "--payment=pay-1", NULL), 0);
    assert_int_equal(order("CONFIRMED", "confirm", id, "--payment=pay-1", NULL), 0);
    assert_int_equal(order("ALREADY_CONFIRMED", "confirm", id, "--payment=pay-2", NULL), 1);
    assert_int_equal(order("PARTIALLY", "fulfil", id, "1=4", NULL), 0);
    assert_int_equal(order(NULL, "cancel", id, "1=2", "--request-id=cancel-1"), 0);
    assert_int_equal(order(NULL, "cancel", id, "1=2", "--request-id=cancel-1"), 0);
    assert_int_equal(order("QUANTITY_EXCEEDED", "cancel", id, "1=5", NULL), 1);
    assert_int_equal(order("FULFILLED", "fulfil", id, NULL, NULL), 0);
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    assert_int_equal(system_available(&shop, "tea"), 20000 - 8);
    assert_int_equal(reserved(), 0);
    assert_int_equal(order("order.cancelled", "events", id, NULL, NULL), 0);
    assert_int_equal(order("FULFILLED", "get", id, NULL, NULL), 0);
    id = place(5);
    assert_int_equal(order("CANCELLED", "cancel", id, NULL, NULL), 0);
    assert_int_equal(order("CANCELLED", "cancel", id, NULL, NULL), 0);
    assert_int_equal(order("WRONG_STATE", "confirm", id, NULL, NULL), 1);
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    assert_int_equal(system_available(&shop, "tea"), 20000 - 8);
    system_assert_books(&shop);
}

/* The record of an order that was settled long ago is gone: PostgreSQL's row is what is changed. */
static void test_an_order_that_redis_has_forgotten(void **state)
{
    (void)state;
    const char *id = place(3);
    assert_int_equal(order("CONFIRMED", "confirm", id, NULL, NULL), 0);
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    char key[64];
    (void)snprintf(key, sizeof key, "{s0}:record:%s", id);
    assert_int_equal(stores_redis_int(shop.redis_url, "DEL", key, NULL), 1);
    assert_int_equal(order("FULFILLED", "fulfil", id, NULL, NULL), 0);
    assert_int_equal(order("FULFILLED", "get", id, NULL, NULL), 0);
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    assert_int_equal(reserved(), 0);
    system_assert_books(&shop);
}

static void *buy(void *argument)
{
    (void)argument;
    for (int i = 0; i < HOLDS / BUYERS; i++) {
        struct answer answer = system_create_order(channel, NULL, "tea", 1);
        if (answer.code != STATUS_OK) {
            (void)fprintf(stderr, "%s %s\n", answer.failure.reason, answer.failure.message);
        }
    }
    return NULL;
}

/* All holds end now; how long until the last was resolved. */
static int64_t end_holds(void)
{
    struct redis_link *link;
    const struct redis_link_options options = {.url = shop.redis_url,
                                               .connect_timeout_ms = 1000,
                                               .command_timeout_ms = 5000,
                                               .clock = clock_system()};
    const struct redis_reply *reply;
    assert_int_equal(redis_link_create(&options, &link, NULL), STATUS_OK);
    int64_t from_ms = clock_monotonic_ms(clock_system()), now_ms = from_ms;
    redis_link_add_text(link, "ZUNIONSTORE", "{s0}:holds", "1", "{s0}:holds", "WEIGHTS", "0", NULL);
    assert_int_equal(redis_link_exchange(link, 0, &reply, NULL), STATUS_OK);
    assert_int_equal(reply->integer, HOLDS);
    int64_t left = HOLDS;
    while (left > 0 && now_ms - from_ms < SETTLE_TIMEOUT_MS) {
        redis_link_add_text(link, "ZCARD", "{s0}:holds", NULL);
        redis_link_add_text(link, "ZCARD", "{s0}:ended", NULL);
        assert_int_equal(redis_link_exchange(link, 0, &reply, NULL), STATUS_OK);
        left = reply[0].integer + reply[1].integer;
        now_ms = clock_monotonic_ms(clock_system());
    }
    assert_int_equal(left, 0);
    redis_link_destroy(&link);
    return now_ms - from_ms;
}

/* S15, S17, S18: 10,000 holds end together, with two servers looking, and nobody calls. */
static void test_s17_many_holds_end_together(void **state)
{
    (void)state;
    int64_t available = system_available(&shop, "tea");
    pthread_t threads[BUYERS];
    for (size_t i = 0; i < BUYERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, buy, NULL), 0);
    }
    for (size_t i = 0; i < BUYERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    assert_int_equal(reserved(), HOLDS);
    int64_t late_ms = end_holds();
    (void)fprintf(stderr, "%d holds ended within %lld ms\n", HOLDS, (long long)late_ms);
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    assert_int_equal(reserved(), 0);
    assert_int_equal(system_available(&shop, "tea"), available);
    assert_int_equal(database_int(&shop.database, "SELECT count(*) FROM orders WHERE state = 6"),
                     HOLDS);
    assert_int_equal(
        database_int(&shop.database, "SELECT count(*) FROM order_events WHERE kind = 4"), HOLDS);
    system_assert_books(&shop);
    assert_true(late_ms <= ENDED_WITHIN_MS);
}

/* S15: the payment comes after the hold has ended. */
static void test_s15_a_late_payment(void **state)
{
    (void)state;
    char id[40];
    char *rows =
        database_rows(&shop.database, "SELECT order_id FROM orders WHERE state = 6 LIMIT 1");
    (void)snprintf(id, sizeof id, "%.36s", rows);
    free(rows);
    assert_int_equal(order("ORDER_EXPIRED", "confirm", id, NULL, NULL), 1);
    assert_int_equal(order("CONFIRMED", "confirm", id, "--reacquire", NULL), 0);
    assert_int_equal(order("CONFIRMED", "get", id, NULL, NULL), 0);
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    assert_int_equal(reserved(), 1);
    system_assert_books(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s20_units_come_back_once),
        cmocka_unit_test(test_an_order_that_redis_has_forgotten),
        cmocka_unit_test(test_s17_many_holds_end_together),
        cmocka_unit_test(test_s15_a_late_payment),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
