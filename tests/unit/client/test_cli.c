/* orderctl as its users see it: output, failures, exit codes. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static void expect(const char *line, int code, const char *out, const char *err)
{
    struct run run = run_orderctl(shop.endpoint, line);
    assert_string_equal(run.err, err);
    assert_string_equal(run.out, out);
    assert_int_equal(run.code, code);
    run_free(&run);
}

/* Only that the texts are in there; NULL = nothing may be. */
static void expect_parts(const char *line, int code, const char *out, const char *err)
{
    struct run run = run_orderctl(shop.endpoint, line);
    if (out == NULL ? run.out[0] != '\0' : strstr(run.out, out) == NULL) {
        print_error("%s: out: %s\n", line, run.out);
        fail();
    }
    if (err == NULL ? run.err[0] != '\0' : strstr(run.err, err) == NULL) {
        print_error("%s: err: %s\n", line, run.err);
        fail();
    }
    assert_int_equal(run.code, code);
    run_free(&run);
}

static void add_product(const char *id, const char *price, const char *on_hand)
{
    char line[256];
    snprintf(line, sizeof(line),
             "product create %s --name Green-tea --price %s --currency USD --on-hand %s", id, price,
             on_hand);
    expect_parts(line, CLI_OK, "Green-tea", NULL);
}

static void makes_and_shows_a_product(void **state)
{
    (void)state;
    add_product("tea-01", "18.00", "500");
    assert_int_equal(shop.products[0].unit_price_minor, 1800);
    assert_int_equal(shop.products[0].on_hand, 500);
    expect_parts("product get tea-01", CLI_OK,
                 "product  tea-01\nname     Green-tea\n"
                 "price    18.00 USD\nstate    ACTIVE\netag     1\ncreated  20",
                 NULL);
    expect_parts("product get tea-01 -o json", CLI_OK, "\"unitPriceMinor\": \"1800\"", NULL);
    expect("product list", CLI_OK,
           "PRODUCT  NAME           PRICE  STATE\n"
           "tea-01   Green-tea  18.00 USD  ACTIVE\n",
           "");
}

static void makes_a_product_with_the_rules_of_its_sale(void **state)
{
    (void)state;
    expect_parts("product create drop --name Drop --price 90 --currency USD --on-hand 100 "
                 "--max-per-order 1 --max-per-customer 2 --limit-window 24h "
                 "--sale-start 2026-12-01T08:00:00Z --sale-end 2026-12-02T08:00:00Z "
                 "--safety-stock 3 --low-stock 10",
                 CLI_OK, "Drop", NULL);
    const struct toy_product *drop = &shop.products[0];
    assert_int_equal(drop->max_per_order, 1);
    assert_int_equal(drop->max_per_customer, 2);
    assert_int_equal(drop->limit_window_s, 86400);
    assert_int_equal(drop->sale_start_s, 1796112000);
    assert_int_equal(drop->sale_end_s, 1796112000 + 86400);
    assert_int_equal(drop->safety_stock, 3);
    assert_int_equal(drop->low_stock, 10);

    add_product("plain", "1", "1"); /* no option, no rule */
    const struct toy_product *plain = &shop.products[1];
    assert_int_equal(plain->max_per_order + plain->max_per_customer, 0);
    assert_int_equal(plain->limit_window_s + plain->sale_start_s + plain->sale_end_s, 0);
    assert_int_equal(plain->safety_stock + plain->low_stock, 0);
}

