/* Whether PostgreSQL's own books are found to agree, or not, however the walk over them is cut. */
#include <stdio.h>
#include <string.h>

#include "postgres/postgres_array.h"
#include "server/audit.h"
#include "server/audit_books.h"
#include "tests/cmocka_all.h"
#include "tests/integration/store_fixture.h"

#define PRODUCTS  5
#define ORDERS    12
#define STEPS_MAX 200
#define FOUND_MAX 8

/* What a walk has found. */
struct finding {
    char product_id[16];
    struct audit_book book;
};
struct findings {
    struct finding found[FOUND_MAX];
    size_t count, steps;
};

/* Every kind of movement: entries of the ledger; orders of two lines of products n and n + 1; every
 * second fulfilled, every third cancelled, of those every sixth written off; one taken again, one
 * that was rejected, and an event that waits. The rows of `stock` are what the view says. */
static int setup(void **state)
{
    assert_int_equal(store_fixture_setup(state), 0);
    store_fixture_create_products(PRODUCTS);
    database_execute(
        &database,
        "INSERT INTO stock_ledger SELECT gen_random_uuid(), gen_random_uuid(), product_id,"
        " 100 * n, 0, 0, 'initial', '', '', now() FROM stock, generate_series(1, 2) n;"
        "INSERT INTO orders (order_id, customer_id, state, version, currency, total_minor,"
        " order_ref, request_hash, create_time, placed_time)"
        " SELECT ('0000000' || to_hex(n) || '-0000-7000-8000-000000000000')::uuid, 'c',"
        " CASE WHEN n = 11 THEN 7 WHEN n % 2 = 0 THEN 4 WHEN n % 3 = 0 THEN 5 ELSE 2 END, 2, 'EUR',"
        " 1, '', '', now(), now() FROM generate_series(1, 12) n;"
        "INSERT INTO order_lines (order_id, line_number, product_id, quantity, unit_price_minor)"
        " SELECT order_id, l, 'p-000' || 1 + (get_byte(uuid_send(order_id), 3) + l) % 5, 3, 1"
        " FROM orders, generate_series(1, 2) l;"
        "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, to_state,"
        " outcome) SELECT order_id, 1, gen_random_uuid(), 0, now(), '', 2,"
        " CASE state WHEN 7 THEN 2 ELSE 1 END FROM orders;"
        "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, to_state,"
        " outcome, write_off, line_numbers, line_quantities)"
        " SELECT order_id, 2, gen_random_uuid(), CASE state WHEN 4 THEN 5 ELSE 3 END, now(), '',"
        " state, 1, state = 5 AND get_byte(uuid_send(order_id), 3) = 9, '{1,2}', '{3,3}'"
        " FROM orders WHERE state IN (4, 5);"
        "UPDATE order_lines SET fulfilled_quantity = 3 FROM orders o WHERE o.state = 4 AND"
        " o.order_id = order_lines.order_id;"
        "UPDATE order_lines SET cancelled_quantity = 3 FROM orders o WHERE o.state = 5 AND"
        " o.order_id = order_lines.order_id;"
        "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, to_state,"
        " outcome, line_numbers, line_quantities) VALUES"
        " ('00000001-0000-7000-8000-000000000000', 2, gen_random_uuid(), 4, now(), '', 6, 1,"
        "  '{1,2}', '{3,3}'),"
        " ('00000001-0000-7000-8000-000000000000', 3, gen_random_uuid(), 2, now(), '', 2, 1,"
        "  '{1,2}', '{3,3}'),"
        " ('00000001-0000-7000-8000-000000000000', 5, gen_random_uuid(), 5, now(), '', 4, 0,"
        "  '{1,2}', '{3,3}');"
        "UPDATE stock SET on_hand = m.h, reserved = m.r FROM (SELECT product_id,"
        " sum(delta_on_hand) AS h, sum(delta_reserved) AS r FROM stock_movements GROUP BY 1) m"
        " WHERE m.product_id = stock.product_id");
    assert_int_equal(database_int(&database, "SELECT count(*) FROM orders"), ORDERS);
    assert_int_equal(database_int(&database, "SELECT count(DISTINCT cause) FROM stock_movements"),
                     6);
    return 0;
}

