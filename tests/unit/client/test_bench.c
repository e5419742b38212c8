/* The load generator: what it counts, and that an open loop does not hide a stall. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yyjson.h>

#include "client/cli/cli.h"
#include "run_orderctl.h"
#include "tests/cmocka_all.h"
#include "toy_shop.h"

static struct toy_shop shop;

static int open_shop(void **state)
{
    (void)state;
    toy_shop_start(&shop);
    return 0;
}

static int close_shop(void **state)
{
    (void)state;
    toy_shop_stop(&shop);
    return 0;
}

static yyjson_doc *bench(const char *options, int code)
{
    char line[256];
    snprintf(line, sizeof(line), "bench -o json --seconds 1 --warmup 0ms %s", options);
    struct run run = run_orderctl(shop.endpoint, line);
    if (run.code != code) {
        print_error("%s\n%s\n", run.out, run.err);
    }
    assert_int_equal(run.code, code);
    yyjson_doc *doc = yyjson_read(run.out, strlen(run.out), 0);
    assert_non_null(doc);
    run_free(&run);
    return doc;
}

static double number(yyjson_doc *doc, const char *pointer)
{
    yyjson_val *value = yyjson_doc_ptr_get(doc, pointer);
    assert_non_null(value);
    return yyjson_get_num(value);
}

static void counts_what_succeeded(void **state)
{
    (void)state;
    yyjson_doc *doc = bench("--method health --outstanding 4", CLI_OK);
    assert_true(number(doc, "/succeeded") > 100);
    assert_true(number(doc, "/failed") == 0);
    assert_true(number(doc, "/callsPerSecond") > 100);
    assert_true(number(doc, "/latencyUs/p50") <= number(doc, "/latencyUs/p99"));
    assert_true(number(doc, "/latencyUs/p99") <= number(doc, "/latencyUs/max"));
    assert_true(number(doc, "/seconds") >= 0.9);
    yyjson_doc_free(doc);
}

static void reads_products_over_two_connections(void **state)
{
    (void)state;
    yyjson_doc *doc =
        bench("--method get-product --outstanding 5 --connections 2 --products 3", CLI_OK);
    assert_int_equal(shop.product_count, 3);
    assert_true(number(doc, "/succeeded") > 100);
    assert_true(number(doc, "/failed") == 0);
    yyjson_doc_free(doc);
}

static void places_orders_at_a_rate_until_they_are_persisted(void **state)
{
    (void)state;
    yyjson_doc *doc =
        bench("--method create-order --rate 200 --lines 2 --products 2 --until-persisted", CLI_OK);
    double accepted = number(doc, "/accepted");
    assert_true(accepted >= 190 && accepted <= 200);
    assert_int_equal(shop.order_count, (size_t)accepted);
    assert_int_equal(shop.orders[0].line_count, 2);
    assert_true(yyjson_get_bool(yyjson_doc_ptr_get(doc, "/persisted")));
    assert_true(number(doc, "/persistedPerSecond") > 50);
    yyjson_doc_free(doc);
}

static void counts_the_orders_of_batches(void **state)
{
    (void)state;
    yyjson_doc *doc = bench("--method batch-create-orders --batch 7 --rate 20 --products 2 "
                            "--until-persisted",
                            CLI_OK);
    double calls = number(doc, "/succeeded");
    assert_true(calls >= 19 && calls <= 20);
    assert_int_equal(number(doc, "/accepted"), 7 * calls);
    assert_int_equal(shop.order_count, 7 * calls);
    assert_true(number(doc, "/ordersPerSecond") > 7 * 10);
    assert_true(yyjson_get_bool(yyjson_doc_ptr_get(doc, "/persisted")));
    yyjson_doc_free(doc);

    shop.fail_code = STATUS_UNAVAILABLE;
    atomic_store(&shop.fail_next_orders, 3);
    doc = bench("--method batch-create-orders --batch 5 --rate 10 --products 2", CLI_OK);
    assert_int_equal(number(doc, "/errors/TOLD_TO"), 3);
    assert_int_equal(number(doc, "/failed"), 3);
    yyjson_doc_free(doc);
}

static void counts_errors_by_reason(void **state)
{
    (void)state;
    shop.fail_code = STATUS_UNAVAILABLE;
    yyjson_doc *doc = bench("--method get-product --product none --rate 100", CLI_UNAVAILABLE);
    assert_true(number(doc, "/succeeded") == 0);
    assert_true(number(doc, "/errors/PRODUCT_NOT_FOUND") == number(doc, "/failed"));
    yyjson_doc_free(doc);
}

static void *hold_the_shop(void *held_ms)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const struct timespec held = {.tv_nsec = *(const long *)held_ms * 1000000};
    while (atomic_load(&shop.calls) < 20) {
        nanosleep(&pause, NULL);
    }
    pthread_mutex_lock(&shop.lock);
    nanosleep(&held, NULL);
    pthread_mutex_unlock(&shop.lock);
    return NULL;
}

/* The server stalls for 0.3 s of the second: 30 of 100 calls should have started meanwhile, and
 * have their share of the stall in their latency, although only one slot could wait. */
static void an_open_loop_counts_calls_that_could_not_start(void **state)
{
    (void)state;
    long held_ms = 300;
    pthread_t thread;
    struct run run = run_orderctl(
        shop.endpoint, "product create tea --name Tea --price 1 --currency USD --on-hand 3");
    run_free(&run);
    assert_int_equal(pthread_create(&thread, NULL, hold_the_shop, &held_ms), 0);
    yyjson_doc *doc =
        bench("--method get-product --product tea --rate 100 --outstanding 1", CLI_OK);
    pthread_join(thread, NULL);
    assert_true(number(doc, "/latencyUs/p90") > 100000);
    assert_true(number(doc, "/latencyUs/max") > 200000);
    assert_true(number(doc, "/succeeded") >= 99);
    yyjson_doc_free(doc);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)
    const struct CMUnitTest tests[] = {
        TEST(counts_what_succeeded),
        TEST(reads_products_over_two_connections),
        TEST(places_orders_at_a_rate_until_they_are_persisted),
        TEST(counts_the_orders_of_batches),
        TEST(counts_errors_by_reason),
        TEST(an_open_loop_counts_calls_that_could_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