static void shows_stock_as_table_and_as_json(void **state)
{
    (void)state;
    expect("stock list", CLI_OK, "PRODUCT  AVAILABLE  ON HAND  RESERVED  KEPT BACK\n", "");
    expect("stock list -o json", CLI_OK, "[]\n", "");
    add_product("a", "1", "0");
    add_product("b", "1", "12345");
    expect("stock list", CLI_OK,
           "PRODUCT  AVAILABLE  ON HAND  RESERVED  KEPT BACK\n"
           "a                0        0         0          0\n"
           "b            12345    12345         0          0\n",
           "");
    expect("stock list -o json", CLI_OK,
           "[\n{\"productId\":\"a\",\"available\":\"0\",\"onHand\":\"0\",\"reserved\":\"0\","
           "\"safetyStock\":\"0\"},\n"
           "{\"productId\":\"b\",\"available\":\"12345\",\"onHand\":\"12345\",\"reserved\":\"0\","
           "\"safetyStock\":\"0\"}"
           "\n]\n",
           "");
    expect("stock get b", CLI_OK,
           "product    b\navailable  12345\non hand    12345\nreserved   0\nkept back  0\n", "");
}

static void walks_all_pages(void **state)
{
    (void)state;
    char expected[8192] = "PRODUCT  AVAILABLE  ON HAND  RESERVED  KEPT BACK\n";
    for (int i = 0; i < 25; i++) {
        char id[16];
        snprintf(id, sizeof(id), "p-%02d", i);
        add_product(id, "1", "7");
        size_t size = strlen(expected);
        snprintf(expected + size, sizeof(expected) - size, "%-7s  %9d  %7d  %8d  %9d\n", id, 7, 7,
                 0, 0);
    }
    expect("stock list --page-size 10", CLI_OK, expected, "");
    expect("stock list --page-size 25", CLI_OK, expected, "");
    expect("stock list --page-size 1", CLI_OK, expected, "");
    struct run run = run_orderctl(shop.endpoint, "stock list --page-size 10 --limit 12");
    char *end = strstr(expected, "p-12");
    *end = '\0';
    assert_string_equal(run.out, expected);
    run_free(&run);
}

static void leaves_an_array_open_when_a_page_fails(void **state)
{
    (void)state;
    add_product("a", "1", "1");
    add_product("b", "1", "1");
    atomic_store(&shop.fail_next, 1);
    shop.fail_code = STATUS_RESOURCE_EXHAUSTED; /* what the channel does not try again */
    expect_parts("stock list -o json --page-size 1", CLI_UNAVAILABLE, NULL,
                 "orderctl: RESOURCE_EXHAUSTED (TOLD_TO_FAIL): not done, as told\n");
}

static void adjusts_stock_both_ways(void **state)
{
    (void)state;
    add_product("a", "1", "10");
    expect_parts("stock adjust a -3 --reason damaged", CLI_OK,
                 "delta       -3\n"
                 "durability  QUEUED\n",
                 NULL);
    expect_parts("stock adjust a 5 --reason delivery --reference DN-1 -o json", CLI_OK,
                 "\"durability\": \"DURABILITY_QUEUED\"", NULL);
    assert_int_equal(shop.products[0].on_hand, 12);
    expect("stock adjust a many --reason x", CLI_USAGE, "",
           "orderctl: DELTA: 'many' is no whole number\nSee: orderctl stock adjust --help\n");
}

static void places_and_finds_orders(void **state)
{
    (void)state;
    add_product("tea-01", "18.00", "10");
    expect_parts("order create --customer alice --ref R-1 --request-id r1 tea-01=3@1400 tea-01=1",
                 CLI_OK,
                 "order       r1\nref         R-1\ncustomer    alice\n"
                 "state       CONFIRMED\ndurability  QUEUED\ntotal       54.00 USD\n",
                 NULL);
    assert_true(shop.orders[0].priced);
    assert_int_equal(shop.orders[0].line_count, 2);
    expect_parts("order create --customer bob --placed-time 1996-07-04T00:00:00Z tea-01=1 -o json",
                 CLI_OK, "\"placedTime\": \"1996-07-04T00:00:00Z\"", NULL);
    assert_int_equal(strlen(shop.orders[1].request_id), 36);
    expect_parts("order get r1", CLI_OK, "   1  tea-01          3     0", NULL);
    expect_parts("order confirm r1 --payment pay-1 --reacquire", CLI_OK, "confirm pay-1 1", NULL);
    expect_parts("order cancel r1 1=1 --reason lost --write-off", CLI_OK, "cancel 1 lost 1", NULL);
    expect_parts("order fulfil r1 2=3 --tracking t-1", CLI_OK, "fulfil 2=3 t-1", NULL);
    expect_parts("order cancel r1 1-1", CLI_USAGE, NULL, "LINE=QUANTITY");
    expect_parts("order fulfil r1 1=x", CLI_USAGE, NULL, "LINE=QUANTITY");
    expect_parts("order events r1", CLI_OK, "order.created  -     PENDING  local", NULL);
    expect_parts("order list --customer alice", CLI_OK, "r1     R-1  alice     CONFIRMED", NULL);
    struct run run = run_orderctl(shop.endpoint, "order list --customer alice");
    assert_null(strstr(run.out, "bob"));
    run_free(&run);
}

