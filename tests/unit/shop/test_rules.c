#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shop/rules.h"
#include "tests/cmocka_all.h"

#define NOW_US INT64_C(1780000000000000)

static struct order_line lines[SHOP_ORDER_LINES_MAX + 1];

static struct order_request valid_request(void)
{
    lines[0] = (struct order_line){.product_id = "p-1", .quantity = 1};
    return (struct order_request){
        .request_id = "r-1",
        .confirm = true,
        .customer_id = "c-1",
        .lines = lines,
        .line_count = 1,
        .order_ref = "",
    };
}

static void expect(const struct order_request *request, const char *reason, const char *field)
{
    struct failure failure = {0};
    enum status status = rules_check_order_request(request, NOW_US, &failure);
    if (reason == NULL) {
        assert_int_equal(status, STATUS_OK);
        return;
    }
    assert_int_equal(status, STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, reason);
    assert_string_equal(failure.field, field);
}

static void test_ids_are_1_to_64_of_their_characters(void **state)
{
    (void)state;
    char id[66];
    memset(id, 'x', sizeof id);
    id[64] = '\0';
    assert_int_equal(rules_check_id("id", id, NULL), STATUS_OK);
    assert_int_equal(rules_check_id("id", "A-z.0_9:", NULL), STATUS_OK);
    id[64] = 'x';
    id[65] = '\0';
    assert_int_equal(rules_check_id("id", id, NULL), STATUS_INVALID_ARGUMENT);
    const char *bad[] = {"", " ", "a b", "a/b", "a{s0}", "\xc3\xa4", "a\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(rules_check_id("id", bad[i], NULL), STATUS_INVALID_ARGUMENT);
    }
}

static void test_each_field_of_an_order_is_checked(void **state)
{
    (void)state;
    struct order_request request = valid_request();
    expect(&request, NULL, NULL);
    request.request_id = "";
    expect(&request, "BAD_ID", "request_id");
    request = valid_request();
    request.customer_id = "";
    expect(&request, "BAD_ID", "customer_id");
    request = valid_request();
    request.order_ref = "a b";
    expect(&request, "BAD_ID", "order_ref");
    request = valid_request();
    lines[0].product_id = "";
    expect(&request, "BAD_ID", "lines[0].product_id");
}

static void test_an_order_has_1_to_2000_lines(void **state)
{
    (void)state;
    struct order_request request = valid_request();
    for (size_t i = 0; i <= SHOP_ORDER_LINES_MAX; i++) {
        lines[i] = (struct order_line){.product_id = "p-1", .quantity = 1};
    }
    request.line_count = SHOP_ORDER_LINES_MAX;
    expect(&request, NULL, NULL);
    request.line_count = SHOP_ORDER_LINES_MAX + 1;
    expect(&request, "BAD_LINE_COUNT", "lines");
    request.line_count = 0;
    expect(&request, "BAD_LINE_COUNT", "lines");
}

static void test_quantities_and_prices_have_two_sides(void **state)
{
    (void)state;
    struct order_request request = valid_request();
    const int32_t bad[] = {0, -1, INT32_MIN, SHOP_QUANTITY_MAX + 1, INT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        lines[0].quantity = bad[i];
        expect(&request, "BAD_QUANTITY", "lines[0].quantity");
    }
    lines[0].quantity = SHOP_QUANTITY_MAX;
    lines[0].has_price = true;
    lines[0].unit_price_minor = SHOP_PRICE_MINOR_MAX;
    expect(&request, NULL, NULL);
    lines[0].unit_price_minor++;
    expect(&request, "BAD_PRICE", "lines[0].unit_price_minor");
    lines[0].unit_price_minor = -1;
    expect(&request, "BAD_PRICE", "lines[0].unit_price_minor");
    lines[0].has_price = false; /* then nobody looks at it */
    expect(&request, NULL, NULL);
}

static void test_a_placed_time_is_not_in_the_future(void **state)
{
    (void)state;
    struct order_request request = valid_request();
    request.has_placed_time = true;
    request.placed_time_us = NOW_US + SHOP_FUTURE_MS_MAX * INT64_C(1000);
    expect(&request, NULL, NULL);
    request.placed_time_us++;
    expect(&request, "BAD_TIME", "placed_time");
    request.placed_time_us = INT64_C(836438400000000); /* 1996 */
    expect(&request, NULL, NULL);
    request.placed_time_us = INT64_MIN;
    expect(&request, "BAD_TIME", "placed_time");
}

static void test_totals_are_exact_or_refused(void **state)
{
    (void)state;
    struct order_line two[2] = {
        {.quantity = 3, .unit_price_minor = 1999},
        {.quantity = 1000000, .unit_price_minor = SHOP_PRICE_MINOR_MAX},
    };
    int64_t total;
    assert_int_equal(rules_order_total(two, 2, &total, NULL), STATUS_OK);
    assert_int_equal(total, 5997 + INT64_C(1000000000000000000));
    struct order_line many[10];
    for (int i = 0; i < 10; i++) {
        many[i] = two[1];
    }
    assert_int_equal(rules_order_total(many, 9, &total, NULL), STATUS_OK);
    struct failure failure;
    assert_int_equal(rules_order_total(many, 10, &total, &failure), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "TOTAL_OUT_OF_RANGE");
}