static void keep(void *state, const struct audit_book *book)
{
    struct findings *findings = state;
    assert_true(findings->count < FOUND_MAX);
    struct finding *finding = &findings->found[findings->count++];
    (void)snprintf(finding->product_id, sizeof finding->product_id, "%s", book->product_id);
    finding->book = *book;
}

static struct findings walk(size_t products_max, size_t orders_max)
{
    struct findings findings = {0};
    struct audit_books_options options = {products_max, orders_max, keep, &findings};
    struct audit_books *books = NULL;
    bool done = false;
    assert_int_equal(audit_books_begin(link_of_test, &options, &books, &failure), STATUS_OK);
    while (!done) {
        assert_true(findings.steps++ < STEPS_MAX);
        assert_int_equal(audit_books_step(books, soon(), &done, &failure), STATUS_OK);
    }
    audit_books_destroy(&books);
    return findings;
}

static const size_t CUTS[][2] = {
    {100, 100},
    {100, 1},
    {1, 100},
    {2, 5},
    {PRODUCTS, ORDERS},
    {PRODUCTS - 1, ORDERS - 1},
    {PRODUCTS + 1, ORDERS + 1},
};
#define CUT_COUNT (sizeof CUTS / sizeof CUTS[0])

static void test_correct_books_are_found_to_be_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < CUT_COUNT; i++) {
        assert_int_equal(walk(CUTS[i][0], CUTS[i][1]).count, 0);
    }
    /* A pass for each product, one step to load it, ORDERS + 1 over the orders; at the end there is
     * none. */
    assert_int_equal(walk(1, 1).steps, PRODUCTS * (1 + ORDERS + 1) + 1);
}

static void test_each_wrong_number_is_found(void **state)
{
    (void)state;
    database_execute(&database,
                     "UPDATE stock SET on_hand = on_hand + 7 WHERE product_id = 'p-0002';"
                     "UPDATE stock SET reserved = reserved + 2 WHERE product_id = "
                     "'p-0004'");
    for (size_t i = 0; i < CUT_COUNT; i++) {
        struct findings findings = walk(CUTS[i][0], CUTS[i][1]);
        assert_int_equal(findings.count, 2);
        const struct finding *tea = &findings.found[0], *ink = &findings.found[1];
        assert_string_equal(tea->product_id, "p-0002");
        assert_int_equal(tea->book.on_hand - tea->book.moved_on_hand, 7);
        assert_int_equal(tea->book.reserved, tea->book.moved_reserved);
        assert_int_equal(tea->book.reserved, tea->book.open);
        assert_int_equal(audit_book_drift(&tea->book), 7);
        assert_string_equal(ink->product_id, "p-0004");
        assert_int_equal(ink->book.on_hand, ink->book.moved_on_hand);
        assert_int_equal(ink->book.reserved - ink->book.moved_reserved, 2);
        assert_int_equal(ink->book.reserved - ink->book.open, 2);
        assert_int_equal(audit_book_drift(&ink->book), 2);
    }
}

/* The ledger and the lines may disagree with each other, too. */
static void test_history_that_was_changed_is_found(void **state)
{
    (void)state;
    database_execute(&database,
                     "UPDATE order_lines SET fulfilled_quantity = 0 WHERE line_number = 1"
                     " AND order_id = '00000002-0000-7000-8000-000000000000';"
                     "UPDATE orders SET state = 3 WHERE"
                     " order_id = '00000002-0000-7000-8000-000000000000'");
    struct findings findings = walk(2, 5);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.found[0].book.reserved, findings.found[0].book.moved_reserved);
    assert_int_equal(findings.found[0].book.open - findings.found[0].book.reserved, 3);
    database_execute(&database, "DELETE FROM stock_ledger WHERE entry_id = (SELECT entry_id FROM"
                                " stock_ledger WHERE product_id = 'p-0005' LIMIT 1)");
    assert_int_equal(walk(2, 5).count, 2);
}

/* What Redis must not have: units that an event took which waits, if they are not in the stock that
 * is in force. */
