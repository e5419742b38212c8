/* The worker as a process, against real stores: what it writes, and what it does with events that
 * are repeated, doubled, late, or rubbish. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/cmocka_all.h"
#include "tests/integration/worker_fixture.h"

static struct worker_fixture fixture;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(setenv("ORDER_WORKER_SWEEP_MS", "100", 1), 0);
    assert_int_equal(setenv("ORDER_WORKER_SWEEP_AGE_MS", "200", 1), 0);
    worker_fixture_create(&fixture);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    worker_fixture_destroy(&fixture);
    return 0;
}

static int64_t available(const char *product_id)
{
    return system_available(&fixture.system, product_id);
}

static int64_t count(const char *sql)
{
    return worker_fixture_count(&fixture, sql);
}

static void start_worker(void)
{
    system_start_worker(&fixture.system, 0, NULL);
}

static void test_orders_and_adjustments_arrive(void **state)
{
    (void)state;
    start_worker();
    worker_fixture_place(&fixture, 50);
    struct event up = worker_fixture_adjustment(&fixture, "a", 7);
    struct event down = worker_fixture_adjustment(&fixture, "b", -3);
    worker_fixture_reserve(&fixture, &up);
    worker_fixture_reserve(&fixture, &down);
    worker_fixture_publish(&fixture, &up, 1);
    worker_fixture_publish(&fixture, &down, 1);
    worker_fixture_wait_settled(&fixture);
    assert_int_equal(count("SELECT count(*) FROM orders WHERE state = 2 AND version = 1"), 50);
    assert_int_equal(count("SELECT count(*) FROM order_lines WHERE line_number = 1"), 50);
    assert_int_equal(count("SELECT count(*) FROM order_events"), 50);
    assert_int_equal(count("SELECT sum(delta_on_hand) FROM stock_ledger"), 4);
    assert_int_equal(count("SELECT on_hand_after FROM stock_ledger WHERE product_id = 'a'"), 1007);
    assert_int_equal(available("a"), 1007 - 10);
    system_assert_books(&fixture.system);
}

static void test_what_is_written_is_what_was_sent(void **state)
{
    (void)state;
    struct event event = worker_fixture_order(&fixture, "a", 3);
    struct order_line lines[] = {
        {.product_id = "c", .quantity = 2, .has_price = true, .unit_price_minor = 250},
        {.product_id = "a", .quantity = 1, .has_price = true, .unit_price_minor = 100},
        {.product_id = "c", .quantity = 1, .has_price = true, .unit_price_minor = 240},
    };
    event.order.lines = lines;
    event.order.line_count = 3;
    event.order.total_minor = 840;
    event.order.order_ref = "R-1";
    event.order.placed_time_us = 1600000000123456;
    memset(event.request_hash, 0xab, sizeof event.request_hash);
    worker_fixture_publish(&fixture, &event, 1);
    start_worker();
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM orders", 1);
    char *rows = database_rows(
        &fixture.system.database,
        "SELECT customer_id, currency, total_minor, order_ref, encode(request_hash, 'hex'),"
        " (extract(epoch FROM placed_time) * 1000000)::bigint FROM orders");
    assert_string_equal(
        rows, "customer-1,EUR,840,R-1,abababababababababababababababab,1600000000123456\n");
    free(rows);
    rows = database_rows(&fixture.system.database,
                         "SELECT line_number, product_id, quantity, unit_price_minor"
                         " FROM order_lines ORDER BY line_number");
    assert_string_equal(rows, "1,c,2,250\n2,a,1,100\n3,c,1,240\n");
    free(rows);
    assert_int_equal(count("SELECT reserved FROM stock WHERE product_id = 'c'"), 3);
    rows = database_rows(&fixture.system.database, "SELECT kind, actor FROM order_events");
    assert_string_equal(rows, "0,test\n");
    free(rows);
}

static void test_s31_the_same_event_again_changes_nothing(void **state)
{
    (void)state;
    struct event event = worker_fixture_order(&fixture, "a", 2);
    worker_fixture_reserve(&fixture, &event);
    struct event both[] = {event, event};
    worker_fixture_publish(&fixture, both, 2);
    worker_fixture_publish(&fixture, &event, 1);
    start_worker();
    worker_fixture_wait_settled(&fixture);
    worker_fixture_publish(&fixture, &event, 1);
    worker_fixture_place(&fixture, 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM orders", 2);
    worker_fixture_wait_settled(&fixture);
    system_assert_books(&fixture.system);
    assert_int_equal(available("a"), 998);
}

static void f22_poison_leaves_its_neighbours_alone(void **state)
{
    (void)state;
    worker_fixture_place(&fixture, 5);
    worker_fixture_publish_raw(&fixture, bytes_of_text("\xff\xff not protobuf"));
    struct event good = worker_fixture_order(&fixture, "a", 1);
    worker_fixture_reserve(&fixture, &good);
    struct bytes parts[] = {
        bytes_of_text("\x0a\x24zzz"),                               /* an event that is cut off */
        event_codec_encode(&good, &fixture.arena), bytes_of("", 0), /* an event without anything */
    };
    worker_fixture_publish_raw(&fixture, event_codec_join(parts, 3, &fixture.arena));
    worker_fixture_place(&fixture, 5);
    start_worker();
    worker_fixture_wait_settled(&fixture);
    assert_int_equal(count("SELECT count(*) FROM orders"), 11);
    assert_int_equal(count("SELECT count(*) FROM dead_letters"), 3);
    assert_int_equal(count("SELECT count(*) FROM dead_letters WHERE routing_key = 'order.created' "
                           "AND message_id <> '' AND message <> ''"),
                     3);
    /* Delivered again, they are still three. */
    worker_fixture_publish_raw(&fixture, bytes_of_text("\xff\xff not protobuf"));
    worker_fixture_place(&fixture, 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM orders", 12);
    assert_int_equal(count("SELECT count(*) FROM dead_letters"), 3);
}

