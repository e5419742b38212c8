/* What has happened, and which epoch is in force, as the server asks PostgreSQL for it. */
#include "postgres/postgres_array.h"
#include "server/control.h"
#include "server/history.h"
#include "tests/cmocka_all.h"
#include "tests/integration/store_fixture.h"
#include "worker/event_store_sql.h"

/* ---- history ---- */

static const struct control_known nothing;
static void test_events_are_found_wherever_they_are_kept(void **state)
{
    (void)state;
    database_execute(
        &database,
        "INSERT INTO order_events (order_id, version, event_id, kind, event_time,"
        " actor, to_state) VALUES ('01000000-0000-8000-8000-000000000001', 1,"
        " '02000000-0000-8000-8000-000000000001', 0, now(), 'a', 1);"
        "INSERT INTO stock_ledger VALUES ('01000000-0000-8000-8000-000000000002',"
        " '02000000-0000-8000-8000-000000000002', 'tea', 4, 4, 0, 'count', 'ref', 'a', now());"
        "INSERT INTO double_reservations (event_id, subject_id, epoch, event_time) VALUES"
        " ('02000000-0000-8000-8000-000000000003', '01000000-0000-8000-8000-000000000001', 1,"
        " now())");
    struct uuid event_ids[6];
    for (uint8_t i = 0; i < 6; i++) {
        event_ids[i] = make_id(1, (uint8_t)(i + 1));
        event_ids[i].bytes[0] = 2;
    }
    struct history_event events[] = {
        {EVENT_ORDER_CREATED, event_ids[0], make_id(1, 1), 1, false},
        {EVENT_STOCK_ADJUSTED, event_ids[1], make_id(1, 2), 0, false},
        {EVENT_ORDER_CREATED, event_ids[2], make_id(1, 1), 1, false}, /* a double */
        {EVENT_ORDER_CREATED, event_ids[3], make_id(1, 1), 1, false}, /* another decision */
        {EVENT_ORDER_CREATED, event_ids[0], make_id(1, 1), 2, false}, /* another version */
        {EVENT_STOCK_ADJUSTED, event_ids[5], make_id(1, 6), 0, false},
    };
    assert_int_equal(history_find_events(link_of_test, events, 6, &arena, soon(), &failure),
                     STATUS_OK);
    assert_true(events[0].persisted);
    assert_true(events[1].persisted);
    assert_true(events[2].persisted);
    assert_false(events[3].persisted);
    assert_false(events[5].persisted);

    struct uuid ids[] = {make_id(1, 2), make_id(1, 1)};
    struct stock_adjustment *adjustments;
    size_t count;
    assert_int_equal(history_find_adjustments(link_of_test, ids, 2, &arena, soon(), &adjustments,
                                              &count, &failure),
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
    assert_int_equal(control_leads(link_of_test, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_false(leads);
    assert_int_equal(control_try_lead(link_of_test, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_true(leads);
    assert_int_equal(control_leads(link_of_test, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_true(leads);
    assert_int_equal(control_try_lead(other_link, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_false(leads);
    assert_int_equal(control_leads(other_link, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_false(leads);
    assert_int_equal(control_try_lead(other_link, "s1", soon(), &leads, &failure), STATUS_OK);
    assert_true(leads);
    control_leave(link_of_test, soon());
    assert_int_equal(control_try_lead(other_link, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_true(leads);
    postgres_link_destroy(&other_link);
    int64_t until_ms = soon();
    do { /* the server notices the end of the session a moment later */
        assert_int_equal(control_try_lead(link_of_test, "s0", soon(), &leads, &failure), STATUS_OK);
    } while (!leads && clock_monotonic_ms(clock_system()) < until_ms);
    assert_true(leads);
}

static bool workers_may_consume(struct postgres_link *link)
{
    const struct postgres_result *result;
    struct postgres_parameter shard = postgres_text("s0");
    assert_int_equal(
        postgres_link_query(link, &SQL_MAY_CONSUME, &shard, 1, soon(), &result, &failure),
        STATUS_OK);
    return postgres_result_int(result, 0, 1) != 0;
}

static void test_quiet_is_the_leaders_and_ends_with_its_session(void **state)
{
    (void)state;
    bool quiet = false;
    assert_true(workers_may_consume(other_link));
    assert_int_equal(control_ask_quiet(link_of_test, "s0", soon(), &quiet, &failure), STATUS_OK);
    assert_true(quiet);
    assert_false(workers_may_consume(other_link));
    control_end_quiet(link_of_test, "s0", soon());
    assert_true(workers_may_consume(other_link));
    assert_int_equal(control_ask_quiet(link_of_test, "s0", soon(), &quiet, &failure), STATUS_OK);
    control_leave(link_of_test, soon());
    assert_true(workers_may_consume(other_link));
    assert_int_equal(control_ask_quiet(link_of_test, "s0", soon(), &quiet, &failure), STATUS_OK);
    postgres_link_destroy(&link_of_test);
    int64_t until_ms = soon();
    bool may;
    do { /* the server notices the end of the session a moment later */
        may = workers_may_consume(other_link);
    } while (!may && clock_monotonic_ms(clock_system()) < until_ms);
    assert_true(may);
}

static bool depose(int64_t silent_ms)
{
    bool ended = false;
    assert_int_equal(control_depose(other_link, "s0", silent_ms, &arena, soon(), &ended, &failure),
                     STATUS_OK);
    return ended;
}

static void test_a_leader_that_is_silent_too_long_is_ended(void **state)
{
    (void)state;
    bool leads = false;
    assert_false(depose(0)); /* nobody leads */
    assert_int_equal(control_try_lead(link_of_test, "s0", soon(), &leads, &failure), STATUS_OK);
    assert_true(leads);
    assert_false(depose(60000)); /* it has just asked */
    int64_t until_ms = soon();
    while (!depose(100)) {
        assert_true(clock_monotonic_ms(clock_system()) < until_ms);
    }
    do {
        assert_int_equal(control_try_lead(other_link, "s0", soon(), &leads, &failure), STATUS_OK);
    } while (!leads && clock_monotonic_ms(clock_system()) < until_ms);
    assert_true(leads);
    leads = true;
    if (control_leads(link_of_test, "s0", soon(), &leads, &failure) == STATUS_OK) {
        assert_false(leads); /* it comes back over another session */
    }
}

static void test_an_advance_voids_older_deltas_and_reads_the_sums(void **state)
{
    (void)state;
    store_fixture_create_products(3);
    database_execute(&database, "UPDATE stock SET reserved = 1 WHERE product_id = 'p-0002';"
                                "INSERT INTO orders VALUES"
                                " ('01000000-0000-8000-8000-000000000001', 'c', 1, 1, 'EUR', 1, '',"
                                " '', now(), now(), to_timestamp(5)),"
                                " ('01000000-0000-8000-8000-000000000002', 'c', 2, 2, 'EUR', 1, '',"
                                " '', now(), now(), NULL);"
                                "INSERT INTO stock_deltas (epoch, product_id, quantity) VALUES"
                                " (0, 'p-0001', 5)");
    struct control_state before, state_now, after;
    struct control_stock stock;
    assert_int_equal(control_read(link_of_test, "s0", soon(), &before, &failure), STATUS_OK);
    assert_int_equal(before.epoch, 0);
    assert_int_equal(
        control_advance(link_of_test, "s0", &nothing, &arena, soon(), &state_now, &stock, &failure),
        STATUS_OK);
    assert_int_equal(state_now.epoch, 1);
    assert_int_equal(stock.stock_count, 3);
    assert_int_equal(stock.held_count, 1); /* the one that is PENDING */
    assert_int_equal(stock.held[0].end_unix_ms, 5000);
    int64_t sum = 0;
    for (size_t i = 0; i < stock.stock_count; i++) {
        sum += stock.stock[i].quantity;
    }
    assert_int_equal(sum, 1 + 1 + 3);
    assert_int_equal(database_int(&database, "SELECT count(*) FROM stock_deltas"), 0);
    assert_int_equal(control_read(other_link, "s0", soon(), &after, &failure), STATUS_OK);
    assert_int_equal(after.epoch, 1);
    assert_int_equal(after.update_time_us, state_now.update_time_us);
    assert_true(after.update_time_us > before.update_time_us);
    assert_int_equal(control_read(link_of_test, "s9", soon(), &after, &failure), STATUS_INTERNAL);
}

/* Neither what undecided letters hold nor what waiting events took is for sale, be there rules or
 * not. */
static void test_an_advance_leaves_out_what_others_hold(void **state)
{
    (void)state;
    store_fixture_create_products(9);
    database_execute(
        &database,
        "UPDATE products SET max_per_order = 5 WHERE product_id = 'p-0009';"
        "INSERT INTO dead_letters (reason, message, routing_key, message_id, body) VALUES"
        " ('r', '', '', '', '');"
        "INSERT INTO dead_letter_units SELECT dead_letter_id, p, 1 FROM dead_letters,"
        " unnest('{p-0008,p-0009}'::text[]) p;"
        "INSERT INTO orders (order_id, version, customer_id, state, currency, total_minor, "
        "order_ref,"
        " request_hash, create_time, placed_time) VALUES ('01000000-0000-8000-8000-000000000001', "
        "2,"
        " 'c', 6, 'EUR', 4, '', '', now(), now());"
        "INSERT INTO order_lines (order_id, line_number, product_id, quantity, unit_price_minor)"
        " VALUES ('01000000-0000-8000-8000-000000000001', 1, 'p-0008', 2, 1),"
        " ('01000000-0000-8000-8000-000000000001', 2, 'p-0009', 2, 1);"
        "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, to_state,"
        " outcome, epoch, line_numbers, line_quantities) SELECT"
        " '01000000-0000-8000-8000-000000000001', v, gen_random_uuid(), CASE v WHEN 4 THEN 3 ELSE"
        " 2 END, now(), '', 2, CASE v WHEN 3 THEN 0 WHEN 4 THEN 0 ELSE 1 END, 0, '{1,2}', '{2,2}'"
        " FROM generate_series(2, 4) v");
    struct control_state now;
    struct control_stock stock;
    assert_int_equal(
        control_advance(link_of_test, "s0", &nothing, &arena, soon(), &now, &stock, &failure),
        STATUS_OK);
    int64_t sum = 0;
    for (size_t i = 0; i < stock.stock_count; i++) {
        sum += stock.stock[i].quantity;
    }
    assert_int_equal(sum, 45 - 2 * (1 + 2));
    assert_int_equal(stock.ruled_count, 1);
    assert_int_equal(stock.ruled[0].available, 9 - 1 - 2);
    /* Those that wait are of this epoch now; nothing else is. */
    assert_int_equal(database_int(&database, "SELECT count(*) FROM order_events WHERE epoch = 1"),
                     2);
}

/* Orders 1 to 4: in version 2; in version 2 with version 3 lost; not there; not there, but kept as
 * a dead letter. Of each, versions 3 to 5 (order 2: 4 to 6) wait, and of order 1 version 7 does. */
static void test_an_advance_lets_what_waits_for_the_lost_lapse(void **state)
{
    (void)state;
    struct control_known known = {.store = "another"};
    database_execute(
        &database,
        "INSERT INTO orders (order_id, version, customer_id, state, currency, total_minor, "
        "order_ref,"
        " request_hash, create_time, placed_time) SELECT"
        " ('01000000-0000-8000-8000-00000000000' || i)::uuid, 2, 'c', 2, 'EUR', 1, '', '', now(),"
        " now() FROM generate_series(1, 2) i;"
        "INSERT INTO dead_letters (reason, message, routing_key, message_id, body, state) SELECT"
        " 'r', '', '', '', convert_to('x01000000-0000-8000-8000-00000000000' || i || 'y', 'UTF8'), "
        "s"
        " FROM (VALUES (4, 0), (3, 2)) AS letters(i, s);"
        "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, to_state,"
        " outcome, epoch) SELECT ('01000000-0000-8000-8000-00000000000' || i)::uuid, v,"
        " gen_random_uuid(), 3, now(), '', 2, 0, 0 FROM (VALUES (1, 3), (1, 4), (1, 5), (1, 7),"
        " (2, 4), (2, 5), (2, 6), (3, 3), (3, 4), (3, 5), (4, 3), (4, 4), (4, 5)) AS waiting(i, "
        "v)");
    struct control_state now;
    struct control_stock stock;
    assert_int_equal(
        control_advance(link_of_test, "s0", &known, &arena, soon(), &now, &stock, &failure),
        STATUS_OK);
    assert_int_equal(database_int(&database, "SELECT count(*) FROM order_events WHERE epoch = 1"),
                     13); /* what this PostgreSQL lost may come back */
    assert_int_equal(control_store_name(link_of_test, soon(), known.store, &failure), STATUS_OK);
    assert_int_equal(
        control_advance(link_of_test, "s0", &known, &arena, soon(), &now, &stock, &failure),
        STATUS_OK);
    assert_int_equal(database_int(&database, "SELECT count(*) FROM order_events WHERE epoch = 2"),
                     6);
    assert_int_equal(
        database_int(&database, "SELECT count(*) FROM order_events WHERE version <= 5 AND order_id"
                                " IN ('01000000-0000-8000-8000-000000000001',"
                                " '01000000-0000-8000-8000-000000000004')"),
        6);
}

/* Row 24: a PostgreSQL that fell back knows a lower epoch than Redis. */
static void test_an_advance_passes_the_epoch_that_redis_knows(void **state)
{
    (void)state;
    struct control_state now;
    struct control_stock stock;
    assert_int_equal(control_advance(link_of_test, "s0", &(struct control_known){.highest = 41},
                                     &arena, soon(), &now, &stock, &failure),
                     STATUS_OK);
    assert_int_equal(now.epoch, 42);
    assert_int_equal(control_advance(link_of_test, "s0", &(struct control_known){.highest = 41},
                                     &arena, soon(), &now, &stock, &failure),
                     STATUS_OK);
    assert_int_equal(now.epoch, 43);
}

/* Without rights that an application's role does not have. */
static void test_a_store_has_a_name_that_stays(void **state)
{
    (void)state;
    char name[BOOK_STORE_BYTES], again[BOOK_STORE_BYTES];
    database_execute(&database, "CREATE ROLE plain_role; GRANT plain_role TO CURRENT_USER");
    static const struct postgres_statement become = {NULL, "SET ROLE plain_role"};
    postgres_link_add(link_of_test, &become, NULL, 0);
    const struct postgres_result *const *results;
    enum status became = postgres_link_flush(link_of_test, soon(), &results, &failure);
    enum status named = control_store_name(link_of_test, soon(), name, &failure);
    database_execute(&database, "DROP ROLE plain_role");
    assert_int_equal(became, STATUS_OK);
    assert_int_equal(named, STATUS_OK);
    assert_int_equal(control_store_name(other_link, soon(), again, &failure), STATUS_OK);
    assert_string_equal(name, again);
    size_t parts = 0;
    for (const char *at = name; (at = strchr(at, '/')) != NULL; at++) {
        parts++;
    }
    assert_int_equal(parts, 2);
    assert_null(strchr(name, ' '));
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_events_are_found_wherever_they_are_kept),
        TEST(test_one_leads_and_the_lock_ends_with_the_session),
        TEST(test_quiet_is_the_leaders_and_ends_with_its_session),
        TEST(test_a_leader_that_is_silent_too_long_is_ended),
        TEST(test_an_advance_voids_older_deltas_and_reads_the_sums),
        TEST(test_an_advance_leaves_out_what_others_hold),
        TEST(test_an_advance_lets_what_waits_for_the_lost_lapse),
        TEST(test_an_advance_lets_what_waits_for_the_lost_lapse),
        TEST(test_an_advance_passes_the_epoch_that_redis_knows),
        TEST(test_a_store_has_a_name_that_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
