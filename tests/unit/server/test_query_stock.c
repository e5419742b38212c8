/* GetStock and ListStock: available by Redis, the rest by PostgreSQL. */
#include <stdio.h>

#include "server/query_stock.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

static void get(struct rpc_call *call, Shop__V1__GetStockRequest *request, const char *product_id)
{
    shop__v1__get_stock_request__init(request);
    request->product_id = (char *)(uintptr_t)product_id;
    fake_call_init(call, &request->base, NULL, INT64_MAX);
    get_stock(fixture.lane, &call, 1);
}

static void test_available_is_redis_the_rest_postgres(void **state)
{
    (void)state;
    struct rpc_call call;
    Shop__V1__GetStockRequest request;
    fake_book_set_stock("tea", 7);
    fake_postgres.stock[1].reserved = 60;
    get(&call, &request, "tea");
    const Shop__V1__Stock *stock = fake_call_expect_reply(&call);
    assert_int_equal(stock->available, 7);
    assert_int_equal(stock->on_hand, 100);
    assert_int_equal(stock->reserved, 60);
    fake_call_fini(&call);
}

static void test_what_redis_does_not_know_cannot_be_sold(void **state)
{
    (void)state;
    struct rpc_call call;
    Shop__V1__GetStockRequest request;
    fake_book.stock_count = 0;
    get(&call, &request, "tea");
    const Shop__V1__Stock *stock = fake_call_expect_reply(&call);
    assert_int_equal(stock->available, 0);
    fake_call_fini(&call);
}

static void test_missing_products_and_stores_are_said(void **state)
{
    (void)state;
    struct rpc_call call;
    Shop__V1__GetStockRequest request;
    get(&call, &request, "none");
    fake_call_expect_failure(&call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND");
    fake_call_fini(&call);
    get(&call, &request, "");
    fake_call_expect_failure(&call, STATUS_INVALID_ARGUMENT, "BAD_ID");
    fake_call_fini(&call);
    fake_book.read = STATUS_UNKNOWN; /* a read that got lost is not done */
    get(&call, &request, "tea");
    fake_call_expect_failure(&call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    fake_call_fini(&call);
    fake_postgres.status = STATUS_UNAVAILABLE;
    get(&call, &request, "tea");
    fake_call_expect_failure(&call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    assert_string_equal(fake_call_metadata(&call, "store"), "postgres");
    fake_call_fini(&call);
}

static void test_pages_of_stock(void **state)
{
    (void)state;
    struct rpc_call call, *calls = &call;
    Shop__V1__ListStockRequest request = SHOP__V1__LIST_STOCK_REQUEST__INIT;
    char token[200];
    fake_book_set_stock("tea", 7);
    request.page_size = 2;
    fake_call_init(&call, &request.base, NULL, INT64_MAX);
    list_stock(fixture.lane, &calls, 1);
    const Shop__V1__ListStockResponse *reply = fake_call_expect_reply(&call);
    assert_int_equal(reply->n_stock, 2);
    assert_int_equal(reply->stock[1]->available, 7);
    (void)snprintf(token, sizeof token, "%s", reply->next_page_token);
    fake_call_fini(&call);
    request.page_token = token;
    fake_call_init(&call, &request.base, NULL, INT64_MAX);
    list_stock(fixture.lane, &calls, 1);
    reply = fake_call_expect_reply(&call);
    assert_int_equal(reply->n_stock, 1);
    assert_string_equal(reply->stock[0]->product_id, "yen");
    fake_call_fini(&call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_available_is_redis_the_rest_postgres),
        TEST(test_what_redis_does_not_know_cannot_be_sold),
        TEST(test_missing_products_and_stores_are_said),
        TEST(test_pages_of_stock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