static void test_what_an_event_took_that_waits_is_not_expected_in_redis(void **state)
{
    (void)state;
    struct audit_product *before, *after;
    size_t count;
    assert_int_equal(
        audit_read(link_of_test, "s0", "", "", 100, &arena, soon(), &before, &count, &failure),
        STATUS_OK);
    assert_int_equal(count, PRODUCTS);
    database_execute(
        &database,
        "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, to_state,"
        " outcome, epoch, line_numbers, line_quantities) VALUES"
        " ('00000001-0000-7000-8000-000000000000', 7, gen_random_uuid(), 2, now(), '', 2, 0, 0,"
        "  '{1,2}', '{3,3}'),"
        " ('00000003-0000-7000-8000-000000000000', 7, gen_random_uuid(), 2, now(), '', 2, 0, -1,"
        "  '{1,2}', '{3,3}')");
    assert_int_equal(
        audit_read(link_of_test, "s0", "", "", 100, &arena, soon(), &after, &count, &failure),
        STATUS_OK);
    int64_t most = 0, least = 0;
    for (size_t i = 0; i < count; i++) {
        most += before[i].most - after[i].most;
        least += before[i].least - after[i].least;
    }
    assert_int_equal(most, 6);
    assert_int_equal(least, 6);
}

/* A pass is of one moment: what is stored between its steps is not half in it. */
static void test_orders_that_come_meanwhile_are_not_seen(void **state)
{
    (void)state;
    struct findings findings = {0};
    struct audit_books_options options = {100, 1, keep, &findings};
    struct audit_books *books = NULL;
    bool done = false;
    assert_int_equal(audit_books_begin(link_of_test, &options, &books, &failure), STATUS_OK);
    while (!done) {
        assert_int_equal(audit_books_step(books, soon(), &done, &failure), STATUS_OK);
        database_execute(
            &database,
            "WITH o AS (INSERT INTO orders (order_id, customer_id, state, version, currency,"
            " total_minor, order_ref, request_hash, create_time, placed_time) VALUES"
            " (gen_random_uuid(), 'c', 2, 1, 'EUR', 1, '', '', now(), now()) RETURNING order_id),"
            " l AS (INSERT INTO order_lines (order_id, line_number, product_id, quantity,"
            "  unit_price_minor) SELECT order_id, 1, 'p-0003', 1, 1 FROM o),"
            " e AS (INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor,"
            "  to_state) SELECT order_id, 1, gen_random_uuid(), 0, now(), '', 2 FROM o)"
            " UPDATE stock SET reserved = reserved + 1 WHERE product_id = 'p-0003'");
        assert_true(findings.steps++ < STEPS_MAX);
    }
    audit_books_destroy(&books);
    assert_int_equal(findings.count, 0);
    assert_int_equal(walk(100, 100).count, 0);
}

/* Given up half-way, and with the connection lost, it leaves nothing open behind. */
static void test_a_walk_that_ends_early_leaves_the_link_as_it_was(void **state)
{
    (void)state;
    struct findings findings = {0};
    struct audit_books_options options = {100, 1, keep, &findings};
    struct audit_books *books = NULL;
    bool done = false;
    assert_int_equal(audit_books_begin(link_of_test, &options, &books, &failure), STATUS_OK);
    audit_books_destroy(&books);
    assert_int_equal(audit_books_begin(link_of_test, &options, &books, &failure), STATUS_OK);
    assert_int_equal(audit_books_step(books, soon(), &done, &failure), STATUS_OK);
    assert_int_equal(audit_books_step(books, soon(), &done, &failure), STATUS_OK);
    audit_books_destroy(&books);
    assert_int_equal(walk(100, 100).count, 0);
    assert_int_equal(audit_books_begin(link_of_test, &options, &books, &failure), STATUS_OK);
    assert_int_equal(audit_books_step(books, soon(), &done, &failure), STATUS_OK);
    database_execute(&database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                                " datname = current_database() AND pid <> pg_backend_pid()");
    assert_int_not_equal(audit_books_step(books, soon(), &done, &failure), STATUS_OK);
    assert_false(done);
    audit_books_destroy(&books);
    assert_int_equal(walk(100, 100).count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_correct_books_are_found_to_be_so),
        TEST(test_each_wrong_number_is_found),
        TEST(test_history_that_was_changed_is_found),
        TEST(test_what_an_event_took_that_waits_is_not_expected_in_redis),
        TEST(test_orders_that_come_meanwhile_are_not_seen),
        TEST(test_a_walk_that_ends_early_leaves_the_link_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
