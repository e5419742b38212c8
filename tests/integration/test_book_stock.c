/* The book's stock besides decisions: deltas, and loading it anew for an epoch. */
#include <stdio.h>

#include "tests/cmocka_all.h"
#include "tests/integration/book_fixture.h"

/* ---- stock that comes back ---- */

static void test_s21_a_delta_is_applied_once(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_delta deltas[] = {
        {.delta_id = 1, .epoch = BOOK_TEST_EPOCH, .product_id = "a", .quantity = 5},
        {.delta_id = 1, .epoch = BOOK_TEST_EPOCH, .product_id = "a", .quantity = 5},
        {.delta_id = 2, .epoch = BOOK_TEST_EPOCH, .product_id = "b", .quantity = -3},
        {.delta_id = 3, .epoch = BOOK_TEST_EPOCH, .product_id = "new", .quantity = 0},
        {.delta_id = 4,
         .epoch = BOOK_TEST_EPOCH - 1,
         .product_id = "a",
         .quantity = 1000}, /* in the sums that the stock was loaded from */
    };
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(book_apply(fixture->book, deltas, 5, NULL), STATUS_OK);
        assert_int_equal(book_fixture_stock(fixture->book, "a"), 105);
        assert_int_equal(book_fixture_stock(fixture->book, "b"), 47);
        assert_int_equal(book_fixture_stock(fixture->book, "new"), 0);
    }
    assert_int_equal(book_apply(fixture->book, NULL, 0, NULL), STATUS_OK);
}

static void test_ids_of_deltas_may_come_again_in_another_epoch(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_delta delta = {
        .delta_id = 1, .epoch = BOOK_TEST_EPOCH, .product_id = "a", .quantity = 5};
    assert_int_equal(book_apply(fixture->book, &delta, 1, NULL), STATUS_OK);
    book_fixture_open(fixture->book, BOOK_TEST_EPOCH + 1);
    delta.epoch = BOOK_TEST_EPOCH + 1;
    assert_int_equal(book_apply(fixture->book, &delta, 1, NULL), STATUS_OK);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 105);
}

static void test_many_deltas_go_in_several_commands(void **state)
{
    struct book_fixture *fixture = *state;
    static struct book_delta deltas[1500];
    for (int i = 0; i < 1500; i++) {
        deltas[i] = (struct book_delta){
            .delta_id = i, .epoch = BOOK_TEST_EPOCH, .product_id = "a", .quantity = 2};
    }
    assert_int_equal(book_apply(fixture->book, deltas, 1500, NULL), STATUS_OK);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 3100);
}

static void test_a_delta_of_a_later_epoch_waits(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_delta delta = {
        .delta_id = 1, .epoch = BOOK_TEST_EPOCH + 1, .product_id = "a", .quantity = 5};
    struct failure failure;
    assert_int_equal(book_apply(fixture->book, &delta, 1, &failure), STATUS_UNAVAILABLE);
    assert_string_equal(failure.reason, "STOCK_FENCED");
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 100);
}

/* ---- opening ---- */

static bool is_open(struct book *book, int64_t epoch)
{
    bool open = false;
    assert_int_equal(book_check(book, epoch, &open, NULL), STATUS_OK);
    return open;
}

static void test_every_step_of_opening_but_the_last_is_fenced(void **state)
{
    struct book_fixture *fixture = *state;
    struct book *book = fixture->book;
    const struct book_take stock = {"a", 9};
    assert_true(is_open(book, BOOK_TEST_EPOCH));
    assert_false(is_open(book, BOOK_TEST_EPOCH + 1));
    assert_int_equal(book_epoch(book), BOOK_TEST_EPOCH);

    assert_int_equal(book_open_begin(book, NULL), STATUS_OK);
    assert_false(is_open(book, BOOK_TEST_EPOCH));
    assert_int_equal(book_fixture_take(book, "a", 1), BOOK_FENCED);
    assert_int_equal(book_open_load(book, &stock, 1, NULL), STATUS_OK);
    assert_int_equal(book_fixture_take(book, "a", 1), BOOK_FENCED);
    assert_int_equal(book_open_end(book, BOOK_TEST_EPOCH + 1, NULL), STATUS_OK);
    assert_true(is_open(book, BOOK_TEST_EPOCH + 1));
    assert_int_equal(book_fixture_take(book, "a", 9), BOOK_DECIDED);
    assert_int_equal(book_fixture_stock(book, "b"), -1);

    book_set_epoch(book, BOOK_TEST_EPOCH); /* somebody who has not heard of it */
    assert_int_equal(book_fixture_take(book, "a", 1), BOOK_FENCED);
    const struct book_delta delta = {
        .delta_id = 1, .epoch = BOOK_TEST_EPOCH, .product_id = "a", .quantity = 5};
    assert_int_equal(book_apply(book, &delta, 1, NULL), STATUS_UNAVAILABLE);
}

