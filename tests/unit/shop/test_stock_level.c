/* Where the line is, and what those who are told of it get. */
#include <shop/v1/events.pb-c.h>

#include "shop/stock_level.h"
#include "tests/cmocka_all.h"

static enum stock_crossing crossing(int64_t available, int64_t threshold, int64_t available_after,
                                    int64_t threshold_after)
{
    return stock_level_crossing((struct stock_level){available, threshold},
                                (struct stock_level){available_after, threshold_after});
}

static void test_the_threshold_itself_is_low(void **state)
{
    (void)state;
    assert_int_equal(crossing(5, 3, 4, 3), STOCK_NOT_CROSSED);
    assert_int_equal(crossing(4, 3, 3, 3), STOCK_LOW);
    assert_int_equal(crossing(3, 3, 2, 3), STOCK_NOT_CROSSED);
    assert_int_equal(crossing(2, 3, 3, 3), STOCK_NOT_CROSSED);
    assert_int_equal(crossing(3, 3, 4, 3), STOCK_BACK);
    assert_int_equal(crossing(9, 3, 0, 3), STOCK_LOW);
    assert_int_equal(crossing(-2, 3, 9, 3), STOCK_BACK);
}

static void test_without_a_threshold_sold_out_is_low(void **state)
{
    (void)state;
    assert_int_equal(crossing(2, 0, 1, 0), STOCK_NOT_CROSSED);
    assert_int_equal(crossing(1, 0, 0, 0), STOCK_LOW);
    assert_int_equal(crossing(0, 0, 1, 0), STOCK_BACK);
}

static void test_a_line_that_moves_is_crossed(void **state)
{
    (void)state;
    assert_int_equal(crossing(5, 3, 5, 5), STOCK_LOW);
    assert_int_equal(crossing(5, 5, 5, 4), STOCK_BACK);
    assert_int_equal(crossing(5, 3, 5, 4), STOCK_NOT_CROSSED);
}

static void test_it_is_told_as_the_contract_says(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024, 4096);
    struct stock_notice notice = {
        .crossing = STOCK_BACK,
        .event_id = {{0x11, 0x22}},
        .event_time_us = 1700000000000001,
        .epoch = 7,
        .product_id = "tea",
        .level = {.available = 4, .threshold = 3},
    };
    struct bytes encoded = stock_notice_encode(&notice, &arena);
    assert_non_null(encoded.data);
    Shop__V1__Event *event = shop__v1__event__unpack(NULL, encoded.size, encoded.data);
    assert_non_null(event);
    assert_string_equal(event->event_id, "11220000-0000-0000-0000-000000000000");
    assert_int_equal(event->event_time->seconds, 1700000000);
    assert_int_equal(event->event_time->nanos, 1000);
    assert_int_equal(event->epoch, 7);
    assert_int_equal(event->change_case, SHOP__V1__EVENT__CHANGE_STOCK_LEVEL);
    assert_int_equal(event->stock_level->kind, SHOP__V1__STOCK_LEVEL__KIND__KIND_BACK);
    assert_string_equal(event->stock_level->product_id, "tea");
    assert_int_equal(event->stock_level->available, 4);
    assert_int_equal(event->stock_level->low_stock_threshold, 3);
    shop__v1__event__free_unpacked(event, NULL);
    arena_fini(&arena);
}

static void test_a_full_arena_is_said(void **state)
{
    (void)state;
    struct arena arena;
    struct stock_notice notice = {.crossing = STOCK_LOW, .product_id = "tea"};
    arena_init(&arena, 16, 16);
    assert_null(stock_notice_encode(&notice, &arena).data);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_threshold_itself_is_low),
        cmocka_unit_test(test_without_a_threshold_sold_out_is_low),
        cmocka_unit_test(test_a_line_that_moves_is_crossed),
        cmocka_unit_test(test_it_is_told_as_the_contract_says),
        cmocka_unit_test(test_a_full_arena_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
