/* Products through the whole system: rules of sale, limits that outlive Redis, stock that is set,
 * deletion, and the ledger. The numbers sNN are those of the scenarios that shops reported. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "tests/cmocka_all.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"

#define DEADLINE_MS 60000
#define TRIES_MAX   20

static struct system the_system;
static struct rpc_channel *channel;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(setenv("ORDER_SERVER_PUBLISH_TIMEOUT_MS", "500", 1), 0);
    system_start(&the_system);
    channel = system_open_channel(&the_system, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rpc_channel_close(&channel);
    system_destroy(&the_system);
    return 0;
}

/* Runs `orderctl` with the words of one line; its exit code. The output goes to *output_out. */
static int run(char **output_out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int run(char **output_out, const char *format, ...)
{
    char line[512];
    const char *words[32];
    size_t count = 0;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    char *rest = NULL;
    for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < sizeof words / sizeof words[0] - 1);
        words[count++] = word;
    }
    words[count] = NULL;
    return system_orderctl(&the_system, words, output_out);
}

static void expect_sold(const char *customer, const char *product_id, int quantity)
{
    assert_int_equal(
        run(NULL, "order create --confirm --customer %s %s=%d", customer, product_id, quantity), 0);
}

/* Asked again under the same id, as a caller does, until the answer is known: on a busy machine a
 * store's may come too late. */
static struct answer place(const char *product_id, int quantity)
{
    char request_id[UUID_TEXT_BYTES];
    struct uuid id = uuid_v7(clock_system());
    uuid_print(&id, request_id);
    struct answer answer = {0};
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        answer = system_create_order(channel, request_id, product_id, quantity);
        if (answer.code != STATUS_UNKNOWN && answer.code != STATUS_UNAVAILABLE &&
            answer.code != STATUS_DEADLINE_EXCEEDED) {
            break;
        }
    }
    return answer;
}

static void expect_refused(const char *product_id, int quantity, const char *reason)
{
    struct answer answer = place(product_id, quantity);
    assert_int_equal(answer.code, STATUS_FAILED_PRECONDITION);
    assert_string_equal(answer.failure.reason, reason);
}

static int64_t stock_of(const char *product_id, const char *column)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SELECT %s FROM stock WHERE product_id = '%s'", column,
                   product_id);
    return database_int(&the_system.database, sql);
}

static bool adds_up(const char *product_id)
{
    char *output;
    assert_int_equal(run(&output, "stock explain %s", product_id), 0);
    bool good = strstr(output, "It adds up.") != NULL;
    if (!good) {
        print_message("%s", output);
    }
    free(output);
    return good;
}

static void rest(void)
{
    system_wait_settled(&the_system, DEADLINE_MS);
    system_assert_books(&the_system);
}

static void s09_a_sale_begins_and_ends_by_its_window(void **state)
{
    (void)state;
    system_create_product(channel, "drop", 10);
    assert_int_equal(run(NULL, "product update drop --sale-start 2999-01-01T00:00:00Z"), 0);
    expect_refused("drop", 1, "SALE_NOT_OPEN");
    assert_int_equal(system_available(&the_system, "drop"), 10);
    assert_int_equal(run(NULL, "product update drop --sale-start 2020-01-01T00:00:00Z"), 0);
    assert_int_equal(place("drop", 1).code, STATUS_OK);
    assert_int_equal(run(NULL, "product update drop --sale-end 2020-01-02T00:00:00Z"), 0);
    expect_refused("drop", 1, "SALE_NOT_OPEN");
    rest();
}

static bool is_ten_available(void *product_id)
{
    return system_available(&the_system, product_id) == 10;
}