static void places_the_order_of_a_file(void **state)
{
    (void)state;
    static const struct {
        const char *json, *error; /* NULL: it is placed */
    } files[] = {
        {"{\"customerId\": \"ida\", \"orderRef\": \"F-1\", \"lines\": [{\"productId\": "
         "\"tea-01\", \"quantity\": 2}]}",
         NULL},
        {"{\"lines\": [{\"quantity\": \"x\"}]}", ": lines[0].quantity: an integer is expected\n"},
        {"{\"colour\": 1}", ": colour: shop.v1.CreateOrderRequest has no such field\n"},
        {"{", ": not valid JSON at byte 1"},
    };
    char path[64], line[128], message[256];
    add_product("tea-01", "18.00", "10");
    (void)snprintf(path, sizeof path, "/tmp/test-cli-%d.json", (int)getpid());
    (void)snprintf(line, sizeof line, "order create --file %s", path);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fputs(files[i].json, file);
        (void)fclose(file);
        (void)snprintf(message, sizeof message, "orderctl: %s%s", path,
                       files[i].error != NULL ? files[i].error : "");
        expect_parts(line, files[i].error == NULL ? CLI_OK : CLI_USAGE,
                     files[i].error == NULL ? "ref         F-1\ncustomer    ida\n" : NULL,
                     files[i].error == NULL ? NULL : message);
    }
    assert_int_equal(shop.order_count, 1);
    (void)snprintf(line, sizeof line, "order create --file %s --customer ben", path);
    expect_parts(line, CLI_USAGE, NULL, "in the file or on the command line, not both");
    (void)unlink(path);
}

static void says_why_the_server_refused(void **state)
{
    (void)state;
    add_product("tea-01", "18.00", "2");
    expect("order create --customer alice tea-01=3", CLI_REFUSED, "",
           "orderctl: FAILED_PRECONDITION (OUT_OF_STOCK): too few of tea-01\n"
           "  product_id: tea-01\n  available: 2\n");
    expect("product get none", CLI_REFUSED, "",
           "orderctl: NOT_FOUND (PRODUCT_NOT_FOUND): no product none\n  product_id: none\n");
    expect_parts("order confirm none", CLI_REFUSED, NULL, "ORDER_NOT_FOUND");
    expect_parts("order get none", CLI_REFUSED, NULL, "ORDER_NOT_FOUND");
}

static void names_the_request_id_where_repeating_helps(void **state)
{
    (void)state;
    add_product("tea-01", "18.00", "10");
    atomic_store(&shop.lose_next, 1);
    expect("order create --customer alice --request-id r1 tea-01=1", CLI_UNAVAILABLE, "",
           "orderctl: UNKNOWN (TOLD_TO_LOSE): done, but nobody knows\n"
           "  try again in: 10 ms\n"
           "  it may have been done; ask again with --request-id r1, which cannot do it twice\n");
    expect_parts("order create --customer alice --request-id r1 tea-01=1", CLI_OK, "r1", NULL);
    assert_int_equal(shop.order_count, 1);
}

