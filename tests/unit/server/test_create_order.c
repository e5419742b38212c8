/* What an order needs on its way: prices, currency, total, takes, event. */
#include "shop/order_codec.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

static struct order_call *new_order(const char *product_id, int32_t quantity)
{
    return order_call_new(fixture_request_id(0), product_id, quantity);
}

static void test_lines_stay_as_given_and_stock_is_tested_on_their_sum(void **state)
{
    (void)state;
    struct order_call *order = new_order("tea", 6);
    order_call_add(order, "pot", 1);
    order_call_add(order, "tea", 4);
    order_call_send(order);
    const Shop__V1__Order *reply = order_call_reply(order);
    assert_int_equal(reply->n_lines, 3);
    assert_int_equal(reply->lines[2]->quantity, 4);
    assert_int_equal(fake_book_available("tea"), 0);
    order_call_drop(order);

    fake_book_set_stock("tea", 10);
    order = new_order("tea", 6);
    order_call_add(order, "tea", 5);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK");
    order_call_drop(order);
}

static void test_a_price_is_for_the_local_socket_only(void **state)
{
    (void)state;
    struct order_call *order = new_order("tea", 1);
    order_call_add_priced(order, "pot", 2, 1);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_PERMISSION_DENIED, "PRICE_NOT_ALLOWED");
    assert_int_equal(fake_book.decide_calls, 0);
    order_call_drop(order);

    order = new_order("tea", 1);
    order_call_add_priced(order, "pot", 2, 1);
    order_call_add_priced(order, "tea", 1, 0);
    order->call.local = true;
    order_call_send(order);
    const Shop__V1__Order *reply = order_call_reply(order);
    assert_int_equal(reply->total_minor, 102);
    assert_int_equal(reply->lines[1]->unit_price_minor, 1);
    assert_int_equal(reply->lines[2]->unit_price_minor, 0);
    order_call_drop(order);
}

static void test_a_priced_line_still_needs_its_product(void **state)
{
    (void)state;
    struct order_call *order = new_order("tea", 1);
    order_call_add_priced(order, "none", 2, 1);
    order->call.local = true;
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND");
    assert_string_equal(order->call.failure.field, "lines[1].product_id");
    assert_string_equal(fake_call_metadata(&order->call, "product_id"), "none");
    order_call_drop(order);
}

static void test_one_order_one_currency(void **state)
{
    (void)state;
    struct order_call *order = new_order("tea", 1);
    order_call_add(order, "yen", 1);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_FAILED_PRECONDITION, "CURRENCY_MISMATCH");
    assert_string_equal(fake_call_metadata(&order->call, "product_id"), "yen");
    order_call_drop(order);
}

static void test_a_total_beyond_64_bits_is_refused(void **state)
{
    (void)state;
    struct order_call *order = new_order("tea", 1);
    for (int i = 0; i < 10; i++) {
        order_call_add_priced(order, "tea", SHOP_QUANTITY_MAX, SHOP_PRICE_MINOR_MAX);
    }
    order->call.local = true;
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_INVALID_ARGUMENT, "TOTAL_OUT_OF_RANGE");
    assert_int_equal(fake_book.decide_calls, 0);
    order_call_drop(order);
}

static void test_prices_of_a_batch_are_one_question(void **state)
{
    (void)state;
    struct order_call *orders[] = {new_order("tea", 1), new_order("pot", 1), new_order("tea", 1)};
    order_calls_send(orders, 3);
    assert_int_equal(fake_cache.get_calls, 1);
    assert_int_equal(fake_postgres.catalogue_calls, 1);
    assert_int_equal(fake_postgres.asked_ids, 2);
    for (size_t i = 0; i < 3; i++) {
        (void)order_call_reply(orders[i]);
        order_call_drop(orders[i]);
    }
}

