/* The catalogue and the orders as the server asks PostgreSQL for them. */
#include <stdio.h>
#include <stdlib.h>

#include "postgres/postgres_array.h"
#include "server/catalogue.h"
#include "server/order_reader.h"
#include "tests/cmocka_all.h"
#include "tests/integration/store_fixture.h"

/* ---- catalogue ---- */

static struct product_request requests[8];

static struct new_product make_product(size_t at, const char *product_id, const char *request_id,
                                       uint8_t entry)
{
    requests[at] = (struct product_request){
        .request_id = request_id,
        .product = {.product_id = product_id,
                    .display_name = "Tea \xe2\x82\xac",
                    .unit_price_minor = 250,
                    .currency = "EUR"},
        .on_hand = 40,
    };
    return (struct new_product){
        .request = &requests[at],
        .request_hash = {1, 2, 3},
        .entry_id = make_id(1, entry),
        .event_id = make_id(2, entry),
        .actor = "local",
        .now_us = INT64_C(1780000000123456),
    };
}

static void test_a_product_is_created_with_all_that_belongs_to_it(void **state)
{
    (void)state;
    database_execute(&database, "UPDATE control SET epoch = 5");
    struct new_product product = make_product(0, "tea", "r-1", 1);
    assert_int_equal(catalogue_create(link_of_test, "s0", &product, 1, &arena, soon(), &failure),
                     STATUS_OK);
    assert_true(product.created);
    assert_int_equal(product.delta_epoch, 5);
    assert_string_equal(product.product.display_name, "Tea \xe2\x82\xac");
    assert_int_equal(product.product.create_time_us, INT64_C(1780000000123456));
    assert_int_equal(product.product.version, 1);
    assert_string_equal(product.stored_request_id, "r-1");
    char *rows = database_rows(&database,
                               "SELECT s.product_id, s.on_hand, reserved, delta_on_hand, reason,"
                               " epoch, quantity FROM stock s JOIN stock_ledger USING (product_id)"
                               " JOIN stock_deltas USING (product_id)");
    assert_string_equal(rows, "tea,40,0,40,initial,5,40\n");
    free(rows);
    int64_t delta_id = product.delta_id;
    assert_int_equal(catalogue_forget_deltas(link_of_test, &delta_id, 1, &arena, soon(), &failure),
                     STATUS_OK);
    assert_int_equal(database_int(&database, "SELECT count(*) FROM stock_deltas"), 0);
}

static void test_what_exists_is_left_alone_and_handed_back(void **state)
{
    (void)state;
    struct new_product first = make_product(0, "tea", "r-1", 1);
    assert_int_equal(catalogue_create(link_of_test, "s0", &first, 1, &arena, soon(), &failure),
                     STATUS_OK);
    struct new_product batch[] = {make_product(1, "pot", "r-2", 2),
                                  make_product(2, "tea", "r-3", 3)};
    requests[2].product.unit_price_minor = 999;
    batch[1].request_hash[0] = 9;
    assert_int_equal(catalogue_create(link_of_test, "s0", batch, 2, &arena, soon(), &failure),
                     STATUS_OK);
    assert_true(batch[0].created);
    assert_false(batch[1].created);
    assert_int_equal(batch[1].product.unit_price_minor, 250);
    assert_string_equal(batch[1].stored_request_id, "r-1");
    assert_int_equal(batch[1].stored_hash[0], 1);
    assert_int_equal(database_int(&database, "SELECT count(*) FROM stock_ledger"), 2);
    assert_int_equal(database_int(&database, "SELECT sum(on_hand) FROM stock"), 80);
}

