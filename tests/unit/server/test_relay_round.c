/* The relay: whatever was decided ends in RabbitMQ, or is settled. */
#include "server/relay_round.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

/* Orders whose confirm never came, all due. */
static void leave_unconfirmed(size_t count)
{
    fake_publisher.confirm_first = 0;
    for (size_t i = 0; i < count; i++) {
        struct order_call *order = order_call_new(fixture_request_id(0), "tea", 1);
        order_call_send(order);
        order_call_drop(order);
    }
    fake_publisher_reset();
    struct failure failure;
    assert_int_equal(book_hurry(fixture.lane->book, &failure), STATUS_OK);
}

static void leave_unpersisted(size_t count)
{
    leave_unconfirmed(count);
    for (size_t i = 0; i < fake_book.outbox_count; i++) {
        fake_book.outbox[i].unconfirmed = false;
    }
}

static void test_nothing_due_is_idle(void **state)
{
    (void)state;
    assert_int_equal(relay_round(fixture.lane), RELAY_IDLE);
    assert_int_equal(fake_publisher.calls, 0);
    assert_int_equal(fake_postgres.history_calls, 0);
}

static void test_unconfirmed_events_are_published_and_confirmed(void **state)
{
    (void)state;
    leave_unconfirmed(3);
    assert_int_equal(relay_round(fixture.lane), RELAY_WORKED);
    assert_int_equal(fake_publisher.message_count, 1);
    assert_int_equal(fake_publisher_events(), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_false(fake_book.outbox[i].unconfirmed);
    }
    assert_int_equal(relay_round(fixture.lane), RELAY_IDLE);
}

static void test_rabbitmq_away_leaves_them(void **state)
{
    (void)state;
    leave_unconfirmed(3);
    fake_publisher.confirm_first = 0;
    assert_int_equal(relay_round(fixture.lane), RELAY_FAILED);
    assert_int_equal(fake_book.outbox_count, 3);
    assert_true(fake_book.outbox[0].unconfirmed);
}

static void test_persisted_events_are_settled(void **state)
{
    (void)state;
    leave_unpersisted(3);
    fake_postgres.persisted[fake_postgres.persisted_count++] = fake_book.outbox[0].event_id;
    fake_postgres.persisted[fake_postgres.persisted_count++] = fake_book.outbox[2].event_id;
    assert_int_equal(relay_round(fixture.lane), RELAY_WORKED);
    assert_int_equal(fake_book.settled_count, 2);
    assert_int_equal(fake_book.outbox_count, 1);
    assert_int_equal(fake_publisher_events(), 1); /* the one that is not there */
}

static void test_what_may_wait_in_a_long_queue_is_not_published_again(void **state)
{
    (void)state;
    leave_unpersisted(3);
    fake_publisher.queue_ready = 65;
    assert_int_equal(relay_round(fixture.lane), RELAY_WORKED);
    assert_int_equal(fake_publisher_events(), 0);
    assert_int_equal(fake_book.outbox_count, 3);
}

static void test_postgres_away_leaves_them(void **state)
{
    (void)state;
    leave_unpersisted(3);
    fake_postgres.status = STATUS_UNAVAILABLE;
    assert_int_equal(relay_round(fixture.lane), RELAY_FAILED);
    assert_int_equal(fake_book.outbox_count, 3);
    assert_int_equal(fake_publisher_events(), 0);
}

/* Claimed for as long as a look takes, and put off only by one that was finished: a server that a
 * store does not answer, or that dies in the middle, does not keep events from the others. */
static void test_only_what_was_looked_after_is_put_off(void **state)
{
    (void)state;
    int64_t look_ms = fixture.options.postgres_timeout_ms + PUBLISH_TIMEOUT_MS + 1000;
    leave_unpersisted(3);
    fake_postgres.status = STATUS_UNAVAILABLE;
    assert_int_equal(relay_round(fixture.lane), RELAY_FAILED);
    assert_int_equal(fake_book.claim_lease_ms, look_ms);
    fake_postgres.status = STATUS_OK;
    fake_publisher.queue_depth = STATUS_UNAVAILABLE;
    fake_book.outbox[0].due = true;
    assert_int_equal(relay_round(fixture.lane), RELAY_FAILED);
    fake_publisher.queue_depth = STATUS_OK;
    fake_publisher.confirm_first = 0;
    fake_book.outbox[0].due = true;
    assert_int_equal(relay_round(fixture.lane), RELAY_FAILED);
    assert_int_equal(fake_book.postponed_count, 0);
    fake_publisher.confirm_first = SIZE_MAX;
    fake_book.outbox[0].due = fake_book.outbox[1].due = true;
    assert_int_equal(relay_round(fixture.lane), RELAY_WORKED);
    assert_int_equal(fake_book.postponed_count, 2);
    assert_int_equal(fake_book.postponed_by_ms + look_ms, 30000);
    fake_publisher.queue_ready = 65; /* they may be in it */
    fake_book.outbox[2].due = true;
    assert_int_equal(relay_round(fixture.lane), RELAY_WORKED);
    assert_int_equal(fake_book.postponed_count, 3);
}

static void test_redis_away_is_a_failure(void **state)
{
    (void)state;
    leave_unconfirmed(1);
    fake_book.claim = STATUS_UNAVAILABLE;
    assert_int_equal(relay_round(fixture.lane), RELAY_FAILED);
    fake_book.claim = STATUS_OK;
    fake_book.settle = STATUS_UNKNOWN;
    fake_book.outbox[0].unconfirmed = false;
    fake_book.outbox[0].due = true;
    fake_postgres.persisted[fake_postgres.persisted_count++] = fake_book.outbox[0].event_id;
    assert_int_equal(relay_round(fixture.lane), RELAY_FAILED);
}

static void test_a_fenced_shard_drains_all_the_same(void **state)
{
    (void)state;
    leave_unconfirmed(2);
    fake_book.epoch = 0;
    stock_gate_close(&fixture.gate);
    assert_int_equal(relay_round(fixture.lane), RELAY_WORKED);
    assert_int_equal(fake_publisher_events(), 2);
}

static void test_what_is_no_event_does_not_stop_the_others(void **state)
{
    (void)state;
    leave_unconfirmed(1);
    struct uuid id = uuid_v7(&fixture.clock.clock);
    fake_book_add_event(&id, bytes_of("\xff\xff\xff", 3), true);
    fake_book_add_event(&id, bytes_of("", 0), true);
    (void)relay_round(fixture.lane);
    assert_int_equal(fake_publisher_events(), 1);
    assert_false(fake_book.outbox[0].unconfirmed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_due_is_idle),
        TEST(test_unconfirmed_events_are_published_and_confirmed),
        TEST(test_rabbitmq_away_leaves_them),
        TEST(test_persisted_events_are_settled),
        TEST(test_what_may_wait_in_a_long_queue_is_not_published_again),
        TEST(test_postgres_away_leaves_them),
        TEST(test_only_what_was_looked_after_is_put_off),
        TEST(test_redis_away_is_a_failure),
        TEST(test_a_fenced_shard_drains_all_the_same),
        TEST(test_what_is_no_event_does_not_stop_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
