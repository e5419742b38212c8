/* Imports against a shop in memory: what is sent, what is reported, what happens twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/stop.h"
#include "client/cli/cli.h"
#include "run_orderctl.h"
#include "tests/cmocka_all.h"
#include "toy_shop.h"

#define PRODUCTS_CSV                                              \
    "product_id,display_name,unit_price_minor,currency,on_hand\n" \
    "tea,Green tea,1800,USD,10\n"                                 \
    "cup,\"Cup, \"\"white\"\"\",950,USD,5\n"
#define ORDERS_HEAD "order_ref,customer_id,order_time,product_id,quantity\n"

static struct toy_shop shop;
static char path[64];

static int open_shop(void **state)
{
    (void)state;
    toy_shop_start(&shop);
    snprintf(path, sizeof(path), "/tmp/test-import-%d.csv", (int)getpid());
    return 0;
}

static int close_shop(void **state)
{
    (void)state;
    toy_shop_stop(&shop);
    unlink(path);
    return 0;
}

static struct run import(const char *kind, const char *options, const char *text)
{
    char line[256];
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    snprintf(line, sizeof(line), "import %s %s %s", kind, path, options);
    return run_orderctl(shop.endpoint, line);
}

static void expect(const char *kind, const char *options, const char *text, int code,
                   const char *counts, const char *err)
{
    struct run run = import(kind, options, text);
    if (strstr(run.out, counts) == NULL) {
        print_error("out: %s\nerr: %s\n", run.out, run.err);
        fail();
    }
    if (err == NULL ? run.err[0] != '\0' : strstr(run.err, err) == NULL) {
        print_error("err: %s\n", run.err);
        fail();
    }
    assert_int_equal(run.code, code);
    run_free(&run);
}

static void imports_products_once(void **state)
{
    (void)state;
    expect("products", "", PRODUCTS_CSV, CLI_OK,
           "2 created, 0 already there, 0 refused, 0 bad, 0 failed", NULL);
    expect("products", "", PRODUCTS_CSV, CLI_OK,
           "0 created, 2 already there, 0 refused, 0 bad, 0 failed", NULL);
    assert_int_equal(shop.product_count, 2);
    expect("products", "-o json", PRODUCTS_CSV, CLI_OK,
           "\"kind\":\"products\",\"dryRun\":false,\"complete\":true,\"rows\":2,\"created\":0,"
           "\"alreadyThere\":2,\"refused\":0,\"bad\":0,\"failed\":0,\"seconds\":",
           NULL);
}

static void compares_products_that_somebody_else_made(void **state)
{
    (void)state;
    struct run run = run_orderctl(
        shop.endpoint, "product create tea --name Other --price 18.00 --currency USD --on-hand 3");
    run_free(&run);
    expect("products", "",
           "product_id,display_name,unit_price_minor,currency,on_hand\ntea,Other,1800,USD,99\n",
           CLI_OK, "0 created, 1 already there", NULL);
    expect("products", "",
           "product_id,display_name,unit_price_minor,currency,on_hand\ntea,Other,1900,USD,3\n",
           CLI_PARTIAL, "0 created, 0 already there, 1 refused",
           ":2: tea: PRODUCT_DIFFERS: it is there already, for 18.00 USD\n");
    expect("products", "",
           "product_id,display_name,unit_price_minor,currency,on_hand\ntea,New,1800,USD,3\n",
           CLI_PARTIAL, "1 refused",
           ":2: tea: PRODUCT_DIFFERS: it is there already, named 'Other'");
    assert_int_equal(toy_find_product("tea")->on_hand, 3);
}

static void reports_bad_products_and_goes_on(void **state)
{
    (void)state;
    expect("products", "",
           "product_id,display_name,unit_price_minor,currency,on_hand\n"
           "a b,Tea,1,USD,1\n"
           "tea,,1,USD,1\n"
           "tea,Tea,x,USD,1\n"
           "tea,Tea,1,usd,1\n"
           "tea,Tea,1,USDX,1\n"
           "tea,Tea,1,USD,-1\n"
           "tea,Tea,1,USD,1.5\n"
           "tea,T\xff,1,USD,1\n"
           "tea,Tea,1\n"
           "tea,Tea,1,USD,1\n",
           CLI_PARTIAL, "10 rows, 10 products in",
           ":10: tea: BAD_ROW: 3 columns where the heading has 5");
    assert_int_equal(shop.product_count, 1);
}

static void imports_orders_once(void **state)
{
    (void)state;
    static const char orders[] = ORDERS_HEAD "NW-1,alice,1996-07-04T00:00:00Z,tea,2\n"
                                             "NW-1,alice,1996-07-04T00:00:00Z,cup,1\n"
                                             "NW-2,bob,1996-07-05T00:00:00Z,tea,3\n";
    expect("products", "", PRODUCTS_CSV, CLI_OK, "2 created", NULL);
    expect("orders", "", orders, CLI_OK, "3 rows, 2 orders in", NULL);
    expect("orders", "", orders, CLI_OK, "0 created, 2 already there, 0 refused", NULL);
    assert_int_equal(shop.order_count, 2);
    assert_int_equal(toy_find_product("tea")->reserved, 5);
    assert_int_equal(shop.orders[0].placed_time_s, 836438400);
    assert_false(shop.orders[0].priced);
}

/* Pinned: files that were imported by one version are imported again by the next. */
static void the_request_id_follows_from_the_order_ref_alone(void **state)
{
    (void)state;
    expect("products", "", PRODUCTS_CSV, CLI_OK, "2 created", NULL);
    expect("orders", "", ORDERS_HEAD "NW-1,alice,,tea,2\n", CLI_OK, "1 created", NULL);
    assert_string_equal(shop.orders[0].request_id,
                        "import-order-412c9153f0103bb8ae4684eebcdcfc2b3b424d77");
}

