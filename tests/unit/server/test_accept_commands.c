/* The command story, step by step: S1 to S5 of accept_commands.h. */
#include "server/accept_commands.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

static void pass_beyond_publish_timeout(void)
{
    fake_clock_pass_ms(&fixture.clock, PUBLISH_TIMEOUT_MS + 1);
}

static void test_an_order_is_decided_published_confirmed_and_answered(void **state)
{
    (void)state;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_add(order, "pot", 1);
    order_call_send(order);
    const Shop__V1__Order *reply = order_call_reply(order);
    assert_int_equal(reply->durability, SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    assert_int_equal(reply->state, SHOP__V1__ORDER__STATE__STATE_PENDING);
    assert_int_equal(reply->total_minor, 2700);
    assert_string_equal(reply->currency, "EUR");
    assert_int_equal(reply->n_lines, 2);
    assert_string_equal(reply->lines[0]->product_id, "tea");
    assert_int_equal(reply->lines[1]->unit_price_minor, 2500);
    assert_int_equal(fake_book_available("tea"), 8);
    assert_int_equal(fake_book_available("pot"), 9);
    assert_int_equal(fake_publisher.calls, 1);
    assert_string_equal(fake_publisher.messages[0].routing_key, "order.created");
    assert_int_equal(fake_book.outbox_count, 1);
    assert_false(fake_book.outbox[0].unconfirmed);
    order_call_drop(order);
}

static void test_S1_what_was_not_reserved_is_not_published(void **state)
{
    (void)state;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_add(order, "pot", 11);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK");
    assert_string_equal(fake_call_metadata(&order->call, "product_id"), "pot");
    assert_string_equal(fake_call_metadata(&order->call, "available"), "10");
    assert_int_equal(fake_book_available("tea"), 10);
    assert_int_equal(fake_publisher.calls, 0);
    order_call_drop(order);
}

static void test_a_batch_travels_as_one_message(void **state)
{
    (void)state;
    struct order_call *orders[8];
    for (size_t i = 0; i < 8; i++) {
        orders[i] = order_call_new(fixture_request_id(0), "tea", 1);
    }
    order_calls_send(orders, 8);
    assert_int_equal(fake_book.decide_calls, 1);
    assert_int_equal(fake_publisher.message_count, 1);
    assert_int_equal(fake_publisher.messages[0].events, 8);
    assert_int_equal(fake_book.confirm_calls, 1);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(order_call_reply(orders[i])->durability,
                         SHOP__V1__DURABILITY__DURABILITY_QUEUED);
        order_call_drop(orders[i]);
    }
}

