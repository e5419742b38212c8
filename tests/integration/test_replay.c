/* Real orders: 830 orders of a wholesaler, 2,155 lines, 77 products, through orderctl and the whole
 * system into PostgreSQL, with workers and a server dying in the middle. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yyjson.h>

#include "tests/cmocka_all.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"

#define SETTLE_TIMEOUT_MS 120000

/* Paths, filled in by the group's set-up; empty when the data is not there. */
static struct {
    char products[512], orders[512], expected[512];
} files;

static int find_files(void **state)
{
    (void)state;
    const char *data = getenv("ORDER_SHARED_DATA");
    if (data == NULL || data[0] == '\0') {
        return 0;
    }
    (void)snprintf(files.products, sizeof files.products, "%s/northwind/products.csv", data);
    (void)snprintf(files.orders, sizeof files.orders, "%s/northwind/orders.csv", data);
    (void)snprintf(files.expected, sizeof files.expected,
                   "%s/northwind/expected_stock_after_replay.csv", data);
    return 0;
}

static void need_files(void)
{
    if (access(files.products, R_OK) != 0) {
        skip();
    }
}

static void import(struct system *system, const char *kind, const char *file, int expected_code)
{
    char *output;
    int code = system_orderctl(system, (const char *[]){"import", kind, file, NULL}, &output);
    if (code != expected_code) {
        process_show_log(&system->servers[0]);
        fail_msg("import %s ended with %d: %s", kind, code, output);
    }
    free(output);
}

/* `orderctl stock list -o json` equals the expected file, product for product. */
static void assert_stock_as_expected(struct system *system, const char *file)
{
    char *json;
    assert_int_equal(
        system_orderctl(system, (const char *[]){"stock", "list", "-o", "json", NULL}, &json), 0);
    char *expected = read_whole(file);
    yyjson_doc *document = yyjson_read(json, strlen(json), 0);
    assert_non_null(document);
    yyjson_val *list = yyjson_doc_get_root(document);
    assert_int_equal(yyjson_arr_size(list), 77);
    yyjson_val *stock;
    size_t index;
    size_t most;
    yyjson_arr_foreach(list, index, most, stock)
    {
        char row[128];
        (void)snprintf(row, sizeof row, "\n%s,%s",
                       yyjson_get_str(yyjson_obj_get(stock, "productId")),
                       yyjson_get_str(yyjson_obj_get(stock, "available")));
        const char *at = strstr(expected, row);
        if (at == NULL || (at[strlen(row)] != '\n' && at[strlen(row)] != '\r')) {
            fail_msg("not as expected: %s", row + 1);
        }
    }
    yyjson_doc_free(document);
    free(json);
    free(expected);
}

static void assert_replayed(struct system *system)
{
    system_wait_settled(system, SETTLE_TIMEOUT_MS);
    assert_int_equal(database_int(&system->database, "SELECT count(*) FROM orders"), 830);
    assert_int_equal(database_int(&system->database, "SELECT count(*) FROM order_lines"), 2155);
    assert_stock_as_expected(system, files.expected);
    system_assert_books(system);
}

static void test_all_orders_arrive_once_and_again_changes_nothing(void **state)
{
    (void)state;
    need_files();
    struct system system;
    system_start(&system);
    for (int round = 0; round < 2; round++) {
        import(&system, "products", files.products, 0);
        import(&system, "orders", files.orders, 0);
        assert_replayed(&system);
    }
    /* The prices and times of the file, not of the catalogue and of today. */
    assert_int_equal(database_int(&system.database,
                                  "SELECT count(*) FROM orders WHERE placed_time < '2000-01-01'"),
                     830);
    system_destroy(&system);
}

static void test_s31_a_worker_killed_in_the_middle_loses_and_doubles_nothing(void **state)
{
    (void)state;
    need_files();
    const char *points[] = {"before_commit:kill@2", "after_commit:kill@2", "after_ack:kill@2"};
    /* However late it starts, and so finds all of them waiting, it needs more than one batch. */
    assert_int_equal(setenv("ORDER_WORKER_BATCH_EVENTS", "100", 1), 0);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct system system;
        system_create(&system);
        system_start_server(&system, 0, NULL);
        system_start_worker(&system, 0, points[i]);
        import(&system, "products", files.products, 0);
        import(&system, "orders", files.orders, 0);
        assert_int_equal(process_wait(&system.workers[0], SETTLE_TIMEOUT_MS), -SIGKILL);
        system_start_worker(&system, 1, NULL);
        assert_replayed(&system);
        system_destroy(&system);
    }
    assert_int_equal(unsetenv("ORDER_WORKER_BATCH_EVENTS"), 0);
}

static void test_s29_a_server_killed_in_the_middle_loses_and_doubles_nothing(void **state)
{
    (void)state;
    need_files();
    const char *points[] = {"after_reserve:kill@2", "after_publish:kill@2", "before_reply:kill@2"};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct system system;
        system_start(&system);
        import(&system, "products", files.products, 0);
        assert_int_equal(process_end(&system.servers[0], 30000), 0);
        system_start_server(&system, 0, points[i]);
        /* The import sees its server die, asks again with the same request ids, and gets there. */
        struct process importing;
        system_start_orderctl(
            &system, (const char *[]){"import", "orders", files.orders, "--outstanding", "2", NULL},
            &importing);
        assert_int_equal(process_wait(&system.servers[0], SETTLE_TIMEOUT_MS), -SIGKILL);
        system_start_server(&system, 0, NULL);
        assert_int_equal(process_wait(&importing, SETTLE_TIMEOUT_MS), 0);
        assert_replayed(&system);
        system_destroy(&system);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_orders_arrive_once_and_again_changes_nothing),
        cmocka_unit_test(test_s31_a_worker_killed_in_the_middle_loses_and_doubles_nothing),
        cmocka_unit_test(test_s29_a_server_killed_in_the_middle_loses_and_doubles_nothing),
    };
    return cmocka_run_group_tests(tests, find_files, NULL);
}
