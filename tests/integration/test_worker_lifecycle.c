/* The later events of orders, through a real queue, in any order, repeated, to two workers, some of
 * which die: each order ends as its story says, and the books agree. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "postgres/postgres_link.h"
#include "server/control.h"
#include "shop/lifecycle.h"
#include "tests/cmocka_all.h"
#include "tests/integration/worker_fixture.h"

#define ORDERS     60
#define QUANTITY   6
#define EVENTS_MAX (ORDERS * 8)

static struct worker_fixture fixture;
static struct order ends[ORDERS];
static struct event events[EVENTS_MAX];
static size_t order_count, event_count;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(setenv("ORDER_WORKER_SWEEP_MS", "100", 1), 0);
    assert_int_equal(setenv("ORDER_WORKER_SWEEP_AGE_MS", "200", 1), 0);
    worker_fixture_create(&fixture);
    order_count = event_count = 0;
    srandom(4711);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    worker_fixture_destroy(&fixture);
    return 0;
}

static int64_t count(const char *sql)
{
    return worker_fixture_count(&fixture, sql);
}

static void begin_order(const char *product_id)
{
    struct event event = worker_fixture_order(&fixture, product_id, QUANTITY);
    event.order.state = ORDER_PENDING;
    event.order.expire_time_us = event.event_time_us + 3600000000;
    event.order.payment_reference = "";
    worker_fixture_reserve(&fixture, &event);
    events[event_count++] = event;
    ends[order_count++] = event.order;
}

/* The newest order's next event. quantity 0: all that is open. */
static void tell(enum order_verb verb, int32_t quantity, bool flag)
{
    struct order *order = &ends[order_count - 1];
    struct line_quantity line = {1, quantity};
    struct verb_request request = {.verb = verb,
                                   .lines = &line,
                                   .line_count = quantity > 0 ? 1 : 0,
                                   .reason = "because",
                                   .reacquire = verb == ORDER_CONFIRM && flag,
                                   .write_off = verb == ORDER_CANCEL && flag};
    struct event event = {
        .kind = event_codec_kind_of_verb(verb),
        .event_id = uuid_v7(clock_system()),
        .event_time_us = clock_unix_us(clock_system()),
        .epoch = fixture.epoch,
        .actor = "test",
        .call_id = "call-2",
    };
    struct order after;
    struct failure failure;
    assert_int_equal(lifecycle_apply(order, &request, event.event_time_us, &fixture.arena, &after,
                                     &event.change, &failure),
                     VERB_CHANGES);
    event.order.order_id = order->order_id;
    event.order.customer_id = order->customer_id;
    *order = after;
    events[event_count++] = event;
}

static void tell_story(int which, const char *product_id)
{
    begin_order(product_id);
    switch (which) {
    case 0:
        tell(ORDER_CONFIRM, 0, false);
        tell(ORDER_FULFIL, 2, false);
        tell(ORDER_CANCEL, 1, false);
        tell(ORDER_FULFIL, 0, false);
        return;
    case 1:
        tell(ORDER_CANCEL, 2, true);
        tell(ORDER_CONFIRM, 0, false);
        tell(ORDER_CANCEL, 0, false);
        return;
    case 2:
        tell(ORDER_EXPIRE, 0, false);
        return;
    case 3:
        tell(ORDER_CANCEL, 0, false);
        return;
    default:
        tell(ORDER_CONFIRM, 0, false);
        tell(ORDER_FULFIL, 3, false);
        return;
    }
}

static void tell_stories(void)
{
    static const char *const PRODUCTS[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < ORDERS; i++) {
        tell_story(i % 5, PRODUCTS[random() % 5]);
    }
}

/* All events, a quarter of them twice, shuffled over messages of 1 to 7. */
static void publish_shuffled(void)
{
    static struct event sent[2 * EVENTS_MAX];
    size_t sent_count = 0;
    for (size_t i = 0; i < event_count; i++) {
        sent[sent_count++] = events[i];
        if (random() % 4 == 0) {
            sent[sent_count++] = events[i];
        }
    }
    for (size_t i = sent_count; i > 1; i--) {
        size_t with = (size_t)random() % i;
        struct event kept = sent[i - 1];
        sent[i - 1] = sent[with];
        sent[with] = kept;
    }
    for (size_t at = 0; at < sent_count;) {
        size_t some = 1 + (size_t)random() % 7;
        some = some < sent_count - at ? some : sent_count - at;
        worker_fixture_publish(&fixture, &sent[at], some);
        at += some;
    }
}