static void sends_a_price_only_where_there_is_one(void **state)
{
    (void)state;
    expect("products", "", PRODUCTS_CSV, CLI_OK, "2 created", NULL);
    expect("orders", "--outstanding 1",
           "unit_price_minor,quantity,product_id,order_time,customer_id,order_ref,remark\n"
           "1400,1,tea,1996-07-04T00:00:00Z,alice,NW-1,x\n"
           ",1,tea,1996-07-04T00:00:00Z,alice,NW-2,y\n",
           CLI_OK, "2 created", "columns that are not used: remark\n");
    assert_true(shop.orders[0].priced);
    assert_false(shop.orders[1].priced);
}

static void reports_refused_and_bad_orders_and_goes_on(void **state)
{
    (void)state;
    expect("products", "", PRODUCTS_CSV, CLI_OK, "2 created", NULL);
    struct run run = import("orders", "",
                            ORDERS_HEAD "NW-1,alice,,tea,11\n"
                                        "NW-2,alice,,tea,1\n"
                                        "NW-2,bob,,cup,1\n"
                                        "NW-3,alice,,tea,1\n"
                                        "NW-3,alice,,nothing,1\n"
                                        "NW-4,alice,,cup,0\n"
                                        "NW-5,alice,,\"tea\"x,1\n"
                                        "NW-6,alice,,tea,1\n");
    assert_int_equal(run.code, CLI_PARTIAL);
    assert_non_null(strstr(run.out, "8 rows, 6 orders in"));
    assert_non_null(strstr(run.out, "1 created, 0 already there, 2 refused, 3 bad, 0 failed"));
    assert_non_null(strstr(run.err, ":2: NW-1: OUT_OF_STOCK: too few of tea (product_id=tea, "
                                    "available=10)\n"));
    assert_non_null(strstr(run.err, ":4: NW-2: BAD_ROW: customer_id is not that of"));
    assert_non_null(strstr(run.err, ":5: NW-3: PRODUCT_NOT_FOUND: no such product\n"));
    assert_non_null(strstr(run.err, ":7: NW-4: BAD_QUANTITY: "));
    assert_non_null(strstr(run.err, ":8: NW-5: BAD_ROW: text behind a closing quote\n"));
    run_free(&run);
    assert_int_equal(shop.order_count, 1);
    assert_string_equal(shop.orders[0].order_ref, "NW-6");
}