/* S4: one order, two lines, the same product: each alone would fit, the sum must be what is tested.
 */
static void test_lines_of_a_product_are_summed_and_sorted(void **state)
{
    (void)state;
    struct order_line given[] = {
        {.product_id = "b", .quantity = 2}, {.product_id = "a", .quantity = 1},
        {.product_id = "b", .quantity = 5}, {.product_id = "c", .quantity = 1},
        {.product_id = "b", .quantity = 1},
    };
    struct arena arena;
    arena_init(&arena, 1024, 4096);
    size_t count;
    struct product_quantity *sums = rules_sum_lines(given, 5, &arena, &count);
    assert_int_equal(count, 3);
    assert_string_equal(sums[0].product_id, "a");
    assert_string_equal(sums[1].product_id, "b");
    assert_int_equal(sums[1].quantity, 8);
    assert_string_equal(sums[2].product_id, "c");
    arena_fini(&arena);
}

static void test_products_are_checked(void **state)
{
    (void)state;
    struct product_request valid = {
        .request_id = "r",
        .product = {.product_id = "p", .display_name = "Chai", .currency = "USD"},
    };
    assert_int_equal(rules_check_product_request(&valid, NULL), STATUS_OK);
    char name[202];
    memset(name, 'n', sizeof name);
    name[201] = '\0';
    struct product_request bad = valid;
    bad.product.display_name = name;
    assert_int_equal(rules_check_product_request(&bad, NULL), STATUS_INVALID_ARGUMENT);
    name[200] = '\0';
    assert_int_equal(rules_check_product_request(&bad, NULL), STATUS_OK);
    bad.product.display_name = "two\nlines";
    assert_int_equal(rules_check_product_request(&bad, NULL), STATUS_INVALID_ARGUMENT);
    bad.product.display_name = "";
    assert_int_equal(rules_check_product_request(&bad, NULL), STATUS_INVALID_ARGUMENT);
    const char *currencies[] = {"", "usd", "US", "U$D"};
    for (size_t i = 0; i < 4; i++) {
        bad = valid;
        memset(bad.product.currency, 0, CURRENCY_BYTES);
        memcpy(bad.product.currency, currencies[i], strlen(currencies[i]));
        assert_int_equal(rules_check_product_request(&bad, NULL), STATUS_INVALID_ARGUMENT);
    }
    bad = valid;
    bad.on_hand = SHOP_STOCK_MAX;
    assert_int_equal(rules_check_product_request(&bad, NULL), STATUS_OK);
    bad.on_hand++;
    assert_int_equal(rules_check_product_request(&bad, NULL), STATUS_INVALID_ARGUMENT);
    bad.on_hand = -1;
    assert_int_equal(rules_check_product_request(&bad, NULL), STATUS_INVALID_ARGUMENT);
}

static void test_adjustments_are_checked(void **state)
{
    (void)state;
    struct stock_adjustment valid = {
        .request_id = "r", .product_id = "p", .delta = -1, .reason = "count", .reference = ""};
    assert_int_equal(rules_check_adjustment(&valid, NULL), STATUS_OK);
    const int64_t bad[] = {0, SHOP_STOCK_MAX + 1, -SHOP_STOCK_MAX - 1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct stock_adjustment adjustment = valid;
        adjustment.delta = bad[i];
        assert_int_equal(rules_check_adjustment(&adjustment, NULL), STATUS_INVALID_ARGUMENT);
    }
    struct stock_adjustment edge = valid;
    edge.delta = -SHOP_STOCK_MAX;
    assert_int_equal(rules_check_adjustment(&edge, NULL), STATUS_OK);
    edge.reason = "";
    assert_int_equal(rules_check_adjustment(&edge, NULL), STATUS_INVALID_ARGUMENT);
    edge.reason = "count";
    edge.reference = "a b";
    assert_int_equal(rules_check_adjustment(&edge, NULL), STATUS_INVALID_ARGUMENT);
}

static void test_page_sizes(void **state)
{
    (void)state;
    int32_t size;
    assert_int_equal(rules_page_size(0, &size, NULL), STATUS_OK);
    assert_int_equal(size, SHOP_PAGE_SIZE_DEFAULT);
    assert_int_equal(rules_page_size(SHOP_PAGE_SIZE_MAX + 1, &size, NULL), STATUS_OK);
    assert_int_equal(size, SHOP_PAGE_SIZE_MAX);
    assert_int_equal(rules_page_size(-1, &size, NULL), STATUS_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_are_1_to_64_of_their_characters),
        cmocka_unit_test(test_each_field_of_an_order_is_checked),
        cmocka_unit_test(test_an_order_has_1_to_2000_lines),
        cmocka_unit_test(test_quantities_and_prices_have_two_sides),
        cmocka_unit_test(test_a_placed_time_is_not_in_the_future),
        cmocka_unit_test(test_totals_are_exact_or_refused),
        cmocka_unit_test(test_lines_of_a_product_are_summed_and_sorted),
        cmocka_unit_test(test_products_are_checked),
        cmocka_unit_test(test_adjustments_are_checked),
        cmocka_unit_test(test_page_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
