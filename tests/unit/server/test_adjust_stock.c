/* Stock changed by hand, up and down. */
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

static void send(struct adjust_call *adjust, const char *request_id, const char *product_id,
                 int64_t delta)
{
    adjust_call_init(adjust, request_id, product_id, delta);
    adjust_call_send(adjust);
}

static void test_downwards_the_units_leave_with_the_decision(void **state)
{
    (void)state;
    struct adjust_call adjust = {0};
    send(&adjust, fixture_request_id(0), "tea", -4);
    const Shop__V1__AdjustStockResponse *reply = adjust_call_reply(&adjust);
    assert_string_equal(reply->product_id, "tea");
    assert_int_equal(reply->delta, -4);
    assert_int_equal(reply->durability, SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    assert_int_equal(fake_book_available("tea"), 6);
    assert_string_equal(fake_publisher.messages[0].routing_key, "stock.adjusted");
    adjust_call_fini(&adjust);
}

static void test_upwards_nothing_is_taken(void **state)
{
    (void)state;
    struct adjust_call adjust = {0};
    send(&adjust, fixture_request_id(0), "tea", 4);
    assert_int_equal(adjust_call_reply(&adjust)->durability,
                     SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    assert_int_equal(fake_book_available("tea"), 10);
    assert_int_equal(fake_publisher_events(), 1);
    adjust_call_fini(&adjust);
}

static void test_what_is_promised_cannot_be_adjusted_away(void **state)
{
    (void)state;
    struct adjust_call adjust = {0};
    send(&adjust, fixture_request_id(0), "tea", -11);
    fake_call_expect_failure(&adjust.call, STATUS_FAILED_PRECONDITION, "WOULD_OVERSELL");
    assert_string_equal(fake_call_metadata(&adjust.call, "available"), "10");
    assert_int_equal(fake_publisher.calls, 0);
    adjust_call_fini(&adjust);
}

static void test_unknown_products_and_bad_deltas_are_refused(void **state)
{
    (void)state;
    struct adjust_call adjust = {0};
    send(&adjust, fixture_request_id(0), "none", 4);
    fake_call_expect_failure(&adjust.call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND");
    adjust_call_fini(&adjust);
    static const int64_t deltas[] = {0, SHOP_STOCK_MAX + 1, -SHOP_STOCK_MAX - 1, INT64_MIN};
    for (size_t i = 0; i < 4; i++) {
        send(&adjust, fixture_request_id(0), "tea", deltas[i]);
        fake_call_expect_failure(&adjust.call, STATUS_INVALID_ARGUMENT, "BAD_QUANTITY");
        adjust_call_fini(&adjust);
    }
    assert_int_equal(fake_book.decide_calls, 0);
}

static void test_twice_is_once(void **state)
{
    (void)state;
    struct adjust_call first = {0}, second = {0}, other = {0};
    send(&first, fixture_request_id(0), "tea", -4);
    send(&second, first.request_id, "tea", -4);
    send(&other, first.request_id, "tea", -5);
    assert_string_equal(adjust_call_reply(&second)->adjustment_id,
                        adjust_call_reply(&first)->adjustment_id);
    assert_int_equal(fake_book_available("tea"), 6);
    fake_call_expect_failure(&other.call, STATUS_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
    adjust_call_fini(&first);
    adjust_call_fini(&second);
    adjust_call_fini(&other);
}

static void test_what_the_ledger_has_is_the_answer(void **state)
{
    (void)state;
    struct adjust_call first = {0}, other = {0};
    fake_postgres.adjustments[fake_postgres.adjustment_count++] = (struct stock_adjustment){
        .request_id = "",
        .adjustment_id = identity_of_request(IDENTITY_ADJUSTMENT, "delivery-1"),
        .product_id = "tea",
        .delta = 4,
        .reason = "count",
        .reference = "",
    };
    send(&first, "delivery-1", "tea", 4);
    assert_int_equal(adjust_call_reply(&first)->durability,
                     SHOP__V1__DURABILITY__DURABILITY_PERSISTED);
    send(&other, "delivery-1", "pot", 4);
    fake_call_expect_failure(&other.call, STATUS_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
    assert_int_equal(fake_book.decide_calls, 0);
    adjust_call_fini(&first);
    adjust_call_fini(&other);
}

static void test_postgres_away_a_foreign_request_is_not_done(void **state)
{
    (void)state;
    struct adjust_call warm = {0}, adjust = {0};
    send(&warm, fixture_request_id(0), "tea", 1);
    fake_postgres.status = STATUS_UNAVAILABLE;
    send(&adjust, "delivery-1", "tea", 4);
    fake_call_expect_failure(&adjust.call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    assert_int_equal(fake_publisher_events(), 1);
    adjust_call_fini(&warm);
    adjust_call_fini(&adjust);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_downwards_the_units_leave_with_the_decision),
        TEST(test_upwards_nothing_is_taken),
        TEST(test_what_is_promised_cannot_be_adjusted_away),
        TEST(test_unknown_products_and_bad_deltas_are_refused),
        TEST(test_twice_is_once),
        TEST(test_what_the_ledger_has_is_the_answer),
        TEST(test_postgres_away_a_foreign_request_is_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