/* Nothing remembers that it was sold out: units that come back are sold. */
static void s10_what_was_sold_out_sells_again(void **state)
{
    (void)state;
    system_create_product(channel, "mug", 10);
    char *output;
    assert_int_equal(run(&output, "order create --confirm --customer anna mug=10 -o json"), 0);
    char id[40];
    assert_int_equal(sscanf(strstr(output, "\"orderId\"") + 9, "%*[: ]\"%36[0-9a-f-]\"", id), 1);
    free(output);
    expect_refused("mug", 1, "OUT_OF_STOCK");
    assert_int_equal(run(NULL, "order cancel %s", id), 0);
    assert_true(wait_until(is_ten_available, (void *)(uintptr_t)"mug", DEADLINE_MS));
    assert_int_equal(place("mug", 10).code, STATUS_OK);
    expect_refused("mug", 1, "OUT_OF_STOCK");
    assert_int_equal(run(NULL, "stock adjust mug 10 --reason delivery"), 0);
    assert_true(wait_until(is_ten_available, (void *)(uintptr_t)"mug", DEADLINE_MS));
    assert_int_equal(place("mug", 1).code, STATUS_OK);
    rest();
    assert_true(adds_up("mug"));
}

/* Orders that flow while somebody sets an absolute number are not undone by it, and of two who saw
 * the same number one is told that it has changed. */
static void s11_stock_is_set_only_from_what_is_known(void **state)
{
    (void)state;
    system_create_product(channel, "pen", 100);
    expect_sold("anna", "pen", 3);
    assert_int_equal(run(NULL, "stock set pen 90 --expected 100 --reason count"), 0);
    expect_sold("ben", "pen", 4);
    assert_int_equal(run(NULL, "stock set pen 80 --expected 100 --reason count"), 1);
    system_wait_settled(&the_system, DEADLINE_MS);
    assert_int_equal(stock_of("pen", "on_hand"), 90);
    assert_int_equal(stock_of("pen", "reserved"), 7);
    assert_int_equal(system_available(&the_system, "pen"), 83);
    assert_int_equal(run(NULL, "stock set pen 80 --expected 100 --reason count"), 1);
    assert_int_equal(run(NULL, "stock set pen 6 --expected 90 --reason count"), 1); /* promised */
    assert_int_equal(run(NULL, "stock set pen 7 --expected 90 --reason count"), 0);
    rest();
    assert_int_equal(system_available(&the_system, "pen"), 0);
    assert_int_equal(run(NULL, "stock set pen 9 --expected 7 --reason count --request-id set-9"),
                     0);
    system_wait_settled(&the_system, DEADLINE_MS);
    assert_int_equal(run(NULL, "stock set pen 9 --expected 7 --reason count --request-id set-9"),
                     0);
    rest();
    assert_int_equal(stock_of("pen", "on_hand"), 9); /* asked for again, done once */
    assert_true(adds_up("pen"));
}

static void test_a_limit_outlives_redis(void **state)
{
    (void)state;
    system_create_product(channel, "rare", 50);
    assert_int_equal(run(NULL, "product update rare --max-per-customer 3 --limit-window 60m"), 0);
    expect_sold("anna", "rare", 2);
    char *output;
    assert_int_equal(run(&output, "order create --confirm --customer ben rare=3 -o json"), 0);
    char id[40];
    assert_int_equal(sscanf(strstr(output, "\"orderId\"") + 9, "%*[: ]\"%36[0-9a-f-]\"", id), 1);
    free(output);
    assert_int_equal(run(NULL, "order cancel %s", id), 0);
    assert_int_equal(run(NULL, "order create --confirm --customer anna rare=2"), 1);
    rest();
    int64_t epoch = database_int(&the_system.database, "SELECT epoch FROM control");
    (void)stores_redis_int(the_system.redis_url, "FLUSHALL", NULL, NULL);
    int64_t until_ms = clock_monotonic_ms(clock_system()) + DEADLINE_MS;
    while (database_int(&the_system.database, "SELECT epoch FROM control") == epoch ||
           run(NULL, "order create --confirm --customer carl rare=1") != 0) {
        assert_true(clock_monotonic_ms(clock_system()) < until_ms);
    }
    assert_int_equal(run(NULL, "order create --confirm --customer anna rare=2"), 1);
    expect_sold("anna", "rare", 1);
    expect_sold("ben", "rare", 3); /* what he cancelled does not count */
    rest();
}

