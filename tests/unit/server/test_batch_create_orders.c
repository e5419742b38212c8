/* One call with many orders: each for itself, none twice, in one batch with the calls beside it. */
#include <stdio.h>
#include <stdlib.h>

#include "server/accept_commands.h"
#include "server/batch_create_orders.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

#define DEADLINE_MS 5000

/* Its orders are the requests of order_calls that are not sent by themselves. */
struct batch_call {
    struct rpc_call call;
    Shop__V1__BatchCreateOrdersRequest request;
    Shop__V1__CreateOrderRequest *requests[SHOP_BATCH_CREATE_MAX + 1];
    struct order_call *orders[SHOP_BATCH_CREATE_MAX + 1];
};

static struct batch_call batch;

static void begin_batch(void)
{
    shop__v1__batch_create_orders_request__init(&batch.request);
    batch.request.orders = batch.requests;
    fake_call_init(&batch.call, &batch.request.base, &batch_create_orders_kind,
                   clock_monotonic_ms(&fixture.clock.clock) + DEADLINE_MS);
}

static void add_order(struct order_call *order)
{
    size_t at = batch.request.n_orders++;
    assert_true(at <= SHOP_BATCH_CREATE_MAX);
    batch.orders[at] = order;
    batch.requests[at] = &order->request;
}

static void add(const char *request_id, const char *product_id, int32_t quantity)
{
    add_order(order_call_new(request_id, product_id, quantity));
}

static void send_batch(void)
{
    struct rpc_call *call = &batch.call;
    accept_commands(fixture.lane, &call, 1);
}

static void end_batch(void)
{
    for (size_t i = 0; i < batch.request.n_orders; i++) {
        order_call_drop(batch.orders[i]);
    }
    fake_call_fini(&batch.call);
}

static const Shop__V1__CreateOrderResult *result(size_t index)
{
    const Shop__V1__BatchCreateOrdersResponse *response = fake_call_expect_reply(&batch.call);
    assert_int_equal(response->n_results, batch.request.n_orders);
    return response->results[index];
}

static const Shop__V1__Order *order_of(size_t index)
{
    const Shop__V1__CreateOrderResult *one = result(index);
    assert_int_equal(one->outcome_case, SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_ORDER);
    return one->order;
}

static const Shop__V1__OrderFailure *expect_failure(size_t index, enum status code,
                                                    const char *reason)
{
    const Shop__V1__CreateOrderResult *one = result(index);
    assert_int_equal(one->outcome_case, SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_FAILURE);
    assert_string_equal(one->failure->reason, reason);
    assert_int_equal(one->failure->code, code);
    return one->failure;
}

