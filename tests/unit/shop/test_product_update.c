/* What UpdateProduct makes of a product, and what a product may be. */
#include <stdio.h>
#include <string.h>

#include "shop/product_update.h"
#include "tests/cmocka_all.h"

#define NOW_US 1000000000LL

static struct product cup(void)
{
    return (struct product){
        .product_id = "cup",
        .display_name = "A cup",
        .unit_price_minor = 300,
        .currency = "EUR",
        .version = 7,
        .state = PRODUCT_ACTIVE,
    };
}

static struct product_update update_of(const char *const *paths, size_t count, const char *etag)
{
    return (struct product_update){
        .values = cup(), .etag = etag, .paths = paths, .path_count = count};
}

static void expect_bad(struct product product, const char *reason, const char *field)
{
    struct failure failure;
    assert_int_equal(product_check("product.", &product, &failure), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, reason);
    char path[64];
    (void)snprintf(path, sizeof path, "product.%s", field);
    assert_string_equal(failure.field, path);
}

static void expect_good(struct product product)
{
    assert_int_equal(product_check("product.", &product, NULL), STATUS_OK);
}

static void test_limits_hold_on_both_sides(void **state)
{
    (void)state;
    struct product product = cup();
    expect_good(product);
    product.max_per_order = SHOP_QUANTITY_MAX;
    expect_good(product);
    product.max_per_order++;
    expect_bad(product, "BAD_LIMIT", "max_per_order");
    product.max_per_order = -1;
    expect_bad(product, "BAD_LIMIT", "max_per_order");
    product = cup();
    product.max_per_customer = SHOP_LIMIT_MAX;
    expect_bad(product, "BAD_LIMIT", "limit_window");
    product.limit_window_ms = SHOP_WINDOW_MS_MIN - 1;
    expect_bad(product, "BAD_LIMIT", "limit_window");
    product.limit_window_ms = SHOP_WINDOW_MS_MIN;
    expect_good(product);
    product.limit_window_ms = SHOP_WINDOW_MS_MAX;
    expect_good(product);
    product.limit_window_ms++;
    expect_bad(product, "BAD_LIMIT", "limit_window");
    product.limit_window_ms = SHOP_WINDOW_MS_MAX;
    product.max_per_customer++;
    expect_bad(product, "BAD_LIMIT", "max_per_customer");
    product.max_per_customer = -1;
    expect_bad(product, "BAD_LIMIT", "max_per_customer");
    product.max_per_customer = 0;
    expect_bad(product, "BAD_LIMIT", "limit_window");
}

static void test_stock_numbers_and_times_hold_on_both_sides(void **state)
{
    (void)state;
    struct product product = cup();
    product.safety_stock = product.low_stock_threshold = SHOP_STOCK_MAX;
    expect_good(product);
    product.safety_stock++;
    expect_bad(product, "BAD_QUANTITY", "safety_stock");
    product.safety_stock = -1;
    expect_bad(product, "BAD_QUANTITY", "safety_stock");
    product.safety_stock = 0;
    product.low_stock_threshold++;
    expect_bad(product, "BAD_QUANTITY", "low_stock_threshold");
    product.low_stock_threshold = -1;
    expect_bad(product, "BAD_QUANTITY", "low_stock_threshold");
    product = cup();
    product.sale_start_us = 5;
    product.sale_end_us = 5;
    expect_bad(product, "BAD_TIME", "sale_end_time");
    product.sale_end_us = 6;
    expect_good(product);
    product.sale_start_us = -1;
    expect_bad(product, "BAD_TIME", "sale_start_time");
    product.sale_start_us = INT64_MAX; /* what a codec makes of no time */
    expect_bad(product, "BAD_TIME", "sale_start_time");
}

static void test_states_that_a_caller_can_set(void **state)
{
    (void)state;
    struct product product = cup();
    product.state = PRODUCT_SUSPENDED;
    expect_good(product);
    product.state = PRODUCT_DELETED;
    expect_bad(product, "BAD_STATE", "state");
    product.state = 0;
    expect_bad(product, "BAD_STATE", "state");
}

static void test_only_what_the_mask_names_is_set(void **state)
{
    (void)state;
    static const char *const paths[] = {"display_name", "max_per_order", "safety_stock"};
    struct product before = cup(), after;
    struct product_update update = update_of(paths, 3, "");
    update.values.display_name = "A mug";
    update.values.max_per_order = 2;
    update.values.safety_stock = 5;
    update.values.unit_price_minor = 1; /* not named */
    assert_int_equal(product_update_apply(&before, &update, NOW_US, &after, NULL), UPDATE_CHANGES);
    assert_string_equal(after.display_name, "A mug");
    assert_int_equal(after.max_per_order, 2);
    assert_int_equal(after.safety_stock, 5);
    assert_int_equal(after.unit_price_minor, 300);
    assert_int_equal(after.version, 8);
    assert_int_equal(after.update_time_us, NOW_US);
}