static void f22_an_event_that_breaks_a_constraint_is_found(void **state)
{
    (void)state;
    struct event events[3];
    for (size_t i = 0; i < 3; i++) {
        events[i] = worker_fixture_order(&fixture, "a", 1);
        worker_fixture_reserve(&fixture, &events[i]);
    }
    /* Its order is there, and nothing in order_events says why. */
    char order_id[UUID_TEXT_BYTES];
    char sql[256];
    uuid_print(&events[1].order.order_id, order_id);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO orders VALUES ('%s', 'x', 2, 1, 'EUR', 1, '', '', now(), now())",
                   order_id);
    database_execute(&fixture.system.database, sql);
    worker_fixture_publish(&fixture, events, 3);
    start_worker();
    worker_fixture_wait_settled(&fixture);
    assert_int_equal(count("SELECT count(*) FROM order_events"), 2);
    assert_int_equal(count("SELECT count(*) FROM dead_letters WHERE reason = 'CONSTRAINT'"), 1);
    assert_int_equal(count("SELECT reserved FROM stock WHERE product_id = 'a'"), 2);
    assert_int_equal(available("a"), 997); /* its unit stays reserved until somebody decides */
}

static void test_an_order_reserved_twice_is_given_back_once(void **state)
{
    (void)state;
    struct event first = worker_fixture_order(&fixture, "a", 2);
    worker_fixture_reserve(&fixture, &first);
    /* Redis has forgotten the record and decides the same request again: another event, and (what a
     * record of another id stands for here) nothing that says no. */
    struct event second = first;
    second.event_id = uuid_v7(clock_system());
    second.order.order_id = uuid_v7(clock_system());
    worker_fixture_reserve(&fixture, &second);
    second.order.order_id = first.order.order_id;
    assert_int_equal(available("a"), 996);
    start_worker();
    worker_fixture_publish(&fixture, &first, 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM orders", 1);
    for (int i = 0; i < 3; i++) {
        worker_fixture_publish(&fixture, &second, 1);
    }
    worker_fixture_wait_settled(&fixture);
    assert_int_equal(count("SELECT count(*) FROM double_reservations"), 1);
    assert_int_equal(available("a"), 998);
    worker_fixture_place(&fixture, 1); /* after which all three are known to be through */
    worker_fixture_wait_settled(&fixture);
    system_assert_books(&fixture.system);
}

/* What was discarded, and given back, is delivered once more. */
static void test_an_event_that_was_given_up_is_not_stored(void **state)
{
    (void)state;
    struct event given_up = worker_fixture_order(&fixture, "a", 5);
    char id[UUID_TEXT_BYTES], sql[256];
    uuid_print(&given_up.event_id, id);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO double_reservations (event_id, subject_id, epoch, event_time)"
                   " VALUES ('%s', '%s', 1, now())",
                   id, id);
    database_execute(&fixture.system.database, sql);
    worker_fixture_publish(&fixture, &given_up, 1);
    start_worker();
    worker_fixture_place(&fixture, 1); /* after which it is known to be through */
    worker_fixture_wait_settled(&fixture);
    assert_int_equal(count("SELECT count(*) FROM orders"), 1);
    assert_int_equal(count("SELECT sum(reserved)::bigint FROM stock"), 1);
    assert_int_equal(count("SELECT count(*) FROM stock_deltas"), 0);
}