static void test_the_last_units_go_to_the_first_of_a_batch(void **state)
{
    (void)state;
    struct order_call *orders[13];
    for (size_t i = 0; i < 13; i++) {
        orders[i] = order_call_new(fixture_request_id(0), "tea", 1);
    }
    order_calls_send(orders, 13);
    for (size_t i = 0; i < 13; i++) {
        if (i < 10) {
            (void)order_call_reply(orders[i]);
        } else {
            fake_call_expect_failure(&orders[i]->call, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK");
        }
        order_call_drop(orders[i]);
    }
    assert_int_equal(fake_book_available("tea"), 0);
    assert_int_equal(fake_publisher_events(), 10);
}

static void test_S4_without_a_confirm_the_answer_is_reserved_and_nothing_is_taken_back(void **state)
{
    (void)state;
    fake_publisher.confirm_first = 0;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    assert_int_equal(order_call_reply(order)->durability,
                     SHOP__V1__DURABILITY__DURABILITY_RESERVED);
    assert_int_equal(fake_book_available("tea"), 8);
    assert_true(fake_book.outbox[0].unconfirmed);
    assert_int_equal(fake_book.confirm_calls, 0);
    order_call_drop(order);
}

static void test_S4_a_confirm_after_T_pub_does_not_count_but_is_told_to_redis(void **state)
{
    (void)state;
    fake_publisher.on_publish = pass_beyond_publish_timeout;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    assert_int_equal(order_call_reply(order)->durability,
                     SHOP__V1__DURABILITY__DURABILITY_RESERVED);
    assert_false(fake_book.outbox[0].unconfirmed);
    order_call_drop(order);
}

static void test_S4_the_time_of_the_decision_counts_too(void **state)
{
    (void)state;
    fake_book.on_decide = pass_beyond_publish_timeout; /* a server frozen in between */
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    assert_int_equal(order_call_reply(order)->durability,
                     SHOP__V1__DURABILITY__DURABILITY_RESERVED);
    assert_int_equal(fake_publisher.calls, 0); /* the relay's */
    order_call_drop(order);
}

static void test_a_confirm_redis_does_not_hear_of_is_a_confirm(void **state)
{
    (void)state;
    fake_book.confirm = STATUS_UNAVAILABLE;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    assert_int_equal(order_call_reply(order)->durability, SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    order_call_drop(order);
}

static void test_messages_are_confirmed_one_by_one(void **state)
{
    (void)state;
    fake_publisher.confirm_first = 1;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    struct adjust_call adjust = {0};
    adjust_call_init(&adjust, fixture_request_id(0), "pot", -3);
    struct rpc_call *calls[] = {&order->call, &adjust.call};
    accept_commands(fixture.lane, calls, 2);
    assert_int_equal(fake_publisher.message_count, 2);
    assert_int_equal(order_call_reply(order)->durability, SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    assert_int_equal(adjust_call_reply(&adjust)->durability,
                     SHOP__V1__DURABILITY__DURABILITY_RESERVED);
    assert_false(fake_book.outbox[0].unconfirmed);
    assert_true(fake_book.outbox[1].unconfirmed);
    order_call_drop(order);
    adjust_call_fini(&adjust);
}

static void test_the_wait_ends_before_the_callers_deadline(void **state)
{
    (void)state;
    int64_t now_ms = clock_monotonic_ms(&fixture.clock.clock);
    struct order_call *orders[] = {
        order_call_new(fixture_request_id(0), "tea", 1),
        order_call_new(fixture_request_id(0), "tea", 1),
    };
    orders[1]->call.deadline_ms = now_ms + 500;
    order_calls_send(orders, 2);
    assert_true(fake_publisher.deadline_ms < now_ms + 500);
    assert_true(fake_publisher.deadline_ms > now_ms + 400);
    order_call_drop(orders[0]);
    order_call_drop(orders[1]);
}

static void test_one_caller_in_a_hurry_does_not_take_the_confirm_from_the_others(void **state)
{
    (void)state;
    int64_t now_ms = clock_monotonic_ms(&fixture.clock.clock);
    struct order_call *orders[] = {
        order_call_new(fixture_request_id(0), "tea", 1),
        order_call_new(fixture_request_id(0), "tea", 1),
    };
    orders[1]->call.deadline_ms = now_ms + 1;
    order_calls_send(orders, 2);
    assert_int_equal(fake_publisher.deadline_ms, now_ms + 100);
    order_call_drop(orders[0]);
    order_call_drop(orders[1]);
}

static void test_no_wait_is_longer_than_T_pub_and_a_slow_broker_gets_less(void **state)
{
    (void)state;
    int64_t now_ms = clock_monotonic_ms(&fixture.clock.clock);
    static const int64_t waits[] = {PUBLISH_TIMEOUT_MS, 200, PUBLISH_TIMEOUT_MS};
    for (size_t i = 0; i < 3; i++) {
        struct order_call *order = order_call_new(fixture_request_id(0), "tea", 1);
        fake_publisher.confirm_first = i == 0 ? 0 : SIZE_MAX;
        order_call_send(order);
        assert_int_equal(fake_publisher.deadline_ms, now_ms + waits[i]);
        order_call_drop(order);
    }
}

static void test_redis_gets_no_longer_than_its_timeout_or_the_last_deadline(void **state)
{
    (void)state;
    int64_t now_ms = clock_monotonic_ms(&fixture.clock.clock);
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 1);
    order_call_send(order);
    assert_int_equal(fake_book.decide_deadline_ms, now_ms + 500);
    order_call_drop(order);
    order = order_call_new(fixture_request_id(0), "tea", 1);
    order->call.deadline_ms = now_ms + 50;
    order_call_send(order);
    assert_int_equal(fake_book.decide_deadline_ms, now_ms + 50);
    order_call_drop(order);
}

static void test_S5_an_unknown_outcome_is_said_and_left_alone(void **state)
{
    (void)state;
    fake_book.decide = STATUS_UNKNOWN;
    const char *id = fixture_request_id(0);
    struct order_call *order = order_call_new(id, "tea", 2), *again = order_call_new(id, "tea", 2);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_UNKNOWN, "OUTCOME_UNKNOWN");
    assert_true(order->call.failure.retry_delay_ms > 0);
    assert_int_equal(fake_publisher.calls, 0);
    assert_int_equal(fake_book_available("tea"), 8);
    fake_book.decide = STATUS_OK;
    order_call_send(again);
    assert_int_equal(order_call_reply(again)->durability,
                     SHOP__V1__DURABILITY__DURABILITY_RESERVED);
    assert_int_equal(fake_book_available("tea"), 8);
    order_call_drop(order);
    order_call_drop(again);
}

static void test_redis_away_means_not_done(void **state)
{
    (void)state;
    fake_book.decide = STATUS_UNAVAILABLE;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    assert_string_equal(fake_call_metadata(&order->call, "store"), "redis");
    assert_true(order->call.failure.retry_delay_ms > 0);
    order_call_drop(order);
}

static void test_a_full_outbox_is_overload(void **state)
{
    (void)state;
    fake_book.overloaded = true;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_RESOURCE_EXHAUSTED, "OVERLOADED");
    assert_true(order->call.failure.retry_delay_ms > 0);
    order_call_drop(order);
}

