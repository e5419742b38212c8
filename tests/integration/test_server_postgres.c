/* The server's questions to PostgreSQL, each against a database of its own. */
#include <stdio.h>
#include <stdlib.h>

#include "postgres/postgres_link.h"
#include "server/catalogue.h"
#include "server/control.h"
#include "server/history.h"
#include "server/order_reader.h"
#include "tests/cmocka_all.h"
#include "tests/support/database.h"

static struct database database;
static struct postgres_link *link, *other;
static struct arena arena;
static struct failure failure;

static int setup(void **state)
{
    (void)state;
    database_create(&database);
    struct postgres_link_options options = {
        .url = database.url,
        .connect_timeout_ms = 10000,
        .statement_timeout_ms = 10000,
        .application_name = "test",
        .clock = clock_system(),
    };
    link = postgres_link_create(&options);
    other = postgres_link_create(&options);
    arena_init(&arena, 65536, 64 << 20);
    return link == NULL || other == NULL;
}

static int teardown(void **state)
{
    (void)state;
    postgres_link_destroy(&link);
    postgres_link_destroy(&other);
    arena_fini(&arena);
    database_drop(&database);
    return 0;
}

static int64_t soon(void)
{
    return clock_monotonic_ms(clock_system()) + 10000;
}

static struct uuid make_id(uint8_t first, uint8_t last)
{
    struct uuid id = {{0}};
    id.bytes[0] = first;
    id.bytes[15] = last;
    return id;
}

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
    assert_int_equal(catalogue_create(link, "s0", &product, 1, &arena, soon(), &failure),
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
    assert_int_equal(catalogue_forget_deltas(link, &delta_id, 1, &arena, soon(), &failure),
                     STATUS_OK);
    assert_int_equal(database_int(&database, "SELECT count(*) FROM stock_deltas"), 0);
}

static void test_what_exists_is_left_alone_and_handed_back(void **state)
{
    (void)state;
    struct new_product first = make_product(0, "tea", "r-1", 1);
    assert_int_equal(catalogue_create(link, "s0", &first, 1, &arena, soon(), &failure), STATUS_OK);
    struct new_product batch[] = {make_product(1, "pot", "r-2", 2),
                                  make_product(2, "tea", "r-3", 3)};
    requests[2].product.unit_price_minor = 999;
    batch[1].request_hash[0] = 9;
    assert_int_equal(catalogue_create(link, "s0", batch, 2, &arena, soon(), &failure), STATUS_OK);
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
    assert_int_equal(catalogue_create(link, "s0", &first, 1, &arena, soon(), &failure), STATUS_OK);
    struct new_product batch[] = {make_product(1, "jug", "r-2", 2),
                                  make_product(2, "pot", "r-1", 1)};
    assert_int_equal(catalogue_create(link, "s0", batch, 2, &arena, soon(), &failure),
                     STATUS_FAILED_PRECONDITION);
    assert_string_equal(failure.metadata[0].value, "stock_ledger_pkey");
    assert_int_equal(database_int(&database, "SELECT count(*) FROM products"), 1);
    /* The link is none the worse. */
    assert_int_equal(catalogue_create(link, "s0", batch, 1, &arena, soon(), &failure), STATUS_OK);
    assert_true(batch[0].created);
}

static void create_many(size_t count)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO products (product_id, display_name, unit_price_minor, currency,"
                   " request_id, request_hash, create_time, update_time)"
                   " SELECT 'p-' || lpad(n::text, 4, '0'), 'x', n, 'EUR', 'r', '', now(), now()"
                   " FROM generate_series(1, %zu) n",
                   count);
    database_execute(&database, sql);
    database_execute(&database, "INSERT INTO stock SELECT product_id, unit_price_minor, 0 "
                                "FROM products");
}