static void test_an_entry_that_is_taken_undoes_all_of_the_batch(void **state)
{
    (void)state;
    struct new_product first = make_product(0, "tea", "r-1", 1);
    assert_int_equal(catalogue_create(link_of_test, "s0", &first, 1, &arena, soon(), &failure),
                     STATUS_OK);
    struct new_product batch[] = {make_product(1, "jug", "r-2", 2),
                                  make_product(2, "pot", "r-1", 1)};
    assert_int_equal(catalogue_create(link_of_test, "s0", batch, 2, &arena, soon(), &failure),
                     STATUS_FAILED_PRECONDITION);
    assert_string_equal(failure.metadata[0].value, "stock_ledger_pkey");
    assert_int_equal(database_int(&database, "SELECT count(*) FROM products"), 1);
    /* The link is none the worse. */
    assert_int_equal(catalogue_create(link_of_test, "s0", batch, 1, &arena, soon(), &failure),
                     STATUS_OK);
    assert_true(batch[0].created);
}

static void test_products_and_stock_are_found_and_listed(void **state)
{
    (void)state;
    store_fixture_create_products(5);
    static const char *const ids[] = {"p-0003", "none", "p-0001", "p-0003"};
    struct product *products;
    struct stock *stock;
    size_t count;
    assert_int_equal(
        catalogue_find(link_of_test, ids, 4, &arena, soon(), &products, &count, &failure),
        STATUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(catalogue_pick(products, count, "p-0003")->unit_price_minor, 3);
    assert_null(catalogue_pick(products, count, "none"));
    assert_int_equal(
        catalogue_find_stock(link_of_test, ids, 4, &arena, soon(), &stock, &count, &failure),
        STATUS_OK);
    assert_int_equal(catalogue_pick_stock(stock, count, "p-0001")->on_hand, 1);
    assert_null(catalogue_pick_stock(stock, count, "p-0002"));
    assert_int_equal(catalogue_list(link_of_test, "p-0002", 2, false, &arena, soon(), &products,
                                    &count, &failure),
                     STATUS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(products[0].product_id, "p-0003");
    assert_int_equal(
        catalogue_list_stock(link_of_test, "p-0004", 10, &arena, soon(), &stock, &count, &failure),
        STATUS_OK);
    assert_int_equal(count, 1);
    assert_string_equal(stock[0].product_id, "p-0005");
    assert_int_equal(
        catalogue_find(link_of_test, ids, 0, &arena, soon(), &products, &count, &failure),
        STATUS_OK);
    assert_int_equal(count, 0);
}

/* ---- orders ---- */

/* Order n of 255: of customer c-<n mod 2>, two orders a second, with this many lines. */
static void insert_orders(size_t count, size_t lines)
{
    char sql[1024];
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO orders SELECT ('01000000-0000-8000-8000-0000000000' ||"
        " lpad(to_hex(n), 2, '0'))::uuid, 'c-' || n %% 2, 2, 1, 'EUR', 10 * n, 'ref-' || n,"
        " '\\x000102030405060708090a0b0c0d0e0f', to_timestamp(1000000 + n / 2),"
        " to_timestamp(500 + n) FROM generate_series(1, %zu) n",
        count);
    database_execute(&database, sql);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO order_lines SELECT order_id, n, 'p-' || n, n, 7 FROM orders,"
                   " generate_series(1, %zu) n",
                   lines);
    database_execute(&database, sql);
}

static void test_orders_are_found_whole(void **state)
{
    (void)state;
    insert_orders(3, 12);
    struct uuid ids[] = {make_id(1, 3), make_id(1, 9), make_id(1, 1), make_id(1, 3)};
    struct stored_order *orders;
    size_t count;
    assert_int_equal(
        order_reader_find(link_of_test, ids, 4, &arena, soon(), &orders, &count, &failure),
        STATUS_OK);
    assert_int_equal(count, 2);
    assert_null(order_reader_pick(orders, count, &ids[1]));
    const struct stored_order *third = order_reader_pick(orders, count, &ids[0]);
    assert_string_equal(third->order.customer_id, "c-1");
    assert_string_equal(third->order.order_ref, "ref-3");
    assert_string_equal(third->order.currency, "EUR");
    assert_int_equal(third->order.total_minor, 30);
    assert_int_equal(third->order.state, ORDER_CONFIRMED);
    assert_int_equal(third->order.create_time_us, INT64_C(1000001000000));
    assert_int_equal(third->order.placed_time_us, INT64_C(503000000));
    assert_int_equal(third->request_hash[15], 15);
    assert_int_equal(third->order.line_count, 12);
    assert_string_equal(third->order.lines[11].product_id, "p-12"); /* by number, not by text */
    assert_int_equal(third->order.lines[11].unit_price_minor, 7);
    assert_int_equal(order_reader_pick(orders, count, &ids[2])->order.line_count, 12);
}

static struct order_filter all_orders(void)
{
    return (struct order_filter){.customer_id = "",
                                 .product_id = "",
                                 .states = UINT32_MAX,
                                 .create_to_us = INT64_C(253402300800000000),
                                 .placed_to_us = INT64_C(253402300800000000)};
}

/* Walks all pages; how many orders there were, each older than the one before. */
static size_t walk_filtered(const struct order_filter *asked, int32_t most, size_t *pages_out)
{
    struct order_page_filter filter = {
        .asked = *asked, .after = order_reader_first(asked), .most = most};
    struct order_position last = filter.after;
    struct order_page page = {.more = true};
    size_t seen = 0;
    for (*pages_out = 0; page.more; (*pages_out)++) {
        assert_true(*pages_out < 1000);
        assert_int_equal(order_reader_list(link_of_test, &filter, &arena, soon(), &page, &failure),
                         STATUS_OK);
        assert_true(page.count <= (size_t)most);
        for (size_t i = 0; i < page.count; i++) {
            struct order_position at = {page.orders[i].create_time_us, page.orders[i].order_id};
            assert_true(at.create_time_us < last.create_time_us ||
                        (at.create_time_us == last.create_time_us &&
                         memcmp(&at.order_id, &last.order_id, sizeof at.order_id) < 0));
            assert_true(page.orders[i].line_count > 0);
            last = at;
        }
        filter.after = page.next;
        seen += page.count;
        arena_reset(&arena);
    }
    return seen;
}

static size_t walk(const char *customer_id, int32_t most, size_t *pages_out)
{
    struct order_filter filter = all_orders();
    filter.customer_id = customer_id;
    return walk_filtered(&filter, most, pages_out);
}

static void test_pages_miss_and_repeat_nothing(void **state)
{
    (void)state;
    size_t pages;
    assert_int_equal(walk("", 10, &pages), 0);
    insert_orders(101, 2);
    assert_int_equal(walk("", 10, &pages), 101);
    assert_int_equal(pages, 11);
    assert_int_equal(walk("", 101, &pages), 101);
    assert_int_equal(pages, 1);
    assert_int_equal(walk("c-1", 7, &pages), 51);
    assert_int_equal(walk("c-9", 7, &pages), 0);
}

/* S12: whoever comes by another way meets the same guard: it is the table's own. */
static void test_s12_the_table_itself_refuses_to_oversell(void **state)
{
    (void)state;
    static const struct postgres_statement oversell = {
        "oversell", "UPDATE stock SET reserved = on_hand + 1 WHERE product_id = $1::text"};
    store_fixture_create_products(1);
    const struct postgres_parameter product = postgres_text("p-0001");
    const struct postgres_result *result;
    assert_int_equal(database_int(&database, "SELECT count(*) FROM stock WHERE product_id = "
                                             "'p-0001'"),
                     1);
    assert_int_equal(
        postgres_link_query(link_of_test, &oversell, &product, 1, soon(), &result, &failure),
        STATUS_FAILED_PRECONDITION);
    assert_string_equal(failure.metadata[0].value, "stock_never_oversold");
}

/* Each filter alone and with others, against what a plain count says. */
static void test_every_filter_narrows_the_list(void **state)
{
    (void)state;
    size_t pages;
    insert_orders(60, 3);
    database_execute(&database, "UPDATE orders SET state = 1 WHERE order_ref LIKE 'ref-1%'");
    database_execute(&database, "UPDATE order_lines l SET product_id = 'rare' FROM orders o "
                                "WHERE o.order_id = l.order_id AND o.order_ref LIKE '%5' "
                                "AND l.line_number = 2");
    struct order_filter filter = all_orders();
    filter.states = 1 << ORDER_PENDING;
    assert_int_equal(walk_filtered(&filter, 4, &pages), 11);
    filter.product_id = "rare";
    assert_int_equal(walk_filtered(&filter, 4, &pages), 1);
    filter.states = UINT32_MAX;
    assert_int_equal(walk_filtered(&filter, 4, &pages), 6);
    filter.customer_id = "c-1";
    assert_int_equal(walk_filtered(&filter, 1, &pages),
                     database_int(&database,
                                  "SELECT count(*) FROM orders WHERE customer_id = 'c-1' "
                                  "AND order_ref LIKE '%5'"));
    filter = all_orders();
    filter.placed_from_us = INT64_C(510000000); /* placed at 500 s + their number */
    filter.placed_to_us = INT64_C(520000000);
    assert_int_equal(walk_filtered(&filter, 3, &pages), 10);
    filter = all_orders();
    int64_t from_us = database_int(&database, "SELECT (extract(epoch FROM min(create_time)) * "
                                              "1000000)::bigint FROM orders");
    filter.create_to_us = from_us;
    assert_int_equal(walk_filtered(&filter, 3, &pages), 0);
    filter.create_to_us = from_us + 1;
    assert_true(walk_filtered(&filter, 3, &pages) > 0);
    filter.create_from_us = from_us + 1;
    filter.create_to_us = all_orders().create_to_us;
    assert_true(walk_filtered(&filter, 3, &pages) < 60);
}

/* A page looks at ORDER_PAGE_SCAN_MAX orders at most: what is behind them comes with later pages,
 * and nothing is lost where one page ends and the next begins. */
static void test_few_matches_among_many_orders(void **state)
{
    (void)state;
    size_t pages;
    database_execute(
        &database,
        "INSERT INTO orders (order_id, customer_id, state, version, currency, total_minor, "
        "order_ref, request_hash, create_time, placed_time) SELECT gen_random_uuid(), 'c', "
        "CASE WHEN n % 9973 = 0 THEN 1 ELSE 2 END, 1, 'EUR', 1, 'r' || n, '\\x00', "
        "to_timestamp(1000000 + n / 4), to_timestamp(1) FROM generate_series(1, 30000) n");
    database_execute(&database, "INSERT INTO order_lines (order_id, line_number, product_id, "
                                "quantity, unit_price_minor) SELECT order_id, 1, 'p', 1, 1 "
                                "FROM orders");
    struct order_filter filter = all_orders();
    filter.states = 1 << ORDER_PENDING;
    assert_int_equal(walk_filtered(&filter, 50, &pages), 3);
    assert_int_equal(pages, 4); /* 3 times 10,000 looked at, then an empty one */
    assert_int_equal(walk_filtered(&filter, 1, &pages), 3);
    filter.product_id = "none";
    assert_int_equal(walk_filtered(&filter, 50, &pages), 0);
    filter = all_orders();
    assert_int_equal(walk_filtered(&filter, 1000, &pages), 30000);
    assert_int_equal(pages, 30);
}

static void test_a_page_of_large_orders_is_cut_to_fit(void **state)
{
    (void)state;
    size_t pages;
    insert_orders(7, SHOP_ORDER_LINES_MAX);
    assert_int_equal(walk("", 1000, &pages), 7);
    assert_int_equal(pages, 3); /* 3 + 3 + 1 */
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_product_is_created_with_all_that_belongs_to_it),
        TEST(test_what_exists_is_left_alone_and_handed_back),
        TEST(test_an_entry_that_is_taken_undoes_all_of_the_batch),
        TEST(test_products_and_stock_are_found_and_listed),
        TEST(test_orders_are_found_whole),
        TEST(test_pages_miss_and_repeat_nothing),
        TEST(test_s12_the_table_itself_refuses_to_oversell),
        TEST(test_every_filter_narrows_the_list),
        TEST(test_few_matches_among_many_orders),
        TEST(test_a_page_of_large_orders_is_cut_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