static void test_the_fence_closes_the_gate_for_everybody(void **state)
{
    (void)state;
    fake_book.epoch = 0;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_UNAVAILABLE, "STOCK_FENCED");
    struct stock_pass pass;
    assert_false(stock_gate_enter(&fixture.gate, &pass));
    order_call_drop(order);

    int asked = fake_book.decide_calls;
    order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_UNAVAILABLE, "STOCK_FENCED");
    assert_true(order->call.failure.retry_delay_ms > 0);
    assert_int_equal(fake_book.decide_calls, asked);
    order_call_drop(order);

    fixture_reopen(2);
    order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    (void)order_call_reply(order);
    order_call_drop(order);
}

static void test_a_late_fence_does_not_close_a_newer_epoch(void **state)
{
    (void)state;
    struct stock_pass pass;
    fixture_reopen(2);
    stock_gate_suspect(&fixture.gate, 1);
    assert_true(stock_gate_enter(&fixture.gate, &pass));
    assert_int_equal(pass.epoch, 2);
    stock_gate_suspect(&fixture.gate, 2);
    assert_false(stock_gate_enter(&fixture.gate, &pass));
}

static void test_stock_that_is_not_loaded_yet_is_said(void **state)
{
    (void)state;
    fake_catalogue_add("new", 5, "EUR");
    struct order_call *order = order_call_new(fixture_request_id(0), "new", 1);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_UNAVAILABLE, "STOCK_NOT_LOADED");
    assert_string_equal(fake_call_metadata(&order->call, "product_id"), "new");
    order_call_drop(order);
}

