/* GetProduct, BatchGetProducts, ListProducts. */
#include <stdio.h>

#include "server/query_products.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

static void test_a_batch_of_gets_is_one_exchange(void **state)
{
    (void)state;
    static const char *const ids[] = {"tea", "none", "a b", "pot"};
    struct rpc_call calls[4];
    struct rpc_call *list[4];
    Shop__V1__GetProductRequest requests[4];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 4; i++) {
            shop__v1__get_product_request__init(&requests[i]);
            requests[i].product_id = (char *)(uintptr_t)ids[i];
            fake_call_init(&calls[i], &requests[i].base, NULL, INT64_MAX);
            list[i] = &calls[i];
        }
        get_products(fixture.lane, list, 4);
        const Shop__V1__Product *tea = fake_call_expect_reply(&calls[0]);
        assert_string_equal(tea->product_id, "tea");
        assert_int_equal(tea->unit_price_minor, 100);
        assert_string_equal(tea->etag, "1");
        fake_call_expect_failure(&calls[1], STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND");
        fake_call_expect_failure(&calls[2], STATUS_INVALID_ARGUMENT, "BAD_ID");
        (void)fake_call_expect_reply(&calls[3]);
        for (size_t i = 0; i < 4; i++) {
            fake_call_fini(&calls[i]);
        }
    }
    assert_int_equal(fake_cache.get_calls, 2);
    assert_int_equal(fake_postgres.catalogue_calls, 1);
}

static void test_postgres_away_gets_of_unknown_products_fail(void **state)
{
    (void)state;
    fake_postgres.status = STATUS_UNAVAILABLE;
    struct rpc_call call, *list = &call;
    Shop__V1__GetProductRequest request = SHOP__V1__GET_PRODUCT_REQUEST__INIT;
    request.product_id = (char *)(uintptr_t)"tea";
    fake_call_init(&call, &request.base, NULL, INT64_MAX);
    get_products(fixture.lane, &list, 1);
    fake_call_expect_failure(&call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    fake_call_fini(&call);
}

static void batch_get(struct rpc_call *call, Shop__V1__BatchGetProductsRequest *request, char **ids,
                      size_t count)
{
    shop__v1__batch_get_products_request__init(request);
    request->product_ids = ids;
    request->n_product_ids = count;
    fake_call_init(call, &request->base, NULL, INT64_MAX);
    batch_get_products(fixture.lane, &call, 1);
}

static void test_several_in_the_order_asked_and_the_missing_named(void **state)
{
    (void)state;
    char *ids[] = {(char *)(uintptr_t)"tea", (char *)(uintptr_t)"none", (char *)(uintptr_t)"pot"};
    struct rpc_call call;
    Shop__V1__BatchGetProductsRequest request;
    batch_get(&call, &request, ids, 3);
    const Shop__V1__BatchGetProductsResponse *reply = fake_call_expect_reply(&call);
    assert_int_equal(reply->n_products, 2);
    assert_string_equal(reply->products[0]->product_id, "tea");
    assert_string_equal(reply->products[1]->product_id, "pot");
    assert_int_equal(reply->n_missing_product_ids, 1);
    assert_string_equal(reply->missing_product_ids[0], "none");
    fake_call_fini(&call);
}

static void test_1_to_1000_at_once(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        const char *reason;
    } sizes[] = {{0, "BAD_BATCH_SIZE"}, {1001, "BAD_BATCH_SIZE"}, {1000, NULL}};
    static char *ids[1001];
    for (size_t i = 0; i < 1001; i++) {
        ids[i] = (char *)(uintptr_t)"tea";
    }
    for (size_t i = 0; i < 3; i++) {
        struct rpc_call call;
        Shop__V1__BatchGetProductsRequest request;
        batch_get(&call, &request, ids, sizes[i].count);
        if (sizes[i].reason != NULL) {
            fake_call_expect_failure(&call, STATUS_INVALID_ARGUMENT, sizes[i].reason);
        } else {
            const Shop__V1__BatchGetProductsResponse *reply = fake_call_expect_reply(&call);
            assert_int_equal(reply->n_products, 1000);
        }
        fake_call_fini(&call);
    }
}

static void list(struct rpc_call *call, Shop__V1__ListProductsRequest *request, int32_t page_size,
                 char *token)
{
    shop__v1__list_products_request__init(request);
    request->page_size = page_size;
    request->page_token = token;
    fake_call_init(call, &request->base, NULL, INT64_MAX);
    list_products(fixture.lane, &call, 1);
}

static void test_pages_by_product_id(void **state)
{
    (void)state;
    struct rpc_call call;
    Shop__V1__ListProductsRequest request;
    char token[200] = "";
    list(&call, &request, 2, token);
    const Shop__V1__ListProductsResponse *reply = fake_call_expect_reply(&call);
    assert_int_equal(reply->n_products, 2);
    assert_string_equal(reply->products[1]->product_id, "tea");
    (void)snprintf(token, sizeof token, "%s", reply->next_page_token);
    fake_call_fini(&call);
    list(&call, &request, 2, token);
    reply = fake_call_expect_reply(&call);
    assert_int_equal(reply->n_products, 1);
    assert_string_equal(reply->products[0]->product_id, "yen");
    assert_string_equal(reply->next_page_token, "");
    fake_call_fini(&call);
    list(&call, &request, -1, token);
    fake_call_expect_failure(&call, STATUS_INVALID_ARGUMENT, "BAD_PAGE_SIZE");
    fake_call_fini(&call);
    token[0] = token[0] == 'A' ? 'B' : 'A';
    list(&call, &request, 2, token);
    fake_call_expect_failure(&call, STATUS_INVALID_ARGUMENT, "BAD_PAGE_TOKEN");
    fake_call_fini(&call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_batch_of_gets_is_one_exchange),
        TEST(test_postgres_away_gets_of_unknown_products_fail),
        TEST(test_several_in_the_order_asked_and_the_missing_named),
        TEST(test_1_to_1000_at_once),
        TEST(test_pages_by_product_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