static void assert_end(const struct order *order)
{
    char id[UUID_TEXT_BYTES];
    char sql[640];
    uuid_print(&order->order_id, id);
    (void)snprintf(
        sql, sizeof sql,
        "SELECT count(*) FROM orders o JOIN order_lines l USING (order_id) WHERE order_id = '%s' "
        "AND state = %d AND version = %d AND fulfilled_quantity = %d AND cancelled_quantity = %d "
        "AND payment_reference = '%s' AND (confirm_time IS NOT NULL) = %s "
        "AND (expire_time IS NOT NULL) = %s AND (update_time IS NOT NULL) = %s",
        id, order->state, order->version, order->lines[0].fulfilled_quantity,
        order->lines[0].cancelled_quantity, order->payment_reference,
        order->confirm_time_us != 0 ? "true" : "false",
        order->expire_time_us != 0 ? "true" : "false", order->version > 1 ? "true" : "false");
    if (count(sql) != 1) {
        fail_msg("not as its story says: %s", sql);
    }
}

/* Every event is told once, each order's in the order of their versions. */
static void assert_feed(void)
{
    static const char TOLD[] =
        "FROM (SELECT order_id, version, lag(version, 1, 0) OVER (PARTITION BY order_id"
        "        ORDER BY xid, place) AS before"
        "      FROM order_feed, unnest(order_ids, versions) WITH ORDINALITY"
        "        AS i(order_id, version, place)) AS told";
    char sql[512];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) %s", TOLD);
    assert_int_equal(count(sql), event_count);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) %s WHERE version <> before + 1", TOLD);
    assert_int_equal(count(sql), 0);
}

static void assert_nothing_wrong(void)
{
    system_assert_books(&fixture.system);
    assert_feed();
    assert_int_equal(count("SELECT count(*) FROM double_reservations"), 0);
    assert_int_equal(count("SELECT sum(on_hand) FROM stock") -
                         count("SELECT coalesce(sum(delta_on_hand), 0) FROM stock_movements"),
                     5000);
}

static void assert_ends(void)
{
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM order_events", (int64_t)event_count);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM order_events WHERE outcome <> 1", 0);
    worker_fixture_wait_settled(&fixture);
    for (size_t i = 0; i < order_count; i++) {
        assert_end(&ends[i]);
    }
    assert_nothing_wrong();
}

static void test_s33_shuffled_and_repeated_to_two_workers(void **state)
{
    (void)state;
    tell_stories();
    publish_shuffled();
    system_start_worker(&fixture.system, 0, NULL);
    system_start_worker(&fixture.system, 1, NULL);
    assert_ends();
}

static void die_at(const char *failpoint)
{
    char fail[64];
    (void)snprintf(fail, sizeof fail, "%s:kill@1", failpoint);
    tell_stories();
    publish_shuffled();
    system_start_worker(&fixture.system, 0, fail);
    assert_int_equal(process_wait(&fixture.system.workers[0], FIXTURE_DEADLINE_MS), -SIGKILL);
    system_start_worker(&fixture.system, 0, NULL);
    system_start_worker(&fixture.system, 1, NULL);
    assert_ends();
}

static void test_dying_before_the_commit_changes_nothing(void **state)
{
    (void)state;
    die_at("before_commit");
}

static void test_s21_dying_after_the_commit_gives_back_once(void **state)
{
    (void)state;
    die_at("after_commit");
}

static void test_dying_after_the_settle_doubles_nothing(void **state)
{
    (void)state;
    die_at("after_settle");
}