static void test_a_large_catalogue_is_loaded_in_several_exchanges(void **state)
{
    struct book_fixture *fixture = *state;
    enum { PRODUCTS = 40000 };
    static char ids[PRODUCTS][16];
    static struct book_take stock[PRODUCTS];
    for (int i = 0; i < PRODUCTS; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "p%d", i);
        stock[i] = (struct book_take){ids[i], i};
    }
    assert_int_equal(book_open_begin(fixture->book, NULL), STATUS_OK);
    assert_int_equal(book_open_load(fixture->book, stock, PRODUCTS, NULL), STATUS_OK);
    assert_int_equal(book_open_load(fixture->book, NULL, 0, NULL), STATUS_OK);
    assert_int_equal(book_open_end(fixture->book, BOOK_TEST_EPOCH + 1, NULL), STATUS_OK);
    assert_int_equal(book_fixture_command(fixture->link, "HLEN", "{s0}:stock", NULL), PRODUCTS);
    assert_int_equal(book_fixture_stock(fixture->book, "p39999"), 39999);
    assert_int_equal(book_fixture_stock(fixture->book, "p16384"), 16384);
}

static void test_opening_twice_for_one_epoch_is_harmless(void **state)
{
    struct book_fixture *fixture = *state;
    assert_int_equal(book_open_end(fixture->book, BOOK_TEST_EPOCH, NULL), STATUS_OK);
    assert_int_equal(book_fixture_take(fixture->book, "a", 1), BOOK_DECIDED);
}

static void test_who_comes_late_cannot_open_over_another(void **state)
{
    struct book_fixture *fixture = *state;
    struct failure failure;
    assert_int_equal(book_open_end(fixture->book, BOOK_TEST_EPOCH - 1, &failure), STATUS_ABORTED);
    assert_string_equal(failure.reason, "STOCK_OPENED_BY_ANOTHER");
    assert_int_equal(book_fixture_take(fixture->book, "a", 1), BOOK_DECIDED);
}

/* Who stood still in the middle of it, and comes back when another has begun, or Redis was emptied.
 */
static void test_who_comes_back_writes_nothing_into_anothers_stock(void **state)
{
    struct book_fixture *fixture = *state;
    struct failure failure;
    const struct book_take stale = {"a", 1000};
    const struct book_held held = {.order_id = uuid_v7(clock_system()), .end_unix_ms = 1};
    assert_int_equal(book_open_begin(fixture->book, NULL), STATUS_OK);
    assert_int_equal(book_open_load(fixture->book, &stale, 1, NULL), STATUS_OK);
    struct book *other = book_create(fixture->link, "s0", &BOOK_LIMITS_DEFAULT);
    book_fixture_open(other, BOOK_TEST_EPOCH + 2);
    assert_int_equal(book_open_load(fixture->book, &stale, 1, &failure), STATUS_ABORTED);
    assert_string_equal(failure.reason, "STOCK_OPENED_BY_ANOTHER");
    assert_int_equal(book_open_holds(fixture->book, &held, 1, &failure), STATUS_ABORTED);
    assert_int_equal(book_open_end(fixture->book, BOOK_TEST_EPOCH + 1, &failure), STATUS_ABORTED);
    assert_int_equal(book_fixture_stock(other, "a"), 100);
    assert_int_equal(book_fixture_gauges(other).holds, 0);
    assert_int_equal(book_fixture_take(other, "a", 100), BOOK_DECIDED);
    assert_int_equal(book_fixture_command(fixture->link, "FLUSHALL", NULL, NULL), 0);
    assert_int_equal(book_open_load(other, &stale, 1, &failure), STATUS_ABORTED);
    assert_int_equal(book_open_end(other, BOOK_TEST_EPOCH + 2, &failure), STATUS_ABORTED);
    book_destroy(&other);
}

static void test_two_shards_do_not_see_each_other(void **state)
{
    struct book_fixture *fixture = *state;
    struct book *other = book_create(fixture->link, "s1", &BOOK_LIMITS_DEFAULT);
    book_fixture_open(other, 3);
    book_fixture_open(fixture->book, BOOK_TEST_EPOCH + 1);
    assert_int_equal(book_fixture_take(other, "a", 100), BOOK_DECIDED);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 100);
    book_destroy(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, book_fixture_setup, book_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_s21_a_delta_is_applied_once),
        TEST(test_ids_of_deltas_may_come_again_in_another_epoch),
        TEST(test_many_deltas_go_in_several_commands),
        TEST(test_a_delta_of_a_later_epoch_waits),
        TEST(test_every_step_of_opening_but_the_last_is_fenced),
        TEST(test_a_large_catalogue_is_loaded_in_several_exchanges),
        TEST(test_opening_twice_for_one_epoch_is_harmless),
        TEST(test_who_comes_late_cannot_open_over_another),
        TEST(test_who_comes_back_writes_nothing_into_anothers_stock),
        TEST(test_two_shards_do_not_see_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