static void maps_codes_to_exit_codes(void **state)
{
    (void)state;
    static const int codes[] = {
        [STATUS_CANCELLED] = CLI_UNAVAILABLE,
        [STATUS_UNKNOWN] = CLI_UNAVAILABLE,
        [STATUS_INVALID_ARGUMENT] = CLI_REFUSED,
        [STATUS_DEADLINE_EXCEEDED] = CLI_UNAVAILABLE,
        [STATUS_NOT_FOUND] = CLI_REFUSED,
        [STATUS_ALREADY_EXISTS] = CLI_REFUSED,
        [STATUS_PERMISSION_DENIED] = CLI_REFUSED,
        [STATUS_RESOURCE_EXHAUSTED] = CLI_UNAVAILABLE,
        [STATUS_FAILED_PRECONDITION] = CLI_REFUSED,
        [STATUS_ABORTED] = CLI_REFUSED,
        [STATUS_OUT_OF_RANGE] = CLI_REFUSED,
        [STATUS_UNIMPLEMENTED] = CLI_BROKEN,
        [STATUS_INTERNAL] = CLI_BROKEN,
        [STATUS_UNAVAILABLE] = CLI_UNAVAILABLE,
        [STATUS_DATA_LOSS] = CLI_BROKEN,
        [STATUS_UNAUTHENTICATED] = CLI_REFUSED,
    };
    for (int code = STATUS_CANCELLED; code <= STATUS_UNAUTHENTICATED; code++) {
        shop.fail_code = (enum status)code;
        atomic_store(&shop.fail_next, code == STATUS_UNAVAILABLE ? 4 : 1); /* the channel's tries */
        expect_parts("product get a", codes[code], NULL, status_name((enum status)code));
    }
    assert_int_equal(cli_exit_code((enum status)99), CLI_BROKEN);
}

static void asks_for_health(void **state)
{
    (void)state;
    expect("health", CLI_OK, "SERVING\n", "");
    expect("health shop.v1.OrderService", CLI_OK, "SERVING\n", "");
    expect("health -o json", CLI_OK, "{\n  \"status\": \"SERVING\"\n}\n", "");
    rpc_server_set_serving(shop.server, false);
    expect("health", CLI_UNAVAILABLE, "NOT_SERVING\n", "");
}

static void says_so_when_nobody_listens(void **state)
{
    (void)state;
    expect("-e ipc:///tmp/nobody-listens.sock --timeout 50ms product get a", CLI_UNAVAILABLE, "",
           "orderctl: UNAVAILABLE (NO_SERVER): not done: no server took the call in time\n"
           "  is the server running? endpoint: ipc:///tmp/nobody-listens.sock\n");
    expect_parts("-e nonsense product get a", CLI_USAGE, NULL, "ENDPOINT_INVALID");
}

static void explains_itself(void **state)
{
    (void)state;
    expect_parts("--help", CLI_OK, "usage: orderctl COMMAND", NULL);
    expect_parts("", CLI_USAGE, NULL, "usage: orderctl COMMAND");
    expect_parts("help", CLI_OK, "import orders FILE.csv", NULL);
    expect_parts("stock", CLI_USAGE, NULL, "usage: orderctl stock COMMAND");
    expect_parts("stock --help", CLI_OK, "stock adjust PRODUCT_ID DELTA", NULL);
    expect_parts("help stock", CLI_OK, "stock adjust PRODUCT_ID DELTA", NULL);
    expect_parts("stock adjust --help", CLI_OK,
                 "usage: orderctl stock adjust --reason TEXT PRODUCT_ID DELTA [OPTION...]", NULL);
    expect_parts("help stock adjust", CLI_OK, "usage: orderctl stock adjust", NULL);
    expect_parts("help exit-codes", CLI_OK, "130  interrupted", NULL);
    expect_parts("help nothing", CLI_USAGE, NULL, "there is no command 'nothing'");
    expect_parts("version", CLI_OK, "orderctl ", NULL);
}