static void a_dry_run_sends_nothing(void **state)
{
    (void)state;
    expect("orders", "--dry-run -e ipc:///tmp/nobody-listens.sock",
           ORDERS_HEAD "NW-1,alice,,tea,1\nNW-2,alice,,tea,0\n", CLI_PARTIAL,
           "2 rows: 1 orders good, 1 bad; nothing sent", ":3: NW-2: BAD_QUANTITY");
    expect("products", "--dry-run -o json", PRODUCTS_CSV, CLI_OK, "\"good\":2", NULL);
    assert_int_equal(atomic_load(&shop.calls), 0);
}

static void repeats_what_may_have_failed_with_the_same_request(void **state)
{
    (void)state;
    static const enum status codes[] = {STATUS_UNAVAILABLE, STATUS_DEADLINE_EXCEEDED,
                                        STATUS_UNKNOWN, STATUS_RESOURCE_EXHAUSTED};
    expect("products", "", PRODUCTS_CSV, CLI_OK, "2 created", NULL);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), ORDERS_HEAD "F-%zu,alice,,tea,1\nL-%zu,alice,,tea,1\n", i, i);
        shop.fail_code = codes[i];
        atomic_store(&shop.fail_next, 2);
        expect("orders", "", text, CLI_OK, "2 created", NULL);
        atomic_store(&shop.lose_next, 1);
        snprintf(text, sizeof(text), ORDERS_HEAD "M-%zu,alice,,cup,1\n", i);
        expect("orders", "", text, CLI_OK, "1 created", NULL);
    }
    assert_int_equal(shop.order_count, 12);
    assert_int_equal(toy_find_product("cup")->reserved, 4);
}

static void orders_travel_in_batches(void **state)
{
    (void)state;
    enum { ORDERS = 101 }; /* of at most 50 */
    size_t room = ORDERS * 64 + 128;
    char *text = malloc(room);
    assert_non_null(text);
    size_t size = (size_t)snprintf(text, room, "%s", ORDERS_HEAD);
    for (int i = 0; i < ORDERS; i++) {
        size += (size_t)snprintf(text + size, room - size, "N-%d,alice,,cup,1\n", i);
    }
    expect("products", "",
           "product_id,display_name,unit_price_minor,currency,on_hand\ncup,Cup,1,USD,999\n", CLI_OK,
           "1 created", NULL);
    expect("orders", "", text, CLI_OK, "101 created", NULL);
    assert_int_equal(atomic_load(&shop.batches), 3);
    expect("orders", "", text, CLI_OK, "0 created, 101 already there", NULL);
    assert_int_equal(toy_find_product("cup")->reserved, ORDERS);
    free(text);
}

/* As many lines as one order may have: then the next order opens another batch. */
static void a_batch_has_a_bound_of_lines(void **state)
{
    (void)state;
    enum { LINES = 2000 };
    size_t room = (LINES + 3) * 64;
    char *text = malloc(room);
    assert_non_null(text);
    size_t size = (size_t)snprintf(text, room, ORDERS_HEAD "A-1,alice,,cup,1\n");
    for (int i = 1; i < LINES; i++) {
        size += (size_t)snprintf(text + size, room - size, "B-1,alice,,cup,1\n");
    }
    (void)snprintf(text + size, room - size, "C-1,alice,,cup,1\n");
    expect("products", "",
           "product_id,display_name,unit_price_minor,currency,on_hand\ncup,Cup,1,USD,9999\n",
           CLI_OK, "1 created", NULL);
    expect("orders", "", text, CLI_OK, "3 created", NULL);
    assert_int_equal(atomic_load(&shop.batches), 2);
    size_t largest = 0; /* the batches may have overtaken each other */
    for (size_t i = 0; i < shop.order_count; i++) {
        largest = shop.orders[i].line_count > largest ? shop.orders[i].line_count : largest;
    }
    assert_int_equal(largest, LINES - 1);
    free(text);
}