/* Their units may have been sold again, and their requests accepted again. */
static void test_what_is_of_an_epoch_that_ended_lapses_unless_it_is_restored(void **state)
{
    (void)state;
    struct event late = worker_fixture_order(&fixture, "a", 5);
    struct event again = late, restored = worker_fixture_order(&fixture, "a", 6);
    struct event down = worker_fixture_adjustment(&fixture, "a", -7);
    restored.restored = true;
    worker_fixture_reload(&fixture);
    start_worker();
    worker_fixture_publish(&fixture, &late, 1);
    worker_fixture_publish(&fixture, &down, 1);
    worker_fixture_publish(&fixture, &restored, 1);
    again.epoch = fixture.epoch;
    again.event_id = uuid_v7(clock_system());
    worker_fixture_reserve(&fixture, &again);
    worker_fixture_publish(&fixture, &again, 1);
    worker_fixture_wait_settled(&fixture);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM orders WHERE state = 2", 2);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM stock_deltas", 0);
    assert_int_equal(count("SELECT count(*) FROM order_events"), 2);
    assert_int_equal(count("SELECT count(*) FROM order_lines"), 2);
    assert_int_equal(count("SELECT count(*) FROM order_feed, unnest(order_ids)"), 2);
    assert_int_equal(count("SELECT count(*) FROM double_reservations"), 0);
    assert_int_equal(count("SELECT reserved FROM stock WHERE product_id = 'a'"), 11);
    assert_int_equal(count("SELECT count(*) FROM stock_ledger"), 0);
    assert_int_equal(available("a"), 989);
    system_assert_books(&fixture.system);
}

static void test_an_adjustment_below_what_is_reserved_is_kept_as_a_letter(void **state)
{
    (void)state;
    database_execute(&fixture.system.database, "UPDATE stock SET reserved = 999");
    struct event down = worker_fixture_adjustment(&fixture, "a", -2);
    worker_fixture_publish(&fixture, &down, 1);
    start_worker();
    worker_fixture_wait_count(&fixture,
                              "SELECT count(*) FROM dead_letters WHERE reason = 'STOCK_GUARD'", 1);
    assert_int_equal(count("SELECT count(*) FROM stock_ledger"), 0);
    assert_int_equal(count("SELECT on_hand FROM stock WHERE product_id = 'a'"), 1000);
}

#define WORKER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_orders_and_adjustments_arrive),
        WORKER_TEST(test_what_is_written_is_what_was_sent),
        WORKER_TEST(test_s31_the_same_event_again_changes_nothing),
        WORKER_TEST(f22_poison_leaves_its_neighbours_alone),
        WORKER_TEST(f22_an_event_that_breaks_a_constraint_is_found),
        WORKER_TEST(test_an_order_reserved_twice_is_given_back_once),
        WORKER_TEST(test_an_event_that_was_given_up_is_not_stored),
        WORKER_TEST(test_what_is_of_an_epoch_that_ended_lapses_unless_it_is_restored),
        WORKER_TEST(test_an_adjustment_below_what_is_reserved_is_kept_as_a_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