static void test_products_and_stock_are_found_and_listed(void **state)
{
    (void)state;
    create_many(5);
    static const char *const ids[] = {"p-0003", "none", "p-0001", "p-0003"};
    struct product *products;
    struct stock *stock;
    size_t count;
    assert_int_equal(catalogue_find(link, ids, 4, &arena, soon(), &products, &count, &failure),
                     STATUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(catalogue_pick(products, count, "p-0003")->unit_price_minor, 3);
    assert_null(catalogue_pick(products, count, "none"));
    assert_int_equal(catalogue_find_stock(link, ids, 4, &arena, soon(), &stock, &count, &failure),
                     STATUS_OK);
    assert_int_equal(catalogue_pick_stock(stock, count, "p-0001")->on_hand, 1);
    assert_null(catalogue_pick_stock(stock, count, "p-0002"));
    assert_int_equal(catalogue_list(link, "p-0002", 2, &arena, soon(), &products, &count, &failure),
                     STATUS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(products[0].product_id, "p-0003");
    assert_int_equal(
        catalogue_list_stock(link, "p-0004", 10, &arena, soon(), &stock, &count, &failure),
        STATUS_OK);
    assert_int_equal(count, 1);
    assert_string_equal(stock[0].product_id, "p-0005");
    assert_int_equal(catalogue_find(link, ids, 0, &arena, soon(), &products, &count, &failure),
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

static struct uuid order_id(uint8_t number)
{
    struct uuid id = make_id(1, number);
    id.bytes[6] = 0x80;
    id.bytes[8] = 0x80;
    return id;
}

static void test_orders_are_found_whole(void **state)
{
    (void)state;
    insert_orders(3, 12);
    struct uuid ids[] = {order_id(3), order_id(9), order_id(1), order_id(3)};
    struct stored_order *orders;
    size_t count;
    assert_int_equal(order_reader_find(link, ids, 4, &arena, soon(), &orders, &count, &failure),
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

/* Walks all pages; how many orders there were, each older than the one before. */
static size_t walk(const char *customer_id, int32_t most, size_t *pages_out)
{
    struct order_page_filter filter = {
        .customer_id = customer_id, .after = ORDER_POSITION_NEWEST, .most = most};
    bool more = true;
    size_t seen = 0;
    for (*pages_out = 0; more; (*pages_out)++) {
        struct order *orders;
        size_t count;
        assert_true(*pages_out < 1000);
        assert_int_equal(
            order_reader_list(link, &filter, &arena, soon(), &orders, &count, &more, &failure),
            STATUS_OK);
        assert_true(count <= (size_t)most && (count > 0 || !more));
        for (size_t i = 0; i < count; i++) {
            struct order_position at = {orders[i].create_time_us, orders[i].order_id};
            assert_true(at.create_time_us < filter.after.create_time_us ||
                        (at.create_time_us == filter.after.create_time_us &&
                         memcmp(&at.order_id, &filter.after.order_id, sizeof at.order_id) < 0));
            assert_true(orders[i].line_count > 0);
            filter.after = at;
        }
        seen += count;
        arena_reset(&arena);
    }
    return seen;
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

static void test_a_page_of_large_orders_is_cut_to_fit(void **state)
{
    (void)state;
    size_t pages;
    insert_orders(7, SHOP_ORDER_LINES_MAX);
    assert_int_equal(walk("", 1000, &pages), 7);
    assert_int_equal(pages, 3); /* 3 + 3 + 1 */
}

/* ---- history ---- */

static void test_events_are_found_wherever_they_are_kept(void **state)
{
    (void)state;
    database_execute(
        &database,
        "INSERT INTO order_events VALUES ('01000000-0000-8000-8000-000000000001', 1,"
        " '02000000-0000-8000-8000-000000000001', 0, now(), 'a');"
        "INSERT INTO stock_ledger VALUES ('01000000-0000-8000-8000-000000000002',"
        " '02000000-0000-8000-8000-000000000002', 'tea', 4, 4, 0, 'count', 'ref', 'a', now());"
        "INSERT INTO double_reservations (event_id, subject_id, epoch, event_time) VALUES"
        " ('02000000-0000-8000-8000-000000000003', '01000000-0000-8000-8000-000000000001', 1,"
        " now())");
    struct uuid event_ids[6];
    for (uint8_t i = 0; i < 6; i++) {
        event_ids[i] = order_id((uint8_t)(i + 1));
        event_ids[i].bytes[0] = 2;
    }
    struct history_event events[] = {
        {EVENT_ORDER_CREATED, event_ids[0], order_id(1), 1, false},
        {EVENT_STOCK_ADJUSTED, event_ids[1], order_id(2), 0, false},
        {EVENT_ORDER_CREATED, event_ids[2], order_id(1), 1, false}, /* a double */
        {EVENT_ORDER_CREATED, event_ids[3], order_id(1), 1, false}, /* another decision */
        {EVENT_ORDER_CREATED, event_ids[0], order_id(1), 2, false}, /* another version */
        {EVENT_STOCK_ADJUSTED, event_ids[5], order_id(6), 0, false},
    };
    assert_int_equal(history_find_events(link, events, 6, &arena, soon(), &failure), STATUS_OK);
    assert_true(events[0].persisted);
    assert_true(events[1].persisted);
    assert_true(events[2].persisted);
    assert_false(events[3].persisted);
    assert_false(events[5].persisted);

    struct uuid ids[] = {order_id(2), order_id(1)};
    struct stock_adjustment *adjustments;
    size_t count;
    assert_int_equal(
        history_find_adjustments(link, ids, 2, &arena, soon(), &adjustments, &count, &failure),
        STATUS_OK);
    assert_int_equal(count, 1);
    assert_string_equal(adjustments[0].product_id, "tea");
    assert_int_equal(adjustments[0].delta, 4);
    assert_string_equal(adjustments[0].reason, "count");
    assert_string_equal(adjustments[0].reference, "ref");
}

/* ---- control ---- */

static void test_one_leads_and_the_lock_ends_with_the_session(void **state)
{
    (void)state;
    bool leads;
    assert_int_equal(control_leads(link, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_false(leads);
    assert_int_equal(control_try_lead(link, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_true(leads);
    assert_int_equal(control_leads(link, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_true(leads);
    assert_int_equal(control_try_lead(other, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_false(leads);
    assert_int_equal(control_leads(other, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_false(leads);
    assert_int_equal(control_try_lead(other, "s1", soon(), &leads, &failure), STATUS_OK);
    assert_true(leads);
    control_leave(link, "s0", soon());
    assert_int_equal(control_try_lead(other, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_true(leads);
    postgres_link_destroy(&other);
    int64_t until_ms = soon();
    do { /* the server notices the end of the session a moment later */
        assert_int_equal(control_try_lead(link, "s0", soon(), &leads, &failure), STATUS_OK);
    } while (!leads && clock_monotonic_ms(clock_system()) < until_ms);
    assert_true(leads);
}

static void test_an_advance_voids_older_deltas_and_reads_the_sums(void **state)
{
    (void)state;
    create_many(3);
    database_execute(&database, "UPDATE stock SET reserved = 1 WHERE product_id = 'p-0002';"
                                "INSERT INTO stock_deltas (epoch, product_id, quantity) VALUES"
                                " (0, 'p-0001', 5)");
    struct control_state before, state_now, after;
    struct book_take *stock;
    size_t count;
    assert_int_equal(control_read(link, "s0", soon(), &before, &failure), STATUS_OK);
    assert_int_equal(before.epoch, 0);
    assert_int_equal(
        control_advance(link, "s0", &arena, soon(), &state_now, &stock, &count, &failure),
        STATUS_OK);
    assert_int_equal(state_now.epoch, 1);
    assert_int_equal(count, 3);
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += stock[i].quantity;
    }
    assert_int_equal(sum, 1 + 1 + 3);
    assert_int_equal(database_int(&database, "SELECT count(*) FROM stock_deltas"), 0);
    assert_int_equal(control_read(other, "s0", soon(), &after, &failure), STATUS_OK);
    assert_int_equal(after.epoch, 1);
    assert_int_equal(after.update_time_us, state_now.update_time_us);
    assert_true(after.update_time_us > before.update_time_us);
    assert_int_equal(control_read(link, "s9", soon(), &after, &failure), STATUS_INTERNAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_product_is_created_with_all_that_belongs_to_it),
        TEST(test_what_exists_is_left_alone_and_handed_back),
        TEST(test_an_entry_that_is_taken_undoes_all_of_the_batch),
        TEST(test_products_and_stock_are_found_and_listed),
        TEST(test_orders_are_found_whole),
        TEST(test_pages_miss_and_repeat_nothing),
        TEST(test_a_page_of_large_orders_is_cut_to_fit),
        TEST(test_events_are_found_wherever_they_are_kept),
        TEST(test_one_leads_and_the_lock_ends_with_the_session),
        TEST(test_an_advance_voids_older_deltas_and_reads_the_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
