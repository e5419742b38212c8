/* S3: the same request_id gives the same answer, whoever has forgotten what. */
#include "server/accept_commands.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

#define FOREIGN_ID "invoice-4711"

/* What a worker does with the order that was just accepted: PostgreSQL has it, Redis forgets it. */
static void persist(const struct order_call *order)
{
    const Shop__V1__Order *reply = order_call_reply(order);
    static struct order_line line;
    struct stored_order *stored = &fake_postgres.orders[fake_postgres.order_count++];
    line = (struct order_line){.product_id = "tea", .quantity = reply->lines[0]->quantity};
    stored->order = (struct order){
        .customer_id = "c-1",
        .state = ORDER_CONFIRMED,
        .lines = &line,
        .line_count = 1,
        .currency = "EUR",
        .total_minor = reply->total_minor,
        .order_ref = "",
        .durability = DURABILITY_PERSISTED,
        .version = 1,
    };
    assert_true(uuid_parse(reply->order_id, &stored->order.order_id));
    memcpy(stored->request_hash, fake_book_record(&stored->order.order_id)->record.request_hash,
           sizeof stored->request_hash);
}

static void lose_redis(void)
{
    fake_book_reset();
    fake_book_set_stock("tea", 8);
    fixture_reopen(2);
}

static void test_twice_is_one_order(void **state)
{
    (void)state;
    struct order_call *first = order_call_new(fixture_request_id(0), "tea", 2);
    struct order_call *second = order_call_new(first->request_id, "tea", 2);
    order_call_send(first);
    order_call_send(second);
    const Shop__V1__Order *a = order_call_reply(first), *b = order_call_reply(second);
    assert_string_equal(a->order_id, b->order_id);
    assert_int_equal(b->durability, SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    assert_int_equal(b->total_minor, a->total_minor);
    assert_int_equal(fake_book_available("tea"), 8);
    assert_int_equal(fake_publisher_events(), 1);
    order_call_drop(first);
    order_call_drop(second);
}

static void test_a_repeated_order_tells_how_far_it_is_now(void **state)
{
    (void)state;
    fake_publisher.confirm_first = 0;
    struct order_call *first = order_call_new(fixture_request_id(0), "tea", 2);
    struct order_call *second = order_call_new(first->request_id, "tea", 2);
    struct order_call *third = order_call_new(first->request_id, "tea", 2);
    order_call_send(first);
    order_call_send(second);
    assert_int_equal(order_call_reply(second)->durability,
                     SHOP__V1__DURABILITY__DURABILITY_RESERVED);
    struct failure failure;
    struct book_settled settled = {.event_id = fake_book.outbox[0].event_id};
    assert_int_equal(book_settle(fixture.lane->book, &settled, 1, (struct bytes){0}, &failure),
                     STATUS_OK);
    order_call_send(third);
    assert_int_equal(order_call_reply(third)->durability,
                     SHOP__V1__DURABILITY__DURABILITY_PERSISTED);
    order_call_drop(first);
    order_call_drop(second);
    order_call_drop(third);
}

static void test_twice_in_one_batch_is_one_order(void **state)
{
    (void)state;
    struct order_call *orders[3];
    const char *id = fixture_request_id(0);
    for (size_t i = 0; i < 3; i++) {
        orders[i] = order_call_new(id, "tea", i < 2 ? 2 : 3);
    }
    order_calls_send(orders, 3);
    assert_string_equal(order_call_reply(orders[0])->order_id,
                        order_call_reply(orders[1])->order_id);
    assert_int_equal(order_call_reply(orders[1])->durability,
                     SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    fake_call_expect_failure(&orders[2]->call, STATUS_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
    assert_int_equal(fake_book_available("tea"), 8);
    assert_int_equal(fake_publisher_events(), 1);
    for (size_t i = 0; i < 3; i++) {
        order_call_drop(orders[i]);
    }
}

static void test_a_refusal_is_remembered_like_a_success(void **state)
{
    (void)state;
    struct order_call *first = order_call_new(fixture_request_id(0), "tea", 11);
    struct order_call *second = order_call_new(first->request_id, "tea", 11);
    order_call_send(first);
    fake_book_set_stock("tea", 1000);
    order_call_send(second);
    fake_call_expect_failure(&second->call, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK");
    assert_string_equal(fake_call_metadata(&second->call, "product_id"), "tea");
    assert_string_equal(fake_call_metadata(&second->call, "available"), "10");
    assert_string_equal(first->call.failure.message, second->call.failure.message);
    order_call_drop(first);
    order_call_drop(second);
}

static void test_another_body_under_the_same_id_is_refused(void **state)
{
    (void)state;
    struct order_call *first = order_call_new(fixture_request_id(0), "tea", 2);
    struct order_call *second = order_call_new(first->request_id, "tea", 3);
    order_call_send(first);
    order_call_send(second);
    fake_call_expect_failure(&second->call, STATUS_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
    assert_string_equal(second->call.failure.field, "request_id");
    order_call_drop(first);
    order_call_drop(second);
}

static void test_a_fresh_request_does_not_ask_postgres(void **state)
{
    (void)state;
    struct order_call *order = order_call_new(fixture_request_id(-60000), "tea", 2);
    order_call_send(order);
    (void)order_call_reply(order);
    assert_int_equal(fake_postgres.order_calls, 0);
    assert_int_equal(fake_book.read_calls, 0);
    order_call_drop(order);
}

static void test_a_foreign_request_asks_redis_then_postgres_once_a_batch(void **state)
{
    (void)state;
    struct order_call *orders[] = {
        order_call_new("invoice-1", "tea", 1), order_call_new("invoice-2", "tea", 1),
        order_call_new(fixture_request_id(-1000000), "tea", 1), /* older than records are kept */
        order_call_new(fixture_request_id(1000000), "tea", 1),  /* of a clock that is far ahead */
    };
    order_calls_send(orders, 4);
    for (size_t i = 0; i < 4; i++) {
        (void)order_call_reply(orders[i]);
        order_call_drop(orders[i]);
    }
    assert_int_equal(fake_book.read_calls, 1);
    assert_int_equal(fake_postgres.order_calls, 1);
}

static void test_what_postgres_has_is_the_answer(void **state)
{
    (void)state;
    struct order_call *first = order_call_new(FOREIGN_ID, "tea", 2);
    struct order_call *second = order_call_new(FOREIGN_ID, "tea", 2);
    struct order_call *other = order_call_new(FOREIGN_ID, "tea", 3);
    order_call_send(first);
    persist(first);
    lose_redis();
    order_call_send(second);
    const Shop__V1__Order *reply = order_call_reply(second);
    assert_string_equal(reply->order_id, order_call_reply(first)->order_id);
    assert_int_equal(reply->durability, SHOP__V1__DURABILITY__DURABILITY_PERSISTED);
    assert_int_equal(fake_book_available("tea"), 8);
    order_call_send(other);
    fake_call_expect_failure(&other->call, STATUS_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
    order_call_drop(first);
    order_call_drop(second);
    order_call_drop(other);
}

static void test_after_a_loading_even_fresh_ones_ask_postgres(void **state)
{
    (void)state;
    struct order_call *first = order_call_new(fixture_request_id(0), "tea", 2);
    struct order_call *second = order_call_new(first->request_id, "tea", 2);
    order_call_send(first);
    persist(first);
    lose_redis();
    order_call_send(second);
    assert_string_equal(order_call_reply(second)->order_id, order_call_reply(first)->order_id);
    assert_int_equal(fake_book_available("tea"), 8);
    order_call_drop(first);
    order_call_drop(second);
}

static void test_a_while_after_a_loading_new_ones_do_not(void **state)
{
    (void)state;
    lose_redis();
    fake_clock_pass_ms(&fixture.clock, SHOP_FUTURE_MS_MAX + 1000);
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    (void)order_call_reply(order);
    assert_int_equal(fake_postgres.order_calls, 0);
    order_call_drop(order);
}

static void test_postgres_away_a_foreign_request_is_not_done(void **state)
{
    (void)state;
    struct order_call *cached = order_call_new(fixture_request_id(0), "tea", 1);
    order_call_send(cached); /* the product is in the cache from here on */
    fake_postgres.status = STATUS_UNAVAILABLE;
    struct order_call *order = order_call_new(FOREIGN_ID, "tea", 2);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    assert_string_equal(fake_call_metadata(&order->call, "store"), "postgres");
    assert_int_equal(fake_book_available("tea"), 9);
    order_call_drop(cached);
    order_call_drop(order);
}

static void test_postgres_away_a_foreign_request_that_redis_knows_is_answered(void **state)
{
    (void)state;
    struct order_call *first = order_call_new(FOREIGN_ID, "tea", 2);
    struct order_call *second = order_call_new(FOREIGN_ID, "tea", 2);
    order_call_send(first);
    fake_postgres.status = STATUS_UNAVAILABLE;
    order_call_send(second);
    assert_string_equal(order_call_reply(second)->order_id, order_call_reply(first)->order_id);
    order_call_drop(first);
    order_call_drop(second);
}

static void test_redis_away_a_foreign_request_is_not_done(void **state)
{
    (void)state;
    fake_book.read = STATUS_UNKNOWN;
    struct order_call *order = order_call_new(FOREIGN_ID, "tea", 2);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    assert_int_equal(fake_book.decide_calls, 0);
    order_call_drop(order);
}

/* The product is gone from the catalogue, or the catalogue away: the order was accepted all the
 * same. */
static void test_what_cannot_be_priced_any_more_was_accepted_then(void **state)
{
    (void)state;
    struct order_call *first = order_call_new(fixture_request_id(0), "tea", 2);
    struct order_call *second = order_call_new(first->request_id, "tea", 2);
    struct order_call *third = order_call_new(first->request_id, "tea", 2);
    struct order_call *unknown = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(first);
    memset(&fake_cache, 0, sizeof fake_cache);
    fake_postgres.product_count = 0;
    order_call_send(second);
    assert_string_equal(order_call_reply(second)->order_id, order_call_reply(first)->order_id);
    memset(&fake_cache, 0, sizeof fake_cache);
    fake_postgres.status = STATUS_UNAVAILABLE;
    order_call_send(third);
    assert_string_equal(order_call_reply(third)->order_id, order_call_reply(first)->order_id);
    order_call_send(unknown);
    fake_call_expect_failure(&unknown->call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    order_call_drop(first);
    order_call_drop(second);
    order_call_drop(third);
    order_call_drop(unknown);
}

static void test_what_cannot_be_done_and_was_never_done_stays_refused(void **state)
{
    (void)state;
    struct order_call *order = order_call_new(FOREIGN_ID, "none", 2);
    order_call_send(order);
    fake_call_expect_failure(&order->call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND");
    assert_int_equal(fake_postgres.order_calls, 1);
    assert_int_equal(fake_book.record_count, 0);
    order_call_drop(order);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_twice_is_one_order),
        TEST(test_a_repeated_order_tells_how_far_it_is_now),
        TEST(test_twice_in_one_batch_is_one_order),
        TEST(test_a_refusal_is_remembered_like_a_success),
        TEST(test_another_body_under_the_same_id_is_refused),
        TEST(test_a_fresh_request_does_not_ask_postgres),
        TEST(test_a_foreign_request_asks_redis_then_postgres_once_a_batch),
        TEST(test_what_postgres_has_is_the_answer),
        TEST(test_after_a_loading_even_fresh_ones_ask_postgres),
        TEST(test_a_while_after_a_loading_new_ones_do_not),
        TEST(test_postgres_away_a_foreign_request_is_not_done),
        TEST(test_postgres_away_a_foreign_request_that_redis_knows_is_answered),
        TEST(test_redis_away_a_foreign_request_is_not_done),
        TEST(test_what_cannot_be_priced_any_more_was_accepted_then),
        TEST(test_what_cannot_be_done_and_was_never_done_stays_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