static void test_bad_ones_do_not_spoil_a_batch(void **state)
{
    (void)state;
    struct order_call *orders[] = {
        order_call_new("", "tea", 1),
        order_call_new(fixture_request_id(0), "tea", 0),
        order_call_new(fixture_request_id(0), "tea", -1),
        order_call_new(fixture_request_id(0), "tea", 1),
        order_call_new(fixture_request_id(0), "none", 1),
    };
    order_calls_send(orders, 5);
    fake_call_expect_failure(&orders[0]->call, STATUS_INVALID_ARGUMENT, "BAD_ID");
    fake_call_expect_failure(&orders[1]->call, STATUS_INVALID_ARGUMENT, "BAD_LINE_COUNT");
    fake_call_expect_failure(&orders[2]->call, STATUS_INVALID_ARGUMENT, "BAD_QUANTITY");
    (void)order_call_reply(orders[3]);
    fake_call_expect_failure(&orders[4]->call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND");
    assert_int_equal(fake_book_available("tea"), 9);
    for (size_t i = 0; i < 5; i++) {
        order_call_drop(orders[i]);
    }
}

/* A batch has no time for a whole new connection, and a busy lane no idle moment. */
static void test_a_lane_without_rabbitmq_connects_between_batches(void **state)
{
    (void)state;
    struct order_call *orders[3];
    for (int i = 0; i < 3; i++) {
        orders[i] = order_call_new(fixture_request_id(0), "tea", 1);
    }
    fake_publisher.confirm_first = 0;
    order_call_send(orders[0]);
    assert_int_equal(fake_publisher.calls, 1);
    assert_int_equal(fake_publisher.idle_calls, 0); /* slow, but there */
    fake_publisher.disconnected = true;
    order_call_send(orders[1]);
    assert_int_equal(fake_publisher.calls, 1);
    assert_int_equal(fake_publisher.idle_calls, 1);
    assert_int_equal(order_call_reply(orders[1])->durability,
                     SHOP__V1__DURABILITY__DURABILITY_RESERVED);
    fake_publisher.disconnected = false;
    fake_publisher.confirm_first = SIZE_MAX;
    order_call_send(orders[2]);
    assert_int_equal(fake_publisher.calls, 2);
    assert_int_equal(fake_publisher.idle_calls, 1);
    assert_int_equal(order_call_reply(orders[2])->durability,
                     SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    for (int i = 0; i < 3; i++) {
        order_call_drop(orders[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

static void lose_records(void)
{
    fake_book_reset();
}

static void age_records(void)
{
    for (size_t i = 0; i < fake_book.record_count; i++) {
        fake_book.records[i].record.is_current = false;
    }
}

/* How far the request is said to have come when it is sent once more. */
static int send_again(const struct order_call *first)
{
    struct order_call *again = order_call_new(first->request_id, "tea", 1);
    order_call_send(again);
    int durability = (int)order_call_reply(again)->durability;
    order_call_drop(again);
    return durability;
}

/* Redis is emptied between the decision, which finds the first order, and the look at how far it
 * has come: that nothing is there does not make it PERSISTED. */
static void test_a_repetition_of_what_is_lost_meanwhile_is_reserved(void **state)
{
    (void)state;
    struct order_call *first = order_call_new(fixture_request_id(0), "tea", 1);
    order_call_send(first);
    fake_book.on_read = lose_records;
    assert_int_equal(send_again(first), SHOP__V1__DURABILITY__DURABILITY_RESERVED);
    order_call_drop(first);
}

/* The record of an earlier epoch has come back without its event: nothing says that it was settled.
 */
static void test_a_record_of_an_earlier_epoch_does_not_make_it_persisted(void **state)
{
    (void)state;
    struct order_call *first = order_call_new(fixture_request_id(0), "tea", 1);
    order_call_send(first);
    struct book_settled settled = {.event_id = fake_book.outbox[0].event_id};
    struct failure failure;
    assert_int_equal(book_settle(fixture.lane->book, &settled, 1, bytes_of("x", 1), &failure),
                     STATUS_OK);
    assert_int_equal(send_again(first), SHOP__V1__DURABILITY__DURABILITY_PERSISTED);
    fake_book.on_read = age_records;
    assert_int_equal(send_again(first), SHOP__V1__DURABILITY__DURABILITY_RESERVED);
    order_call_drop(first);
}

static void lose_everything(void)
{
    lose_records();
    fake_book.epoch = 0;
}

/* Refused for what the product is now, it may have been accepted before, and Redis has just lost
 * that: then nothing is said of it. */
static void test_a_refusal_does_not_follow_from_what_is_lost_meanwhile(void **state)
{
    (void)state;
    struct order_call *order = order_call_new(fixture_request_id(0), "none", 1);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND");
    order_call_drop(order);
    order = order_call_new(fixture_request_id(0), "none", 1);
    fake_book.on_read = lose_everything;
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_UNAVAILABLE, "STOCK_FENCED");
    order_call_drop(order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_order_is_decided_published_confirmed_and_answered),
        TEST(test_S1_what_was_not_reserved_is_not_published),
        TEST(test_a_repetition_of_what_is_lost_meanwhile_is_reserved),
        TEST(test_a_record_of_an_earlier_epoch_does_not_make_it_persisted),
        TEST(test_a_refusal_does_not_follow_from_what_is_lost_meanwhile),
        TEST(test_a_batch_travels_as_one_message),
        TEST(test_the_last_units_go_to_the_first_of_a_batch),
        TEST(test_S4_without_a_confirm_the_answer_is_reserved_and_nothing_is_taken_back),
        TEST(test_S4_a_confirm_after_T_pub_does_not_count_but_is_told_to_redis),
        TEST(test_S4_the_time_of_the_decision_counts_too),
        TEST(test_a_confirm_redis_does_not_hear_of_is_a_confirm),
        TEST(test_messages_are_confirmed_one_by_one),
        TEST(test_the_wait_ends_before_the_callers_deadline),
        TEST(test_one_caller_in_a_hurry_does_not_take_the_confirm_from_the_others),
        TEST(test_no_wait_is_longer_than_T_pub_and_a_slow_broker_gets_less),
        TEST(test_a_lane_without_rabbitmq_connects_between_batches),
        TEST(test_redis_gets_no_longer_than_its_timeout_or_the_last_deadline),
        TEST(test_S5_an_unknown_outcome_is_said_and_left_alone),
        TEST(test_redis_away_means_not_done),
        TEST(test_a_full_outbox_is_overload),
        TEST(test_the_fence_closes_the_gate_for_everybody),
        TEST(test_a_late_fence_does_not_close_a_newer_epoch),
        TEST(test_stock_that_is_not_loaded_yet_is_said),
        TEST(test_bad_ones_do_not_spoil_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