static void test_a_safety_stock_is_not_sold(void **state)
{
    (void)state;
    system_create_product(channel, "lamp", 10);
    assert_int_equal(run(NULL, "product update lamp --safety-stock 8"), 0);
    expect_refused("lamp", 3, "OUT_OF_STOCK");
    expect_sold("anna", "lamp", 2);
    assert_int_equal(run(NULL, "product update lamp --safety-stock 7"), 0);
    expect_sold("anna", "lamp", 1);
    rest();
    assert_true(adds_up("lamp"));
}

static void test_a_product_is_deleted_when_nothing_is_promised(void **state)
{
    (void)state;
    system_create_product(channel, "gone", 5);
    char *output;
    assert_int_equal(run(&output, "order create --confirm --customer anna gone=1 -o json"), 0);
    char id[40];
    assert_int_equal(sscanf(strstr(output, "\"orderId\"") + 9, "%*[: ]\"%36[0-9a-f-]\"", id), 1);
    free(output);
    assert_int_equal(run(NULL, "product delete gone"), 1); /* on its way, or promised */
    expect_sold("anna", "gone", 1);                        /* it is what it was */
    assert_int_equal(run(NULL, "order fulfil %s", id), 0);
    system_wait_settled(&the_system, DEADLINE_MS);
    assert_int_equal(run(NULL, "product delete gone"), 1); /* the second order's */
    database_execute(&the_system.database, "SELECT 1");
    assert_int_equal(run(&output, "order list --limit 1 -o json"), 0);
    assert_int_equal(sscanf(strstr(output, "\"orderId\"") + 9, "%*[: ]\"%36[0-9a-f-]\"", id), 1);
    free(output);
    assert_int_equal(run(NULL, "order cancel %s", id), 0);
    int64_t until_ms = clock_monotonic_ms(clock_system()) + DEADLINE_MS;
    while (run(NULL, "product delete gone") != 0) {
        assert_true(clock_monotonic_ms(clock_system()) < until_ms);
    }
    expect_refused("gone", 1, "PRODUCT_DELETED");
    assert_int_equal(run(&output, "product list"), 0);
    assert_null(strstr(output, "gone"));
    free(output);
    assert_int_equal(run(&output, "product get gone"), 0);
    assert_non_null(strstr(output, "DELETED"));
    free(output);
    rest();
}

static void test_the_ledger_says_what_was_before_and_after(void **state)
{
    (void)state;
    system_create_product(channel, "ink", 10);
    expect_sold("anna", "ink", 4);
    assert_int_equal(run(NULL, "stock adjust ink 5 --reason delivery"), 0);
    rest();
    assert_int_equal(
        database_int(&the_system.database,
                     "SELECT count(*) FROM stock_movements m JOIN stock s USING (product_id) "
                     "WHERE product_id = 'ink' AND on_hand_before + delta_on_hand = on_hand_after "
                     "AND reserved_before + delta_reserved = reserved_after"),
        3);
    char *output;
    assert_int_equal(run(&output, "stock movements ink --page-size 1"), 0);
    assert_non_null(strstr(output, "order.created"));
    assert_non_null(strstr(output, "delivery"));
    free(output);
    assert_int_equal(run(&output, "stock movements ink --until 2020-01-01T00:00:00Z"), 0);
    assert_null(strstr(output, "delivery"));
    free(output);
    assert_int_equal(run(NULL, "stock movements none"), 1);
    assert_int_equal(run(NULL, "stock explain none"), 1);
    assert_true(adds_up("ink"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s09_a_sale_begins_and_ends_by_its_window),
        cmocka_unit_test(s10_what_was_sold_out_sells_again),
        cmocka_unit_test(s11_stock_is_set_only_from_what_is_known),
        cmocka_unit_test(test_a_limit_outlives_redis),
        cmocka_unit_test(test_a_safety_stock_is_not_sold),
        cmocka_unit_test(test_a_product_is_deleted_when_nothing_is_promised),
        cmocka_unit_test(test_the_ledger_says_what_was_before_and_after),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
