/* UpdateProduct and DeleteProduct: PostgreSQL under a lock, then the cache and Redis. */
#include <string.h>

#include "server/update_product.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

/* A call that sets one field. */
struct update_call {
    struct rpc_call call;
    Shop__V1__UpdateProductRequest request;
    Shop__V1__Product product;
    Google__Protobuf__FieldMask mask;
    char *path;
};

static void init(struct update_call *update, const char *product_id, const char *path)
{
    shop__v1__update_product_request__init(&update->request);
    shop__v1__product__init(&update->product);
    google__protobuf__field_mask__init(&update->mask);
    update->path = text(path);
    update->mask.paths = &update->path;
    update->mask.n_paths = 1;
    update->product.product_id = text(product_id);
    update->request.product = &update->product;
    update->request.update_mask = &update->mask;
    fake_call_init(&update->call, &update->request.base, NULL,
                   clock_monotonic_ms(&fixture.clock.clock) + 5000);
}

static void send(struct update_call *update)
{
    struct rpc_call *call = &update->call;
    update_products(fixture.lane, &call, 1);
    assert_false(fake_postgres.locked);
}

static void test_a_change_reaches_catalogue_cache_and_stock(void **state)
{
    (void)state;
    struct update_call update = {0};
    init(&update, "tea", "max_per_order");
    update.product.max_per_order = 3;
    send(&update);
    const Shop__V1__Product *reply = fake_call_expect_reply(&update.call);
    assert_int_equal(reply->max_per_order, 3);
    assert_string_equal(reply->etag, "2");
    assert_int_equal(fake_postgres.update_calls, 1);
    assert_int_equal(fake_book.delta_count, 1);
    assert_int_equal(fake_book.deltas[0].quantity, 0);
    assert_non_null(fake_book.deltas[0].rules);
    assert_int_equal(fake_postgres.forgotten_deltas, 1);
    assert_int_equal(fake_cache.put_calls, 2); /* before the commit and behind it */
    assert_int_equal(fake_cache.entries[0].version, 2);
    assert_true(fake_cache.entries[0].size > 0);
    fake_call_fini(&update.call);
}

static void test_a_safety_stock_moves_units(void **state)
{
    (void)state;
    struct update_call update = {0};
    init(&update, "tea", "safety_stock");
    update.product.safety_stock = 4;
    send(&update);
    (void)fake_call_expect_reply(&update.call);
    assert_int_equal(fake_book.deltas[0].quantity, -4);
    assert_null(fake_book.deltas[0].rules); /* they are as they were */
    assert_int_equal(fake_book_available("tea"), 6);
    fake_call_fini(&update.call);
}

static void test_a_name_is_nothing_that_redis_has_to_know(void **state)
{
    (void)state;
    struct update_call update = {0};
    init(&update, "tea", "display_name");
    update.product.display_name = text("Green tea");
    send(&update);
    (void)fake_call_expect_reply(&update.call);
    assert_int_equal(fake_book.delta_count, 0);
    fake_call_fini(&update.call);
}

