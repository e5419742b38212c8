/* Rows that make an order, and rows that spoil one. */
#include <stdio.h>
#include <string.h>

#include "client/cli/order_group.h"
#include "tests/cmocka_all.h"

#define NOW_US (INT64_C(1800000000) * 1000000)

static struct order_group group;
static struct failure failure;
static size_t where;

static int empty_it(void **state)
{
    (void)state;
    memset(&group, 0, sizeof(group));
    memset(&failure, 0, sizeof(failure));
    return 0;
}

static int free_it(void **state)
{
    (void)state;
    order_group_fini(&group);
    return 0;
}

static struct csv_values row(size_t line, const char *ref, const char *product,
                             const char *quantity)
{
    return (struct csv_values){
        .line = line, .items = {ref, "alice", "1996-07-04T00:00:00Z", product, quantity, NULL}};
}

static void add(struct csv_values values)
{
    assert_true(order_group_takes(&group, &values));
    order_group_add(&group, &values, NULL);
}

static void add_unreadable(size_t line, const char *ref)
{
    struct csv_values values = {.line = line, .items = {ref}};
    assert_true(order_group_takes(&group, &values));
    order_group_add(&group, &values, "text behind a closing quote");
}

static enum status check(void)
{
    return order_group_check(&group, NOW_US, &failure, &where);
}

static void expect_bad(size_t line, const char *reason, const char *message)
{
    assert_int_equal(check(), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, reason);
    assert_string_equal(failure.message, message);
    assert_int_equal(where, line);
}

static void collects_rows_of_one_ref(void **state)
{
    (void)state;
    add(row(2, "NW-1", "tea", "3"));
    struct csv_values priced = row(3, "NW-1", "cup", "1");
    priced.items[5] = "1400";
    add(priced);
    struct csv_values unpriced = row(4, "NW-1", "tea", "2");
    unpriced.items[5] = "";
    add(unpriced);
    struct csv_values other = row(5, "NW-2", "tea", "1");
    assert_false(order_group_takes(&group, &other));
    assert_int_equal(check(), STATUS_OK);
    assert_string_equal(group.order.order_ref, "NW-1");
    assert_string_equal(group.order.customer_id, "alice");
    assert_true(group.order.has_placed_time);
    assert_true(group.order.placed_time_us == INT64_C(836438400000000));
    assert_int_equal(group.order.line_count, 3);
    assert_false(group.lines[0].has_price);
    assert_true(group.lines[1].has_price);
    assert_int_equal(group.lines[1].unit_price_minor, 1400);
    assert_false(group.lines[2].has_price);
    assert_int_equal(group.first_line, 2);
}

static void starts_anew_after_a_reset(void **state)
{
    (void)state;
    add(row(2, "NW-1", "tea", "x"));
    order_group_reset(&group);
    assert_false(group.open);
    add(row(3, "NW-2", "cup", "1"));
    assert_int_equal(check(), STATUS_OK);
    assert_int_equal(group.order.line_count, 1);
}

static void an_empty_time_is_none(void **state)
{
    (void)state;
    struct csv_values values = row(2, "NW-1", "tea", "1");
    values.items[2] = "";
    add(values);
    assert_int_equal(check(), STATUS_OK);
    assert_false(group.order.has_placed_time);
}

static void names_the_line_of_what_is_wrong(void **state)
{
    (void)state;
    add(row(2, "NW-1", "tea", "3"));
    add(row(3, "NW-1", "t ea", "3"));
    assert_int_equal(check(), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "BAD_ID");
    assert_int_equal(where, 3);
    order_group_reset(&group);

    add(row(4, "NW-2", "tea", "1"));
    add(row(5, "NW-2", "tea", "0"));
    assert_int_equal(check(), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "BAD_QUANTITY");
    assert_int_equal(where, 5);
    order_group_reset(&group);

    add(row(6, "NW-3", "tea", "many"));
    expect_bad(6, "BAD_QUANTITY", "quantity is no whole number in range: many");
    order_group_reset(&group);

    add(row(7, "NW-4", "tea", "4294967297"));
    expect_bad(7, "BAD_QUANTITY", "quantity is no whole number in range: 4294967297");
    order_group_reset(&group);

    struct csv_values values = row(8, "NW-5", "tea", "1");
    values.items[5] = "1.50";
    add(values);
    expect_bad(8, "BAD_PRICE", "unit_price_minor is no whole number: 1.50");
    order_group_reset(&group);

    values = row(9, "NW-6", "tea", "1");
    values.items[2] = "yesterday";
    add(values);
    expect_bad(9, "BAD_TIME", "order_time is no time such as 1996-07-04T00:00:00Z: yesterday");
    order_group_reset(&group);

    values = row(10, "NW-7", "tea", "1");
    values.items[2] = "2999-01-01T00:00:00Z";
    add(values);
    assert_int_equal(check(), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "BAD_TIME");
    order_group_reset(&group);

    add(row(11, "", "tea", "1"));
    assert_int_equal(check(), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "BAD_ID");
    assert_int_equal(where, 11);
}