/* Its event waits, the gap is closed, and the worker that closed it dies before it applies it. */
static void test_what_a_dead_worker_left_waiting_the_sweep_applies(void **state)
{
    (void)state;
    begin_order("a");
    tell(ORDER_CANCEL, 0, false);
    system_start_worker(&fixture.system, 0, "before_fold:kill@1");
    worker_fixture_publish(&fixture, &events[1], 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM order_events WHERE outcome = 0", 1);
    assert_int_equal(count("SELECT count(*) FROM orders"), 0);
    worker_fixture_publish(&fixture, &events[0], 1);
    assert_int_equal(process_wait(&fixture.system.workers[0], FIXTURE_DEADLINE_MS), -SIGKILL);
    assert_int_equal(count("SELECT count(*) FROM order_events WHERE outcome = 0"), 1);
    assert_int_equal(count("SELECT reserved FROM stock WHERE product_id = 'a'"), QUANTITY);
    system_start_worker(&fixture.system, 0, NULL);
    assert_ends();
    assert_int_equal(system_available(&fixture.system, "a"), 1000);
}

static void test_every_routing_key_reaches_the_workers(void **state)
{
    (void)state;
    system_start_worker(&fixture.system, 0, NULL);
    for (int which = 0; which < 5; which++) {
        tell_story(which, "b");
    }
    for (size_t i = event_count; i > 0; i--) { /* backwards: all of them wait for the first */
        worker_fixture_publish(&fixture, &events[i - 1], 1);
    }
    assert_ends();
}

static void test_a_version_decided_twice_is_on_record(void **state)
{
    (void)state;
    begin_order("a");
    tell(ORDER_CANCEL, 0, false);
    struct event other = events[1];
    other.event_id = uuid_v7(clock_system());
    system_start_worker(&fixture.system, 0, NULL);
    worker_fixture_publish(&fixture, events, 2);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM orders WHERE state = 5", 1);
    worker_fixture_publish(&fixture, &other, 1);
    worker_fixture_publish(&fixture, &other, 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM double_reservations", 1);
    worker_fixture_wait_settled(&fixture);
    assert_int_equal(system_available(&fixture.system, "a"), 1000);
    system_assert_books(&fixture.system);
}

static void test_a_change_against_the_order_becomes_a_letter(void **state)
{
    (void)state;
    begin_order("a");
    tell(ORDER_CANCEL, 1, false);
    tell(ORDER_CONFIRM, 0, false);
    events[1].change.lines[0].quantity = QUANTITY + 1;
    system_start_worker(&fixture.system, 0, NULL);
    worker_fixture_publish(&fixture, &events[2], 1);
    worker_fixture_publish(&fixture, &events[1], 1);
    worker_fixture_publish(&fixture, &events[0], 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM orders WHERE version = 3", 1);
    assert_int_equal(count("SELECT count(*) FROM orders WHERE state = 2"), 1);
    assert_int_equal(count("SELECT count(*) FROM order_events WHERE outcome = 2"), 1);
    assert_int_equal(count("SELECT count(*) FROM dead_letters WHERE reason = 'CHANGE_GUARD'"), 1);
    assert_int_equal(count("SELECT reserved FROM stock WHERE product_id = 'a'"), QUANTITY);
    worker_fixture_wait_settled(&fixture);
}

/* PostgreSQL lost all of it, and gets it when stock is loaded already. */
static void test_events_that_are_restored_keep_the_books(void **state)
{
    (void)state;
    tell_stories();
    for (size_t i = 0; i < event_count; i++) {
        events[i].restored = true;
    }
    worker_fixture_reload(&fixture);
    publish_shuffled();
    system_start_worker(&fixture.system, 0, NULL);
    system_start_worker(&fixture.system, 1, NULL);
    assert_ends();
}

/* As order-server does it. */
static void load_stock(void)
{
    struct postgres_link *link = postgres_link_create(
        &(struct postgres_link_options){.url = fixture.system.database.url,
                                        .connect_timeout_ms = FIXTURE_DEADLINE_MS,
                                        .statement_timeout_ms = FIXTURE_DEADLINE_MS,
                                        .application_name = "test",
                                        .clock = clock_system()});
    struct control_state control;
    struct control_stock stock;
    struct control_known known = {0};
    struct failure failure;
    assert_non_null(link);
    assert_int_equal(book_open_begin(fixture.book, &failure), STATUS_OK);
    assert_int_equal(
        control_advance(link, "s0", &known, &fixture.arena, 0, &control, &stock, &failure),
        STATUS_OK);
    assert_int_equal(book_open_load(fixture.book, stock.stock, stock.stock_count, &failure),
                     STATUS_OK);
    assert_int_equal(book_open_end(fixture.book, control.epoch, &failure), STATUS_OK);
    book_set_epoch(fixture.book, control.epoch);
    fixture.epoch = control.epoch;
    postgres_link_destroy(&link);
}

/* A hold that had run out was taken again, and the worker that could have applied it died. Its
 * units are taken, whatever epoch begins meanwhile, and once. */
static void test_units_of_an_event_that_waits_are_not_for_sale(void **state)
{
    (void)state;
    begin_order("a");
    tell(ORDER_EXPIRE, 0, false);
    tell(ORDER_CONFIRM, 0, true);
    system_start_worker(&fixture.system, 0, "before_fold:kill@1");
    worker_fixture_publish(&fixture, &events[0], 1);
    worker_fixture_publish(&fixture, &events[2], 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM order_events WHERE outcome = 0", 1);
    worker_fixture_publish(&fixture, &events[1], 1);
    assert_int_equal(process_wait(&fixture.system.workers[0], FIXTURE_DEADLINE_MS), -SIGKILL);
    assert_int_equal(count("SELECT reserved FROM stock WHERE product_id = 'a'"), 0);
    load_stock();
    assert_int_equal(system_available(&fixture.system, "a"), 1000 - QUANTITY);
    load_stock();
    assert_int_equal(system_available(&fixture.system, "a"), 1000 - QUANTITY);
    system_start_worker(&fixture.system, 0, NULL);
    assert_ends();
    assert_int_equal(count("SELECT reserved FROM stock WHERE product_id = 'a'"), QUANTITY);
    assert_int_equal(system_available(&fixture.system, "a"), 1000 - QUANTITY);
}

/* Redis had the version before it, and nobody else. The order goes on without both, through the
 * same versions, also when they turn up after all. */
static void test_a_change_whose_predecessor_is_lost_lapses_with_its_epoch(void **state)
{
    (void)state;
    begin_order("a");
    tell(ORDER_CONFIRM, 0, false);
    tell(ORDER_FULFIL, 2, false);
    struct event lost = events[1], lapsed = events[2];
    system_start_worker(&fixture.system, 0, NULL);
    worker_fixture_publish(&fixture, &events[0], 1);
    worker_fixture_publish(&fixture, &lapsed, 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM order_events WHERE outcome = 0", 1);
    worker_fixture_wait_settled(&fixture);
    load_stock();
    assert_int_equal(count("SELECT count(*) FROM order_events"), 1);
    ends[0] = events[0].order;
    event_count = 1;
    tell(ORDER_CANCEL, 1, false);
    tell(ORDER_CONFIRM, 0, false);
    worker_fixture_publish(&fixture, &lapsed, 1);
    worker_fixture_publish(&fixture, &lost, 1);
    worker_fixture_publish(&fixture, &events[1], 1);
    worker_fixture_publish(&fixture, &lost, 1);
    worker_fixture_publish(&fixture, &events[2], 1);
    worker_fixture_publish(&fixture, &lapsed, 1);
    assert_ends();
    assert_int_equal(count("SELECT count(*) FROM dead_letters"), 0);
    assert_int_equal(count("SELECT reserved FROM stock WHERE product_id = 'a'"), QUANTITY - 1);
}

/* As a worker keeps what it cannot store. */
static void bury(const struct event *event)
{
    char hex[1024], sql[1280];
    struct bytes body = event_codec_encode(event, &fixture.arena);
    assert_in_range(body.size, 1, sizeof hex / 2 - 1);
    for (size_t i = 0; i < body.size; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", body.data[i]);
    }
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO dead_letters (reason, message, routing_key, message_id, body)"
                   " VALUES ('', '', '', '', '\\x%s')",
                   hex);
    database_execute(&fixture.system.database, sql);
}

/* It waits for one that somebody may still want stored. */
static void test_a_change_behind_a_dead_letter_waits_on(void **state)
{
    (void)state;
    begin_order("a");
    tell(ORDER_CONFIRM, 0, false);
    tell(ORDER_FULFIL, 0, false);
    system_start_worker(&fixture.system, 0, NULL);
    worker_fixture_publish(&fixture, &events[0], 1);
    worker_fixture_publish(&fixture, &events[2], 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM order_events WHERE outcome = 0", 1);
    bury(&events[1]);
    load_stock();
    assert_int_equal(count("SELECT count(*) FROM order_events WHERE outcome = 0"), 1);
    database_execute(&fixture.system.database, "UPDATE dead_letters SET state = 1");
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM dead_letters WHERE state = 3", 1);
    database_execute(&fixture.system.database, "DELETE FROM dead_letters"); /* books have none */
    assert_ends();
}

static void test_what_is_too_old_to_be_asked_for_goes(void **state)
{
    (void)state;
    database_execute(&fixture.system.database,
                     "INSERT INTO order_feed (xid, create_time, order_ids, versions)"
                     " VALUES ('1', now() - interval '8 days', '{}', '{}'),"
                     "        ('2', now() - interval '6 days', '{}', '{}')");
    database_execute(&fixture.system.database,
                     "INSERT INTO limited_orders (product_id, order_id, create_time)"
                     " VALUES ('a', gen_random_uuid(), now() - interval '92 days'),"
                     "        ('a', gen_random_uuid(), now() - interval '89 days')");
    system_start_worker(&fixture.system, 0, NULL);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM order_feed", 1);
    worker_fixture_wait_count(&fixture, "SELECT count(*) FROM limited_orders", 1);
    assert_int_equal(count("SELECT xid::text::bigint FROM order_feed"), 2);
    assert_int_equal(count("SELECT count(*) FROM limited_orders"
                           " WHERE create_time > now() - interval '90 days'"),
                     1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_s33_shuffled_and_repeated_to_two_workers),
        TEST(test_dying_before_the_commit_changes_nothing),
        TEST(test_s21_dying_after_the_commit_gives_back_once),
        TEST(test_dying_after_the_settle_doubles_nothing),
        TEST(test_what_a_dead_worker_left_waiting_the_sweep_applies),
        TEST(test_units_of_an_event_that_waits_are_not_for_sale),
        TEST(test_a_change_whose_predecessor_is_lost_lapses_with_its_epoch),
        TEST(test_a_change_behind_a_dead_letter_waits_on),
        TEST(test_what_is_too_old_to_be_asked_for_goes),
        TEST(test_every_routing_key_reaches_the_workers),
        TEST(test_a_version_decided_twice_is_on_record),
        TEST(test_a_change_against_the_order_becomes_a_letter),
        TEST(test_events_that_are_restored_keep_the_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
