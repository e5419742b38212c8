#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <string.h>

#include "shop/order_codec.h"
#include "shop/product_codec.h"
#include "tests/cmocka_all.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 4096, 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static char *text(const char *constant)
{
    return arena_strdup(&arena, constant);
}

static void test_a_request_keeps_its_lines_and_knows_given_prices(void **state)
{
    (void)state;
    Shop__V1__CreateOrderLine first = SHOP__V1__CREATE_ORDER_LINE__INIT;
    Shop__V1__CreateOrderLine second = SHOP__V1__CREATE_ORDER_LINE__INIT;
    first.product_id = text("a");
    first.quantity = 3;
    second.product_id = text("a");
    second.price_presence_case = SHOP__V1__CREATE_ORDER_LINE__PRICE_PRESENCE_UNIT_PRICE_MINOR;
    second.unit_price_minor = 0;
    Shop__V1__CreateOrderLine *lines[] = {&first, &second};
    Google__Protobuf__Timestamp placed = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    placed.seconds = 836438400;
    placed.nanos = 5000;
    Shop__V1__CreateOrderRequest message = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    message.request_id = text("r");
    message.customer_id = text("c");
    message.n_lines = 2;
    message.lines = lines;
    message.placed_time = &placed;
    struct order_request *request = order_codec_create_request(&message.base, &arena);
    assert_int_equal(request->line_count, 2);
    assert_false(request->lines[0].has_price);
    assert_true(request->lines[1].has_price);
    assert_int_equal(request->lines[1].unit_price_minor, 0);
    assert_true(request->has_placed_time);
    assert_int_equal(request->placed_time_us, INT64_C(836438400000005));
    assert_string_equal(request->order_ref, "");
}

static void test_times_beyond_protobufs_range_are_no_times(void **state)
{
    (void)state;
    const struct {
        int64_t seconds;
        int32_t nanos;
    } bad[] = {{INT64_MAX, 0}, {INT64_MIN, 0}, {253402300800, 0}, {0, -1}, {0, 1000000000}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Google__Protobuf__Timestamp placed = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
        placed.seconds = bad[i].seconds;
        placed.nanos = bad[i].nanos;
        Shop__V1__CreateOrderRequest message = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
        message.placed_time = &placed;
        struct order_request *request = order_codec_create_request(&message.base, &arena);
        assert_int_equal(request->placed_time_us, INT64_MAX);
    }
}

static void test_an_order_packs_and_unpacks(void **state)
{
    (void)state;
    struct order_line line = {.product_id = "p", .quantity = 2, .unit_price_minor = 5};
    struct order order = {.customer_id = "c",
                          .state = ORDER_CONFIRMED,
                          .lines = &line,
                          .line_count = 1,
                          .currency = "JPY",
                          .total_minor = 10,
                          .create_time_us = -1, /* before 1970, with a fraction */
                          .placed_time_us = 0,
                          .order_ref = "",
                          .durability = DURABILITY_QUEUED,
                          .version = 7};
    memset(&order.order_id, 0x5a, sizeof order.order_id);
    struct bytes packed = order_codec_pack_order(&order, &arena);
    struct order *unpacked;
    assert_int_equal(order_codec_unpack_order(packed, &arena, &unpacked, NULL), STATUS_OK);
    assert_memory_equal(&unpacked->order_id, &order.order_id, sizeof order.order_id);
    assert_int_equal(unpacked->version, 7);
    assert_int_equal(unpacked->durability, DURABILITY_QUEUED);
    assert_int_equal(unpacked->create_time_us, -1);
    assert_string_equal(unpacked->currency, "JPY");
    assert_int_equal(unpacked->lines[0].unit_price_minor, 5);
    assert_int_not_equal(
        order_codec_unpack_order(bytes_of(packed.data, packed.size - 1), &arena, &unpacked, NULL),
        STATUS_OK);
}

static void test_a_product_packs_and_unpacks(void **state)
{
    (void)state;
    struct product product = {.product_id = "p",
                              .display_name = "K\xc3\xa4se",
                              .unit_price_minor = 1,
                              .currency = "EUR",
                              .create_time_us = 1000000,
                              .update_time_us = 2000000,
                              .version = INT64_C(9000000000)};
    struct product *unpacked;
    assert_int_equal(
        product_codec_unpack(product_codec_pack(&product, &arena), &arena, &unpacked, NULL),
        STATUS_OK);
    assert_string_equal(unpacked->display_name, product.display_name);
    assert_int_equal(unpacked->version, product.version);
    assert_int_equal(unpacked->update_time_us, 2000000);
}

static void test_a_product_request_without_product_is_empty_not_fatal(void **state)
{
    (void)state;
    Shop__V1__CreateProductRequest message = SHOP__V1__CREATE_PRODUCT_REQUEST__INIT;
    struct product_request *request = product_codec_request(&message.base, &arena);
    assert_string_equal(request->product.product_id, "");
    assert_string_equal(request->product.currency, "");
    Shop__V1__Product product = SHOP__V1__PRODUCT__INIT;
    product.currency = text("DOLLARS");
    message.product = &product;
    request = product_codec_request(&message.base, &arena);
    assert_string_equal(request->product.currency, "");
}

static void test_a_full_arena_is_no_message(void **state)
{
    (void)state;
    struct arena small;
    arena_init(&small, 64, 128);
    struct order_line line = {.product_id = "p", .quantity = 2};
    struct order order = {.customer_id = "c", .lines = &line, .line_count = 1, .order_ref = ""};
    assert_null(order_codec_order(&order, &small));
    assert_null(order_codec_pack_order(&order, &small).data);
    arena_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_request_keeps_its_lines_and_knows_given_prices,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times_beyond_protobufs_range_are_no_times, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_an_order_packs_and_unpacks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_product_packs_and_unpacks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_product_request_without_product_is_empty_not_fatal,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_full_arena_is_no_message, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
