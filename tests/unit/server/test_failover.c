/* Failover: a PostgreSQL that is not the one that had what was settled is compared with what is
 * kept, and gets again what it lacks. */
#include "server/failover.h"
#include "tests/cmocka_all.h"
#include "tests/fakes/fake_control.h"
#include "tests/unit/server/lane_fixture.h"

/* An order that was settled, in a batch of its own; it is in PostgreSQL when `persisted`. */
static struct uuid settle_one(bool persisted)
{
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 1);
    order_call_send(order);
    order_call_drop(order);
    struct book_settled settled = {.event_id = fake_book.outbox[0].event_id};
    struct bytes event = fake_book.outbox[0].event;
    struct bytes batch = event_codec_join(&event, 1, &fixture.lane->arena);
    struct failure failure;
    assert_int_equal(book_settle(fixture.lane->book, &settled, 1, batch, &failure), STATUS_OK);
    if (persisted) {
        fake_postgres.persisted[fake_postgres.persisted_count++] = settled.event_id;
    }
    return settled.event_id;
}

/* A relay's life in no time: steps until `ms` have passed. */
static void live(int64_t ms)
{
    for (int64_t passed = 0; passed <= ms; passed += 250) {
        while (failover_step(fixture.lane)) { /* at once */
            arena_reset(&fixture.lane->arena);
        }
        arena_reset(&fixture.lane->arena);
        fake_clock_pass_ms(&fixture.clock, 250);
    }
}

static void be(const char *name)
{
    fake_control.name = name;
}

static void test_the_first_one_is_noted(void **state)
{
    (void)state;
    (void)settle_one(false);
    be("a/1/1");
    live(0);
    assert_string_equal(fake_book.store, "a/1/1");
    assert_int_equal(fake_postgres.history_calls, 0);
    assert_int_equal(fake_book.retention.age_ms, 600000);
    assert_int_equal(fake_book.retention.bytes_max, 1 << 20);
}

static void test_the_same_one_is_not_compared(void **state)
{
    (void)state;
    be("a/1/1");
    live(1000);
    (void)settle_one(false);
    live(60000);
    assert_int_equal(fake_postgres.history_calls, 0);
    assert_int_equal(fake_book.outbox_count, 0);
}

static void test_a_restart_that_lost_nothing_fences_nothing(void **state)
{
    (void)state;
    be("a/1/1");
    live(1000);
    for (int i = 0; i < 3; i++) {
        (void)settle_one(true);
    }
    be("a/1/2");
    live(FAILOVER_LATE_MS + 3000);
    assert_int_equal(fake_postgres.history_calls, 3);
    assert_int_equal(fake_book.outbox_count, 0);
    assert_int_equal(fake_book.epoch, 1);
    assert_string_equal(fake_book.store, "a/1/2");
}

static void test_what_is_lost_goes_back_and_fences(void **state)
{
    (void)state;
    be("a/1/1");
    live(1000);
    (void)settle_one(true);
    struct uuid lost = settle_one(false);
    (void)settle_one(true);
    be("a/2/1");
    live(1000);
    assert_int_equal(fake_book.outbox_count, 1);
    assert_non_null(fake_book_event(&lost));
    assert_true(fake_book_event(&lost)->unconfirmed);
    struct event *restored;
    struct failure failure;
    assert_int_equal(event_codec_decode(fake_book_event(&lost)->event, &fixture.lane->arena,
                                        &restored, &failure),
                     STATUS_OK);
    assert_true(restored->restored);
    assert_int_equal(fake_book.epoch, 0);
    struct stock_pass pass;
    assert_false(stock_gate_enter(&fixture.gate, &pass));
    assert_string_equal(fake_book.store, "a/1/1"); /* who dies now leaves it to be done again */
    live(FAILOVER_LATE_MS + 1000);
    assert_string_equal(fake_book.store, "a/2/1");
}

static void test_a_batch_that_was_kept_late_is_compared_too(void **state)
{
    (void)state;
    be("a/1/1");
    live(1000);
    (void)settle_one(true);
    be("a/2/1");
    live(1000);
    assert_int_equal(fake_postgres.history_calls, 1);
    struct uuid late = settle_one(false);
    live(FAILOVER_LATE_MS + 1000);
    assert_non_null(fake_book_event(&late));
    assert_int_equal(fake_postgres.history_calls, 2); /* only what is newer */
}

static void test_a_store_that_is_away_costs_time_only(void **state)
{
    (void)state;
    be("a/1/1");
    live(1000);
    struct uuid lost = settle_one(false);
    be("a/2/1");
    fake_postgres.status = STATUS_UNAVAILABLE;
    live(3000);
    assert_int_equal(fake_book.outbox_count, 0);
    fake_postgres.status = STATUS_OK;
    fake_book.unsettle = STATUS_UNAVAILABLE;
    live(3000);
    fake_book.unsettle = STATUS_OK;
    fake_book.walk = STATUS_UNKNOWN;
    live(3000);
    assert_int_equal(fake_book.outbox_count, 0);
    assert_string_equal(fake_book.store, "a/1/1");
    fake_book.walk = STATUS_OK;
    live(2000);
    assert_non_null(fake_book_event(&lost));
}

static void test_yet_another_one_is_compared_from_the_start(void **state)
{
    (void)state;
    be("a/1/1");
    live(1000);
    (void)settle_one(true);
    be("a/2/1");
    live(1000);
    be("a/3/1");
    live(FAILOVER_LATE_MS + 1000);
    assert_string_equal(fake_book.store, "a/1/1");
    live(FAILOVER_LATE_MS + 1000);
    assert_string_equal(fake_book.store, "a/3/1");
    assert_int_equal(fake_postgres.history_calls, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_first_one_is_noted),
        TEST(test_the_same_one_is_not_compared),
        TEST(test_a_restart_that_lost_nothing_fences_nothing),
        TEST(test_what_is_lost_goes_back_and_fences),
        TEST(test_a_batch_that_was_kept_late_is_compared_too),
        TEST(test_a_store_that_is_away_costs_time_only),
        TEST(test_yet_another_one_is_compared_from_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
