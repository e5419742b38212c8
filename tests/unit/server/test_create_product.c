/* Catalogue changes: PostgreSQL first, then the cache and Redis. */
#include <stdio.h>

#include "server/create_product.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

struct create_call {
    struct rpc_call call;
    Shop__V1__CreateProductRequest request;
    Shop__V1__Product product;
    char request_id[72], product_id[72];
};

static void init(struct create_call *create, const char *request_id, const char *product_id,
                 int64_t price)
{
    shop__v1__create_product_request__init(&create->request);
    shop__v1__product__init(&create->product);
    (void)snprintf(create->request_id, sizeof create->request_id, "%s", request_id);
    (void)snprintf(create->product_id, sizeof create->product_id, "%s", product_id);
    create->request.request_id = create->request_id;
    create->request.product = &create->product;
    create->request.on_hand = 40;
    create->product.product_id = create->product_id;
    create->product.display_name = (char *)(uintptr_t)"A cup";
    create->product.currency = (char *)(uintptr_t)"EUR";
    create->product.unit_price_minor = price;
    fake_call_init(&create->call, &create->request.base, NULL,
                   clock_monotonic_ms(&fixture.clock.clock) + 5000);
}

static void send(struct create_call *creates, size_t count)
{
    struct rpc_call *calls[8];
    for (size_t i = 0; i < count; i++) {
        calls[i] = &creates[i].call;
    }
    create_products(fixture.lane, calls, count);
}

static void fini(struct create_call *creates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fake_call_fini(&creates[i].call);
    }
}

static void test_a_product_reaches_catalogue_cache_and_stock(void **state)
{
    (void)state;
    struct create_call create = {0};
    init(&create, "r-1", "cup", 300);
    send(&create, 1);
    const Shop__V1__Product *reply = fake_call_expect_reply(&create.call);
    assert_string_equal(reply->product_id, "cup");
    assert_int_equal(reply->unit_price_minor, 300);
    assert_int_equal(fake_book_available("cup"), 40);
    assert_int_equal(fake_book.delta_count, 1);
    assert_int_equal(fake_postgres.forgotten_deltas, 1);
    assert_int_equal(fake_cache.count, 1);
    assert_int_equal(fake_cache.entries[0].presence, PRODUCT_FOUND);
    fini(&create, 1);
}

static void test_the_same_request_gives_the_same_product(void **state)
{
    (void)state;
    struct create_call creates[4] = {0};
    init(&creates[0], "r-1", "cup", 300);
    init(&creates[1], "r-1", "cup", 300);
    init(&creates[2], "r-2", "cup", 300);
    init(&creates[3], "r-1", "cup", 301);
    send(creates, 4); /* one batch */
    (void)fake_call_expect_reply(&creates[0].call);
    (void)fake_call_expect_reply(&creates[1].call);
    fake_call_expect_failure(&creates[2].call, STATUS_ALREADY_EXISTS, "PRODUCT_EXISTS");
    fake_call_expect_failure(&creates[3].call, STATUS_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
    assert_int_equal(fake_book_available("cup"), 40);
    fini(creates, 4);
    struct create_call again = {0};
    init(&again, "r-1", "cup", 300);
    send(&again, 1);
    (void)fake_call_expect_reply(&again.call);
    fini(&again, 1);
}

static void test_a_request_of_another_change_spoils_only_itself(void **state)
{
    (void)state;
    fake_postgres.taken_request_id = "r-2";
    struct create_call creates[3] = {0};
    init(&creates[0], "r-1", "cup", 300);
    init(&creates[1], "r-2", "jug", 300);
    init(&creates[2], "r-3", "mug", 300);
    send(creates, 3);
    (void)fake_call_expect_reply(&creates[0].call);
    fake_call_expect_failure(&creates[1].call, STATUS_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
    (void)fake_call_expect_reply(&creates[2].call);
    fini(creates, 3);
}

static void test_what_redis_cannot_be_told_is_left_to_the_sweep(void **state)
{
    (void)state;
    struct create_call creates[2] = {0};
    fake_book.apply = STATUS_UNKNOWN;
    init(creates, "r-1", "cup", 300);
    send(creates, 1);
    (void)fake_call_expect_reply(&creates[0].call);
    assert_int_equal(fake_postgres.forgotten_deltas, 0);
    fini(creates, 1);

    fake_book.apply = STATUS_OK;
    stock_gate_close(&fixture.gate);
    init(&creates[1], "r-2", "jug", 300);
    send(&creates[1], 1);
    (void)fake_call_expect_reply(&creates[1].call);
    assert_int_equal(fake_postgres.forgotten_deltas, 0);
    assert_int_equal(fake_book_available("jug"), -1);
    fini(&creates[1], 1);
}

static void test_postgres_away_and_lost_commits_are_told_apart(void **state)
{
    (void)state;
    struct create_call create = {0};
    fake_postgres.status = STATUS_UNAVAILABLE;
    init(&create, "r-1", "cup", 300);
    send(&create, 1);
    fake_call_expect_failure(&create.call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    fini(&create, 1);
    fake_postgres.status = STATUS_UNKNOWN;
    init(&create, "r-1", "cup", 300);
    send(&create, 1);
    fake_call_expect_failure(&create.call, STATUS_UNKNOWN, "OUTCOME_UNKNOWN");
    assert_int_equal(fake_book_available("cup"), -1);
    fini(&create, 1);
}

static void test_bad_products_do_not_reach_postgres(void **state)
{
    (void)state;
    struct create_call creates[3] = {0};
    init(&creates[0], "r-1", "cup", -1);
    init(&creates[1], "r-2", "a cup", 1);
    init(&creates[2], "r-3", "cup", 1);
    creates[2].request.product = NULL;
    send(creates, 3);
    fake_call_expect_failure(&creates[0].call, STATUS_INVALID_ARGUMENT, "BAD_PRICE");
    fake_call_expect_failure(&creates[1].call, STATUS_INVALID_ARGUMENT, "BAD_ID");
    assert_int_equal(creates[2].call.failure.code, STATUS_INVALID_ARGUMENT);
    assert_int_equal(fake_postgres.create_calls, 0);
    fini(creates, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_product_reaches_catalogue_cache_and_stock),
        TEST(test_the_same_request_gives_the_same_product),
        TEST(test_a_request_of_another_change_spoils_only_itself),
        TEST(test_what_redis_cannot_be_told_is_left_to_the_sweep),
        TEST(test_postgres_away_and_lost_commits_are_told_apart),
        TEST(test_bad_products_do_not_reach_postgres),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