static void refuses_bad_command_lines_without_a_call(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"nothing", "there is no command 'nothing'\nSee: orderctl --help\n"},
        {"stock nothing", "there is no command 'stock nothing'\n"},
        {"--bogus stock list", "unknown option '--bogus'\n"},
        {"stock --bogus list", "unknown option '--bogus'\n"},
        {"stock list --bogus", "unknown option '--bogus'\nSee: orderctl stock list --help\n"},
        {"stock list one", "'one' is one argument too many\n"},
        {"stock get", "PRODUCT_ID is missing\n"},
        {"stock adjust a 1", "--reason TEXT is missing\n"},
        {"order create tea=1", "--customer ID is missing\n"},
        {"order create --customer a", "PRODUCT=QUANTITY... is missing\n"},
        {"order create --customer a tea", "'tea' is not PRODUCT=QUANTITY\n"},
        {"order create --customer a tea=", "'tea=' is not PRODUCT=QUANTITY\n"},
        {"order create --customer a tea=1@", "'tea=1@' is not PRODUCT=QUANTITY\n"},
        {"order create --customer a tea=4294967297", "is not PRODUCT=QUANTITY\n"},
        {"order create --customer a --placed-time now tea=1", "--placed-time: 'now' is no time"},
        {"product create a --name b --price 1.234 --currency USD", "--price: '1.234' is no amount"},
        {"product create a --name b --price 1 --currency USD --max-per-order 2147483648",
         "--max-per-order: '2147483648' is no number of 0 to 2147483647"},
        {"product create a --name b --price 1 --currency USD --safety-stock -1",
         "--safety-stock: '-1' is no number"},
        {"product create a --name b --price 1 --currency USD --sale-start soon",
         "--sale-start: 'soon' is no time"},
        {"bench --outstanding 1 --connections 2", "--outstanding must be at least --connections"},
        {"import orders /nonexistent.csv", "/nonexistent.csv: No such file or directory"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_parts(cases[i][0], CLI_USAGE, NULL, cases[i][1]);
    }
    assert_int_equal(atomic_load(&shop.calls), 0);
}

static void takes_its_options_anywhere(void **state)
{
    (void)state;
    add_product("a", "1", "1");
    expect_parts("-o json stock get a", CLI_OK, "\"productId\": \"a\"", NULL);
    expect_parts("stock -o json get a", CLI_OK, "\"productId\": \"a\"", NULL);
    expect_parts("stock get -ojson a", CLI_OK, "\"productId\": \"a\"", NULL);
    expect_parts("stock get a --output=json", CLI_OK, "\"productId\": \"a\"", NULL);
}

static void a_full_disk_is_no_success(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    char *argv[] = {(char[]){"orderctl"}, (char[]){"version"}};
    struct cli_environment environment = {
        .in = stdin, .out = full, .err = tmpfile(), .clock = clock_system()};
    assert_int_equal(cli_run(&environment, 2, argv), CLI_BROKEN);
    fclose(environment.err);
    fclose(full);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)
    const struct CMUnitTest tests[] = {
        TEST(makes_and_shows_a_product),
        TEST(makes_a_product_with_the_rules_of_its_sale),
        TEST(shows_stock_as_table_and_as_json),
        TEST(walks_all_pages),
        TEST(leaves_an_array_open_when_a_page_fails),
        TEST(adjusts_stock_both_ways),
        TEST(places_and_finds_orders),
        TEST(places_the_order_of_a_file),
        TEST(says_why_the_server_refused),
        TEST(names_the_request_id_where_repeating_helps),
        TEST(maps_codes_to_exit_codes),
        TEST(asks_for_health),
        TEST(says_so_when_nobody_listens),
        TEST(explains_itself),
        TEST(refuses_bad_command_lines_without_a_call),
        TEST(takes_its_options_anywhere),
        TEST(a_full_disk_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