static void test_each_order_has_its_own_result(void **state)
{
    (void)state;
    begin_batch();
    add("o-1", "tea", 2);
    add("o-2", "tea", 9); /* 8 are left */
    add("o-3", "none", 1);
    add("o-4", "tea", 0);
    add("o-5", "pot", 3);
    order_call_add(batch.orders[3], "tea", -1);
    send_batch();
    assert_int_equal(order_of(0)->durability, SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    assert_int_equal(order_of(4)->total_minor, 7500);
    const Shop__V1__OrderFailure *failure =
        expect_failure(1, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK");
    assert_int_equal(failure->n_details, 2);
    assert_string_equal(failure->details[0]->key, "product_id");
    assert_string_equal(failure->details[0]->value, "tea");
    assert_string_equal(failure->details[1]->value, "8");
    assert_null(failure->retry_delay);
    failure = expect_failure(2, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND");
    assert_string_equal(failure->field, "lines[0].product_id");
    (void)expect_failure(3, STATUS_INVALID_ARGUMENT, "BAD_QUANTITY");
    assert_int_equal(fake_book_available("tea"), 8);
    assert_int_equal(fake_book_available("pot"), 7);
    assert_int_equal(fake_book.decide_calls, 1);
    assert_int_equal(fake_publisher.message_count, 1);
    assert_int_equal(fake_publisher.messages[0].events, 2);
    assert_int_equal(fake_postgres.catalogue_calls, 1);
    end_batch();
}

static void test_a_request_id_counts_once_in_a_batch(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        begin_batch();
        add("twice", "tea", 1);
        add("other", "tea", 1);
        add("twice", "tea", 1);
        add("twice", "pot", 5); /* nor with another body */
        send_batch();
        const Shop__V1__OrderFailure *failure =
            expect_failure(2, STATUS_INVALID_ARGUMENT, "REQUEST_ID_TWICE");
        assert_string_equal(failure->field, "request_id");
        (void)expect_failure(3, STATUS_INVALID_ARGUMENT, "REQUEST_ID_TWICE");
        (void)order_of(0);
        (void)order_of(1);
        assert_int_equal(fake_book_available("tea"), 8);
        assert_int_equal(fake_book_available("pot"), 10);
        end_batch();
    }
}

/* The first one counts although it is refused: what it is must not depend on what becomes of it. */
static void test_the_first_of_two_counts_even_when_it_is_wrong(void **state)
{
    (void)state;
    begin_batch();
    add("same", "none", 1);
    add("same", "tea", 1);
    add("", "tea", 1);
    add("", "tea", 1);
    send_batch();
    (void)expect_failure(0, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND");
    (void)expect_failure(1, STATUS_INVALID_ARGUMENT, "REQUEST_ID_TWICE");
    (void)expect_failure(2, STATUS_INVALID_ARGUMENT, "BAD_ID");
    (void)expect_failure(3, STATUS_INVALID_ARGUMENT, "BAD_ID");
    assert_int_equal(fake_book_available("tea"), 10);
    end_batch();
}

static void test_repeated_it_gives_the_same_orders(void **state)
{
    (void)state;
    char first[2][40];
    for (int round = 0; round < 2; round++) {
        begin_batch();
        add("r-1", "tea", 1);
        add("r-2", "tea", 20);
        add("r-3", "pot", 1);
        send_batch();
        for (size_t i = 0; i < 2; i++) {
            const char *id = order_of(2 * i)->order_id;
            if (round == 0) {
                (void)snprintf(first[i], sizeof first[i], "%s", id);
            }
            assert_string_equal(id, first[i]);
        }
        (void)expect_failure(1, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK");
        end_batch();
        fake_book_set_stock("tea", 30 - round);
    }
    assert_int_equal(fake_book.outbox_count, 2);
}

static void test_it_meets_single_calls_for_the_same_requests(void **state)
{
    (void)state;
    struct order_call *same = order_call_new("m-1", "tea", 1);
    struct order_call *reused = order_call_new("m-2", "tea", 2);
    struct order_call *own = order_call_new("m-4", "tea", 1);
    begin_batch();
    add("m-1", "tea", 1);
    add("m-2", "tea", 1);
    add("m-3", "tea", 1);
    struct rpc_call *calls[] = {&same->call, &batch.call, &reused->call, &own->call};
    accept_commands(fixture.lane, calls, 4);
    assert_string_equal(order_call_reply(same)->order_id, order_of(0)->order_id);
    fake_call_expect_failure(&reused->call, STATUS_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
    (void)order_call_reply(own);
    (void)order_of(1);
    (void)order_of(2);
    assert_int_equal(fake_book_available("tea"), 6); /* m-1 to m-4, one each */
    assert_int_equal(fake_book.decide_calls, 1);
    end_batch();
    order_call_drop(same);
    order_call_drop(reused);
    order_call_drop(own);
}

static void fill(size_t orders)
{
    begin_batch();
    for (size_t i = 0; i < orders; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "n-%zu", i);
        add(id, "tea", 1);
    }
}

static void test_one_to_a_thousand_orders(void **state)
{
    (void)state;
    fake_book_set_stock("tea", 2000);
    static const size_t wrong[] = {0, SHOP_BATCH_CREATE_MAX + 1};
    for (size_t i = 0; i < 2; i++) {
        struct order_call *beside = order_call_new(fixture_request_id(0), "pot", 1);
        fill(wrong[i]);
        struct rpc_call *calls[] = {&batch.call, &beside->call};
        accept_commands(fixture.lane, calls, 2);
        fake_call_expect_failure(&batch.call, STATUS_INVALID_ARGUMENT, "BAD_BATCH_SIZE");
        (void)order_call_reply(beside);
        order_call_drop(beside);
        end_batch();
    }
    assert_int_equal(fake_book_available("tea"), 2000);
    fill(SHOP_BATCH_CREATE_MAX);
    send_batch();
    for (size_t i = 0; i < SHOP_BATCH_CREATE_MAX; i++) {
        (void)order_of(i);
    }
    assert_int_equal(fake_book_available("tea"), 1000);
    end_batch();
}

static void test_a_batch_alone_that_is_wrong_asks_nobody(void **state)
{
    (void)state;
    begin_batch();
    send_batch();
    fake_call_expect_failure(&batch.call, STATUS_INVALID_ARGUMENT, "BAD_BATCH_SIZE");
    assert_int_equal(fake_book.decide_calls + fake_book.read_calls, 0);
    end_batch();
}

static void test_a_fence_and_an_unknown_outcome_are_told_for_each(void **state)
{
    (void)state;
    begin_batch();
    add(fixture_request_id(0), "tea", 1);
    add(fixture_request_id(1), "tea", 1);
    fake_book.decide = STATUS_UNKNOWN;
    send_batch();
    const Shop__V1__OrderFailure *failure = expect_failure(0, STATUS_UNKNOWN, "OUTCOME_UNKNOWN");
    assert_int_equal(failure->retry_delay->nanos, 500000000);
    (void)expect_failure(1, STATUS_UNKNOWN, "OUTCOME_UNKNOWN");
    end_batch();

    fake_book.decide = STATUS_OK;
    fake_book.epoch = 2; /* loaded anew by another server */
    begin_batch();
    add(fixture_request_id(2), "tea", 1);
    send_batch();
    (void)expect_failure(0, STATUS_UNAVAILABLE, "STOCK_FENCED");
    end_batch();
}

static void test_a_price_is_for_the_local_socket_only(void **state)
{
    (void)state;
    begin_batch();
    add("p-1", "tea", 1);
    add("p-2", "tea", 0);
    order_call_add_priced(batch.orders[1], "tea", 1, 5);
    send_batch();
    (void)order_of(0);
    (void)expect_failure(1, STATUS_PERMISSION_DENIED, "PRICE_NOT_ALLOWED");
    end_batch();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_each_order_has_its_own_result),
        TEST(test_a_request_id_counts_once_in_a_batch),
        TEST(test_the_first_of_two_counts_even_when_it_is_wrong),
        TEST(test_repeated_it_gives_the_same_orders),
        TEST(test_it_meets_single_calls_for_the_same_requests),
        TEST(test_one_to_a_thousand_orders),
        TEST(test_a_batch_alone_that_is_wrong_asks_nobody),
        TEST(test_a_fence_and_an_unknown_outcome_are_told_for_each),
        TEST(test_a_price_is_for_the_local_socket_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