static void wants_one_customer_and_one_time(void **state)
{
    (void)state;
    add(row(2, "NW-1", "tea", "3"));
    struct csv_values values = row(3, "NW-1", "cup", "1");
    values.items[1] = "bob";
    add(values);
    expect_bad(3, "BAD_ROW", "customer_id is not that of the order's first row: bob");
    order_group_reset(&group);

    add(row(4, "NW-2", "tea", "3"));
    values = row(5, "NW-2", "cup", "1");
    values.items[2] = "1996-07-05T00:00:00Z";
    add(values);
    expect_bad(5, "BAD_ROW",
               "order_time is not that of the order's first row: 1996-07-05T00:00:00Z");
}

static void takes_the_most_lines_and_not_one_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHOP_ORDER_LINES_MAX; i++) {
        add(row(2 + i, "NW-1", "tea", "1"));
    }
    assert_int_equal(check(), STATUS_OK);
    add(row(2 + SHOP_ORDER_LINES_MAX, "NW-1", "tea", "1"));
    expect_bad(2, "BAD_LINE_COUNT", "an order has 1 to 2000 lines, not 2001");
}

static void an_unreadable_row_of_a_known_order_spoils_that_one_only(void **state)
{
    (void)state;
    add(row(2, "NW-1", "tea", "1"));
    add_unreadable(3, "NW-1");
    expect_bad(3, "BAD_ROW", "text behind a closing quote");
    order_group_reset(&group);
    add(row(4, "NW-2", "tea", "1"));
    assert_int_equal(check(), STATUS_OK);
}

static void an_unreadable_row_of_no_known_order_spoils_both_neighbours(void **state)
{
    (void)state;
    add(row(2, "NW-1", "tea", "1"));
    add_unreadable(3, NULL);
    struct csv_values next = row(4, "NW-2", "tea", "1");
    assert_false(order_group_takes(&group, &next));
    expect_bad(3, "BAD_ROW", "text behind a closing quote");
    order_group_reset(&group);
    add(next);
    expect_bad(4, "BAD_ROW", "may begin with a row that cannot be read: line 3");
    order_group_reset(&group);
    add(row(5, "NW-3", "tea", "1"));
    assert_int_equal(check(), STATUS_OK);
}

static void an_unreadable_row_that_the_order_goes_on_behind_spoils_no_other(void **state)
{
    (void)state;
    add(row(2, "NW-1", "tea", "1"));
    add_unreadable(3, NULL);
    add(row(4, "NW-1", "tea", "1"));
    expect_bad(3, "BAD_ROW", "text behind a closing quote");
    order_group_reset(&group);
    add(row(5, "NW-2", "tea", "1"));
    assert_int_equal(check(), STATUS_OK);
}

static void an_unreadable_first_row_is_reported_by_itself(void **state)
{
    (void)state;
    add_unreadable(2, NULL);
    add_unreadable(3, NULL);
    expect_bad(2, "BAD_ROW", "text behind a closing quote");
    assert_string_equal(group.order.order_ref, "");
    order_group_reset(&group);
    add(row(4, "NW-1", "tea", "1"));
    assert_int_equal(check(), STATUS_INVALID_ARGUMENT);
}

static void bounds_its_memory(void **state)
{
    (void)state;
    static char text[60000];
    memset(text, 'x', sizeof(text) - 1);
    for (size_t i = 0; i < 100; i++) {
        add(row(2 + i, "NW-1", text, "1"));
    }
    assert_int_equal(check(), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.message, "the order's texts are too long");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, empty_it, free_it)
    const struct CMUnitTest tests[] = {
        TEST(collects_rows_of_one_ref),
        TEST(starts_anew_after_a_reset),
        TEST(an_empty_time_is_none),
        TEST(names_the_line_of_what_is_wrong),
        TEST(wants_one_customer_and_one_time),
        TEST(takes_the_most_lines_and_not_one_more),
        TEST(an_unreadable_row_of_a_known_order_spoils_that_one_only),
        TEST(an_unreadable_row_of_no_known_order_spoils_both_neighbours),
        TEST(an_unreadable_row_that_the_order_goes_on_behind_spoils_no_other),
        TEST(an_unreadable_first_row_is_reported_by_itself),
        TEST(bounds_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