static void test_every_field_of_the_contract_can_be_set(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "display_name", "unit_price_minor",    "currency",
        "state",        "max_per_order",       "max_per_customer",
        "limit_window", "sale_start_time",     "sale_end_time",
        "safety_stock", "low_stock_threshold",
    };
    const struct product values = {
        .product_id = "cup",
        .display_name = "A mug",
        .unit_price_minor = 1,
        .currency = "USD",
        .state = PRODUCT_SUSPENDED,
        .max_per_order = 1,
        .max_per_customer = 2,
        .limit_window_ms = 3000,
        .sale_start_us = 4,
        .sale_end_us = 5,
        .safety_stock = 6,
        .low_stock_threshold = 7,
    };
    struct product before = cup(), after;
    struct product_update update = update_of(paths, sizeof paths / sizeof paths[0], "7");
    update.values = values;
    assert_int_equal(product_update_apply(&before, &update, NOW_US, &after, NULL), UPDATE_CHANGES);
    struct product expected = values;
    expected.version = 8;
    expected.update_time_us = expected.limit_since_us = NOW_US;
    assert_string_equal(after.currency, "USD");
    assert_memory_equal(&after, &expected, sizeof after);
}

static enum update_outcome apply(const char *path, const char *etag, struct failure *failure)
{
    struct product before = cup(), after;
    struct product_update update = update_of(&path, 1, etag);
    update.values.unit_price_minor = 400;
    update.values.display_name = "A mug";
    return product_update_apply(&before, &update, NOW_US, &after, failure);
}

static void test_masks_that_cannot_be(void **state)
{
    (void)state;
    struct failure failure;
    static const char *const paths[] = {"etag", "product_id", "create_time", "", "Display_name"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(apply(paths[i], "", &failure), UPDATE_REFUSED);
        assert_string_equal(failure.reason, "BAD_UPDATE_MASK");
    }
    struct product before = cup(), after;
    struct product_update empty = update_of(NULL, 0, "");
    assert_int_equal(product_update_apply(&before, &empty, NOW_US, &after, &failure),
                     UPDATE_REFUSED);
    assert_string_equal(failure.reason, "BAD_UPDATE_MASK");
}

static void test_a_price_is_changed_from_a_known_etag(void **state)
{
    (void)state;
    struct failure failure;
    assert_int_equal(apply("unit_price_minor", "", &failure), UPDATE_REFUSED);
    assert_string_equal(failure.reason, "ETAG_REQUIRED");
    assert_int_equal(failure.code, STATUS_INVALID_ARGUMENT);
    static const char *const others[] = {"6", "8", "07", "7x", "W/7"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(apply("unit_price_minor", others[i], &failure), UPDATE_REFUSED);
        assert_string_equal(failure.reason, "ETAG_MISMATCH");
        assert_int_equal(failure.code, STATUS_ABORTED);
    }
    assert_int_equal(apply("unit_price_minor", "7", &failure), UPDATE_CHANGES);
    assert_int_equal(apply("display_name", "", &failure), UPDATE_CHANGES);
    assert_int_equal(apply("display_name", "6", &failure), UPDATE_REFUSED);
}

static void test_an_update_asked_for_again_changes_nothing(void **state)
{
    (void)state;
    static const char *const path = "unit_price_minor";
    struct product before = cup(), after;
    struct product_update update = update_of(&path, 1, "6"); /* it made version 7 from 6 */
    update.values.unit_price_minor = 300;
    assert_int_equal(product_update_apply(&before, &update, NOW_US, &after, NULL),
                     UPDATE_NO_EFFECT);
}

static void test_a_deleted_product_stays_so(void **state)
{
    (void)state;
    static const char *const path = "state";
    struct product before = cup(), after;
    struct failure failure;
    struct product_update update = update_of(&path, 1, "7");
    before.state = PRODUCT_DELETED;
    assert_int_equal(product_update_apply(&before, &update, NOW_US, &after, &failure),
                     UPDATE_REFUSED);
    assert_string_equal(failure.reason, "PRODUCT_DELETED");
}

static int64_t since_after(struct product before, int32_t limit, int64_t window_ms)
{
    static const char *const paths[] = {"max_per_customer", "limit_window"};
    struct product after;
    struct product_update update = update_of(paths, 2, "");
    update.values.max_per_customer = limit;
    update.values.limit_window_ms = window_ms;
    assert_int_equal(product_update_apply(&before, &update, NOW_US, &after, NULL), UPDATE_CHANGES);
    return after.limit_since_us;
}

/* Redis keeps what the present window reaches back to: a wider one cannot count what is older. */
static void test_what_counts_towards_a_limit(void **state)
{
    (void)state;
    struct product product = cup();
    assert_int_equal(since_after(product, 2, 60000), NOW_US);
    product.max_per_customer = 2;
    product.limit_window_ms = 60000;
    product.limit_since_us = 5;
    assert_int_equal(since_after(product, 3, 60000), 5);
    assert_int_equal(since_after(product, 2, 30000), 5);
    assert_int_equal(since_after(product, 2, 90000), NOW_US - 60000000);
    product.limit_since_us = NOW_US - 7;
    assert_int_equal(since_after(product, 2, 90000), NOW_US - 7);
    assert_int_equal(since_after(product, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_hold_on_both_sides),
        cmocka_unit_test(test_stock_numbers_and_times_hold_on_both_sides),
        cmocka_unit_test(test_states_that_a_caller_can_set),
        cmocka_unit_test(test_only_what_the_mask_names_is_set),
        cmocka_unit_test(test_every_field_of_the_contract_can_be_set),
        cmocka_unit_test(test_masks_that_cannot_be),
        cmocka_unit_test(test_a_price_is_changed_from_a_known_etag),
        cmocka_unit_test(test_an_update_asked_for_again_changes_nothing),
        cmocka_unit_test(test_a_deleted_product_stays_so),
        cmocka_unit_test(test_what_counts_towards_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