static void test_no_effect_and_refusals_leave_no_lock(void **state)
{
    (void)state;
    const struct {
        const char *product_id, *path;
        enum status code;
        const char *reason;
    } cases[] = {
        {"tea", "etag", STATUS_INVALID_ARGUMENT, "BAD_UPDATE_MASK"},
        {"tea", "unit_price_minor", STATUS_INVALID_ARGUMENT, "ETAG_REQUIRED"},
        {"none", "state", STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND"},
        {"", "state", STATUS_INVALID_ARGUMENT, "BAD_ID"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct update_call update = {0};
        init(&update, cases[i].product_id, cases[i].path);
        update.product.unit_price_minor = 1;
        send(&update);
        fake_call_expect_failure(&update.call, cases[i].code, cases[i].reason);
        fake_call_fini(&update.call);
    }
    struct update_call same = {0};
    init(&same, "tea", "max_per_order");
    send(&same);
    const Shop__V1__Product *reply = fake_call_expect_reply(&same.call);
    assert_string_equal(reply->etag, "1");
    assert_int_equal(fake_postgres.update_calls, 0);
    fake_call_fini(&same.call);
}

/* S35: who cannot tell the cache that a change is coming does not make it. */
static void s35_nothing_changes_while_the_cache_cannot_be_told(void **state)
{
    (void)state;
    fake_cache.put = STATUS_UNAVAILABLE;
    struct update_call update = {0};
    init(&update, "tea", "unit_price_minor");
    update.product.unit_price_minor = 1;
    update.product.etag = text("1");
    send(&update);
    fake_call_expect_failure(&update.call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    assert_int_equal(fake_postgres.update_calls, 0);
    fake_call_fini(&update.call);
}

static void test_a_commit_whose_answer_is_lost_is_unknown(void **state)
{
    (void)state;
    fake_postgres.update = STATUS_UNKNOWN;
    struct update_call update = {0};
    init(&update, "tea", "state");
    update.product.state = SHOP__V1__PRODUCT__STATE__STATE_SUSPENDED;
    send(&update);
    fake_call_expect_failure(&update.call, STATUS_UNKNOWN, "OUTCOME_UNKNOWN");
    fake_call_fini(&update.call);
}

/* ---- DeleteProduct ---- */

static void delete_tea(const char *etag, struct rpc_call *call)
{
    static Shop__V1__DeleteProductRequest request;
    shop__v1__delete_product_request__init(&request);
    request.product_id = text("tea");
    request.etag = text(etag);
    fake_call_init(call, &request.base, NULL, clock_monotonic_ms(&fixture.clock.clock) + 5000);
    delete_products(fixture.lane, &call, 1);
    assert_false(fake_postgres.locked);
}

static size_t tea(void)
{
    size_t at = 0;
    while (strcmp(fake_postgres.products[at].product_id, "tea") != 0) {
        at++;
    }
    return at;
}

static void own(int64_t on_hand, int64_t reserved, int64_t in_redis)
{
    fake_postgres.stock[tea()].on_hand = on_hand;
    fake_postgres.stock[tea()].reserved = reserved;
    fake_book_set_stock("tea", in_redis);
}

static void test_a_product_without_promises_is_deleted_once(void **state)
{
    (void)state;
    own(10, 0, 10);
    struct rpc_call call;
    delete_tea("1", &call);
    const Shop__V1__Product *reply = fake_call_expect_reply(&call);
    assert_int_equal(reply->state, SHOP__V1__PRODUCT__STATE__STATE_DELETED);
    assert_string_equal(reply->etag, "2");
    fake_call_fini(&call);
    delete_tea("1", &call); /* asked for again */
    reply = fake_call_expect_reply(&call);
    assert_string_equal(reply->etag, "2");
    assert_int_equal(fake_postgres.update_calls, 1);
    fake_call_fini(&call);
}

static void test_promised_units_keep_a_product(void **state)
{
    (void)state;
    own(10, 1, 9);
    struct rpc_call call;
    delete_tea("", &call);
    fake_call_expect_failure(&call, STATUS_FAILED_PRECONDITION, "STOCK_IN_USE");
    assert_string_equal(fake_call_metadata(&call, "reserved"), "1");
    assert_int_equal(fake_postgres.update_calls, 0);
    fake_call_fini(&call);
}

/* Redis has accepted an order that PostgreSQL does not know yet. */
static void test_units_on_their_way_bring_the_product_back(void **state)
{
    (void)state;
    own(10, 0, 9);
    struct rpc_call call;
    delete_tea("", &call);
    fake_call_expect_failure(&call, STATUS_FAILED_PRECONDITION, "STOCK_IN_USE");
    assert_int_equal(fake_postgres.update_calls, 2);
    assert_int_equal(fake_postgres.products[tea()].state, PRODUCT_ACTIVE);
    assert_int_equal(fake_postgres.products[tea()].version, 3);
    assert_int_equal(fake_book.delta_count, 2);
    fake_call_fini(&call);
}

static void test_an_etag_keeps_a_product(void **state)
{
    (void)state;
    own(10, 0, 10);
    struct rpc_call call;
    delete_tea("7", &call);
    fake_call_expect_failure(&call, STATUS_ABORTED, "ETAG_MISMATCH");
    assert_string_equal(fake_call_metadata(&call, "etag"), "1");
    fake_call_fini(&call);
}

static void test_nothing_is_deleted_while_stock_is_fenced(void **state)
{
    (void)state;
    own(10, 0, 10);
    stock_gate_close(&fixture.gate);
    struct rpc_call call;
    delete_tea("", &call);
    fake_call_expect_failure(&call, STATUS_UNAVAILABLE, "STOCK_FENCED");
    assert_int_equal(fake_postgres.update_calls, 0);
    fake_call_fini(&call);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_change_reaches_catalogue_cache_and_stock),
        TEST(test_a_safety_stock_moves_units),
        TEST(test_a_name_is_nothing_that_redis_has_to_know),
        TEST(test_no_effect_and_refusals_leave_no_lock),
        TEST(s35_nothing_changes_while_the_cache_cannot_be_told),
        TEST(test_a_commit_whose_answer_is_lost_is_unknown),
        TEST(test_a_product_without_promises_is_deleted_once),
        TEST(test_promised_units_keep_a_product),
        TEST(test_units_on_their_way_bring_the_product_back),
        TEST(test_an_etag_keeps_a_product),
        TEST(test_nothing_is_deleted_while_stock_is_fenced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