static void a_batch_is_repeated_for_an_order_that_may_yet_be_accepted(void **state)
{
    (void)state;
    expect("products", "", PRODUCTS_CSV, CLI_OK, "2 created", NULL);
    shop.fail_code = STATUS_UNAVAILABLE;
    atomic_store(&shop.fail_next_orders, 1);
    expect("orders", "", ORDERS_HEAD "A-1,alice,,tea,1\nA-2,alice,,tea,1\nA-3,alice,,tea,99\n",
           CLI_PARTIAL, "2 created, 0 already there, 1 refused", ":4: A-3: OUT_OF_STOCK");
    assert_int_equal(atomic_load(&shop.batches), 2);
    assert_int_equal(toy_find_product("tea")->reserved, 2);

    shop.fail_code = STATUS_UNAVAILABLE; /* for good: 8 attempts, one order each time */
    atomic_store(&shop.fail_next_orders, 1000);
    expect("orders", "", ORDERS_HEAD "B-1,alice,,tea,1\n", CLI_PARTIAL,
           "0 created, 0 already there, 0 refused, 0 bad, 1 failed", ":2: B-1: TOLD_TO");
    assert_int_equal(atomic_load(&shop.batches), 10);
}

static void many_orders_through_a_small_window(void **state)
{
    (void)state;
    enum { ORDERS = 1000 };
    size_t room = ORDERS * 64 + 128;
    char *text = malloc(room);
    size_t size = (size_t)snprintf(text, room, "%s", ORDERS_HEAD);
    for (int i = 0; i < ORDERS; i++) {
        size += (size_t)snprintf(text + size, room - size,
                                 "N-%d,alice,1996-07-04T00:00:00Z,tea,1\n", i);
    }
    expect("products", "",
           "product_id,display_name,unit_price_minor,currency,on_hand\ntea,Tea,1,USD,990\n", CLI_OK,
           "1 created", NULL);
    expect("orders", "--outstanding 7", text, CLI_PARTIAL,
           "990 created, 0 already there, 10 refused, 0 bad, 0 failed", "OUT_OF_STOCK");
    assert_int_equal(toy_find_product("tea")->reserved, 990);
    free(text);
}

static void says_at_once_when_nobody_listens(void **state)
{
    (void)state;
    expect("orders", "-e ipc:///tmp/nobody-listens.sock --timeout 50ms",
           ORDERS_HEAD "NW-1,alice,,tea,1\n", CLI_UNAVAILABLE, "", "UNAVAILABLE (NO_SERVER)");
}

static void refuses_files_that_are_no_table(void **state)
{
    (void)state;
    expect("orders", "", "", CLI_USAGE, "", "the file is empty");
    expect("orders", "", "order_ref,customer_id,order_time,product_id\nx,y,z,w\n", CLI_USAGE, "",
           "the column quantity is missing in line 1");
    expect("orders", "", ORDERS_HEAD, CLI_OK, "0 rows, 0 orders in", NULL);
    assert_int_equal(atomic_load(&shop.calls), 0);
}

/* The last test of this program: a stop cannot be taken back. */
static void stops_between_rows_when_interrupted(void **state)
{
    (void)state;
    stop_request();
    expect("orders", "", ORDERS_HEAD "NW-1,alice,,tea,1\n", CLI_INTERRUPTED, "0 rows, 0 orders in",
           "interrupted at line 0; import the file again to do the rest");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)
    const struct CMUnitTest tests[] = {
        TEST(imports_products_once),
        TEST(compares_products_that_somebody_else_made),
        TEST(reports_bad_products_and_goes_on),
        TEST(imports_orders_once),
        TEST(the_request_id_follows_from_the_order_ref_alone),
        TEST(sends_a_price_only_where_there_is_one),
        TEST(reports_refused_and_bad_orders_and_goes_on),
        TEST(a_dry_run_sends_nothing),
        TEST(repeats_what_may_have_failed_with_the_same_request),
        TEST(orders_travel_in_batches),
        TEST(a_batch_has_a_bound_of_lines),
        TEST(a_batch_is_repeated_for_an_order_that_may_yet_be_accepted),
        TEST(many_orders_through_a_small_window),
        TEST(says_at_once_when_nobody_listens),
        TEST(refuses_files_that_are_no_table),
        TEST(stops_between_rows_when_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