static void test_postgres_away_cached_products_sell_on(void **state)
{
    (void)state;
    struct order_call *warm = new_order("tea", 1);
    order_call_send(warm);
    fake_postgres.status = STATUS_UNAVAILABLE;
    struct order_call *orders[] = {new_order("tea", 1), new_order("pot", 1)};
    order_calls_send(orders, 2);
    (void)order_call_reply(orders[0]);
    fake_call_expect_failure(&orders[1]->call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    order_call_drop(warm);
    order_call_drop(orders[0]);
    order_call_drop(orders[1]);
}

static void test_the_event_carries_the_order(void **state)
{
    (void)state;
    struct order_call *order = new_order("tea", 2);
    Google__Protobuf__Timestamp placed = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    placed.seconds = 1000000000;
    order->request.placed_time = &placed;
    order->request.order_ref = (char *)(uintptr_t)"A-17";
    order_call_send(order);
    const Shop__V1__Order *reply = order_call_reply(order);

    struct arena arena;
    struct event *event;
    struct failure failure;
    char id[UUID_TEXT_BYTES];
    arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(event_codec_decode(fake_book.outbox[0].event, &arena, &event, &failure),
                     STATUS_OK);
    uuid_print(&event->order.order_id, id);
    assert_string_equal(id, reply->order_id);
    assert_int_equal(event->epoch, 1);
    assert_string_equal(event->actor, "anonymous");
    assert_string_equal(event->call_id, "call-1");
    assert_int_equal(event->order.total_minor, 200);
    assert_int_equal(event->order.placed_time_us, INT64_C(1000000000000000));
    assert_int_equal(event->order.create_time_us, fixture.clock.unix_us);
    assert_string_equal(event->order.order_ref, "A-17");
    assert_memory_equal(event->request_hash, fake_book.records[0].record.request_hash, 16);
    assert_memory_equal(&event->event_id, &fake_book.records[0].record.event_id, 16);
    arena_fini(&arena);
    order_call_drop(order);
}

/* validate_only: the same answers, and nothing has happened. */
static void test_a_trial_says_what_it_would_answer_and_does_nothing(void **state)
{
    (void)state;
    struct order_call *good = new_order("tea", 10);
    struct order_call *much = order_call_new(fixture_request_id(1), "tea", 11);
    struct order_call *unknown = order_call_new(fixture_request_id(2), "gone", 1);
    struct order_call *all[] = {good, much, unknown};
    for (size_t i = 0; i < 3; i++) {
        all[i]->request.validate_only = true;
    }
    order_calls_send(all, 3);
    const Shop__V1__Order *order = order_call_reply(good);
    assert_int_equal(order->total_minor, 1000);
    assert_int_equal(order->state, SHOP__V1__ORDER__STATE__STATE_PENDING);
    assert_int_equal(order->durability, SHOP__V1__DURABILITY__DURABILITY_UNSPECIFIED);
    fake_call_expect_failure(&much->call, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK");
    assert_string_equal(fake_call_metadata(&much->call, "available"), "10");
    fake_call_expect_failure(&unknown->call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND");
    assert_int_equal(fake_book.record_count, 0);
    assert_int_equal(fake_book.outbox_count, 0);
    assert_int_equal(fake_book.hold_count, 0);
    assert_int_equal(fake_book_available("tea"), 10);
    assert_int_equal(fake_publisher.calls, 0);
    for (size_t i = 0; i < 3; i++) {
        order_call_drop(all[i]);
    }
}

/* A trial under the id of an order that is there would get that order, and so it does. */
static void test_a_trial_of_a_request_that_was_made(void **state)
{
    (void)state;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    struct order_call *trial = order_call_new(order->request_id, "tea", 2);
    struct order_call *other = order_call_new(order->request_id, "tea", 3);
    trial->request.validate_only = other->request.validate_only = true;
    order_call_send(trial);
    order_call_send(other);
    assert_string_equal(order_call_reply(trial)->order_id, order_call_reply(order)->order_id);
    fake_call_expect_failure(&other->call, STATUS_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
    assert_int_equal(fake_book_available("tea"), 8);
    order_call_drop(order);
    order_call_drop(trial);
    order_call_drop(other);
}

static void test_only_queued_and_persisted_can_be_waited_for(void **state)
{
    (void)state;
    static const struct {
        int wait_for;
        bool good;
    } cases[] = {{0, true}, {1, false}, {2, true}, {3, true}, {4, false}, {-1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct order_call *order = new_order("tea", 1);
        order->request.wait_for = (Shop__V1__Durability)cases[i].wait_for;
        order_call_send(order);
        if (cases[i].good) { /* no waiter in this lane: answered with what was reached */
            assert_int_equal(order_call_reply(order)->durability,
                             SHOP__V1__DURABILITY__DURABILITY_QUEUED);
        } else {
            fake_call_expect_failure(&order->call, STATUS_INVALID_ARGUMENT, "BAD_WAIT");
        }
        order_call_drop(order);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lines_stay_as_given_and_stock_is_tested_on_their_sum),
        TEST(test_a_price_is_for_the_local_socket_only),
        TEST(test_a_priced_line_still_needs_its_product),
        TEST(test_one_order_one_currency),
        TEST(test_a_total_beyond_64_bits_is_refused),
        TEST(test_prices_of_a_batch_are_one_question),
        TEST(test_postgres_away_cached_products_sell_on),
        TEST(test_the_event_carries_the_order),
        TEST(test_a_trial_says_what_it_would_answer_and_does_nothing),
        TEST(test_a_trial_of_a_request_that_was_made),
        TEST(test_only_queued_and_persisted_can_be_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
