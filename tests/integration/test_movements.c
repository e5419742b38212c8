/* Pages of a product's movements: whatever their size, wherever they begin and end and whatever
 * else there is in between, together they are what the view stock_movements says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/postgres_array.h"
#include "server/movements.h"
#include "tests/cmocka_all.h"
#include "tests/integration/store_fixture.h"

#define BASE_US   INT64_C(1700000000000000)
#define END_US    INT64_C(253402300799000000)
#define PAGES_MAX 1000
#define LOOKS     100

/* More orders than a page looks at, a second apart but for more than that at one moment; and as
 * many changes. p-0001 is in one order of 500, p-0002 in all of them, p-0003 in none. Entries of
 * the ledger in between, some of the very moment of an order. */
static const char FILL[] =
    "CREATE TABLE filled AS SELECT n, "
    "('0000' || lpad(to_hex(n), 4, '0') || '-0000-7000-8000-000000000000')::uuid AS order_id,"
    " to_timestamp(1700000000 + 60 * CASE WHEN n BETWEEN 80 AND 190 THEN 80 ELSE n END) AS at"
    " FROM generate_series(1, 240) n;"
    "INSERT INTO orders (order_id, customer_id, state, version, currency, total_minor, order_ref,"
    " request_hash, create_time, placed_time) SELECT order_id, 'c', 4, 2, 'EUR', 1, 'ref-' || n,"
    " '', at, at FROM filled;"
    "INSERT INTO order_lines (order_id, line_number, product_id, quantity, unit_price_minor)"
    " SELECT order_id, l, CASE WHEN n % 10 = 0 AND l < 3 THEN 'p-0001' ELSE 'p-0002' END,"
    " 1 + n % 3, 1 FROM filled, generate_series(1, 3) l;"
    "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, to_state,"
    " outcome) SELECT order_id, 1, md5('e' || n)::uuid, 0, at, 'a-' || n % 2, 2,"
    " CASE n % 30 WHEN 0 THEN 2 ELSE 1 END FROM filled;"
    "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, to_state,"
    " outcome, write_off, reason, line_numbers, line_quantities)"
    " SELECT order_id, 2, md5('f' || n)::uuid, 2 + n / 10 % 4, at + interval '30 seconds', 'b', 4,"
    " CASE n % 70 WHEN 0 THEN 0 ELSE 1 END, n % 40 = 0, 'why', '{1,3}', '{1,1}' FROM filled;"
    "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, to_state)"
    " SELECT order_id, 3, md5('g' || n)::uuid, 2, at, 'b', 4 FROM filled;"
    "INSERT INTO stock_ledger SELECT gen_random_uuid(), md5('h' || n)::uuid, 'p-000' || 1 + n % 2,"
    " n, 0, 0, 'count', 'doc-' || n, 'c', to_timestamp(1700000000 + n * 300) FROM "
    "generate_series(0, 49) n;"
    "ANALYZE orders; ANALYZE order_lines; ANALYZE order_events";

static int setup(void **state)
{
    assert_int_equal(store_fixture_setup(state), 0);
    database_execute(&database, FILL);
    assert_int_equal(database_int(&database, "SELECT count(*) FROM orders WHERE create_time ="
                                             " to_timestamp(1700004800)"),
                     LOOKS + 11);
    return 0;
}

/* As the view's rows are printed by the query in expect(). */
static void print(FILE *file, const struct stock_movement *movement)
{
    char event_id[UUID_TEXT_BYTES], order_id[UUID_TEXT_BYTES];
    uuid_print(&movement->event_id, event_id);
    uuid_print(&movement->order_id, order_id);
    (void)fprintf(file, "%lld %s %d %s %s %lld %lld %lld %lld %s %s %s\n",
                  (long long)movement->event_time_us, event_id, movement->line_number,
                  movement->cause, movement->has_order ? order_id : "-",
                  (long long)movement->delta_on_hand, (long long)movement->delta_reserved,
                  (long long)movement->on_hand_after, (long long)movement->reserved_after,
                  movement->actor, movement->reason, movement->reference);
}

/* All pages, one behind the other; the caller frees. */
static char *walk(const char *product_id, int64_t start_us, int64_t end_us, int32_t most,
                  size_t *pages_out)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    struct movement_page page = {.more = true};
    assert_int_equal(
        movements_start(link_of_test, product_id, start_us, &arena, soon(), &page.next, &failure),
        STATUS_OK);
    for (*pages_out = 0; page.more; (*pages_out)++) {
        struct movement_position after = page.next;
        arena_reset(&arena);
        assert_true(*pages_out < PAGES_MAX);
        assert_int_equal(movements_list(link_of_test, product_id, &after, end_us, most, LOOKS,
                                        &arena, soon(), &page, &failure),
                         STATUS_OK);
        assert_true(page.count <= (size_t)most);
        for (size_t i = 0; i < page.count; i++) {
            print(file, &page.movements[i]);
        }
    }
    (void)fclose(file);
    return text;
}

static size_t expect(const char *product_id, int64_t start_us, int64_t end_us, int32_t most)
{
    char sql[1024];
    size_t pages;
    (void)snprintf(
        sql, sizeof sql,
        "SELECT concat_ws(' ', (extract(epoch FROM event_time) * 1000000)::int8, event_id,"
        " line_number, cause, coalesce(order_id::text, '-'), delta_on_hand,"
        " delta_reserved, on_hand_after, reserved_after, actor, reason, reference)"
        " FROM stock_movements WHERE product_id = '%s' AND event_time >="
        " to_timestamp(%lld) AND event_time < to_timestamp(%lld)"
        " ORDER BY event_time, event_id, line_number",
        product_id, (long long)(start_us / 1000000), (long long)(end_us / 1000000));
    char *expected = database_rows(&database, sql);
    char *walked = walk(product_id, start_us, end_us, most, &pages);
    if (strcmp(expected, walked) != 0) {
        size_t at = 0;
        while (expected[at] == walked[at]) {
            at++;
        }
        at = at > 100 ? at - 100 : 0;
        fail_msg("%s, pages of %d: expected\n%.300s\ngot\n%.300s", product_id, most, expected + at,
                 walked + at);
    }
    free(expected);
    free(walked);
    return pages;
}

static void test_pages_are_what_the_view_says(void **state)
{
    (void)state;
    (void)expect("p-0001", 0, END_US, 1);
    (void)expect("p-0001", 0, END_US, 7);
    (void)expect("p-0001", 0, END_US, 1000);
    (void)expect("p-0002", 0, END_US, 1000);
    (void)expect("p-0002", 0, END_US, LOOKS);
    (void)expect("p-0002", 0, END_US, 7);
}

/* Also where nothing comes for longer than a page looks at, and at a moment of more than that. */
static void test_a_product_that_is_rarely_moved_takes_short_pages(void **state)
{
    (void)state;
    size_t pages = expect("p-0001", 0, END_US, 1000);
    assert_in_range(pages, 2, 10);
    assert_in_range(expect("p-0003", 0, END_US, 50), 2, 10);
}

/* What is before the start is in the first balance. */
static void test_a_list_of_a_time_begins_with_the_balance_of_then(void **state)
{
    (void)state;
    (void)expect("p-0001", BASE_US + INT64_C(1000000000), END_US, 10);
    (void)expect("p-0001", BASE_US + INT64_C(4800000000), BASE_US + INT64_C(4801000000), 5);
    (void)expect("p-0002", BASE_US + INT64_C(13000000000), BASE_US + INT64_C(14000000000), 50);
    (void)expect("p-0002", 0, BASE_US + INT64_C(600000000), 50);
    (void)expect("p-0001", BASE_US + INT64_C(90000000000), END_US, 10);
}

/* The page goes on where the one before it ended, though PostgreSQL has learned of something
 * earlier meanwhile: that is in a list that begins anew. */
static void test_what_comes_late_does_not_break_a_list(void **state)
{
    (void)state;
    struct movement_page first, second;
    struct movement_position start;
    assert_int_equal(movements_start(link_of_test, "p-0001", 0, &arena, soon(), &start, &failure),
                     STATUS_OK);
    assert_int_equal(movements_list(link_of_test, "p-0001", &start, END_US, 10, LOOKS, &arena,
                                    soon(), &first, &failure),
                     STATUS_OK);
    assert_int_equal(first.count, 10);
    database_execute(&database, "INSERT INTO stock_ledger VALUES (gen_random_uuid(),"
                                " gen_random_uuid(), 'p-0001', 1000, 0, 0, '', '', '',"
                                " to_timestamp(1699999999))");
    assert_int_equal(movements_list(link_of_test, "p-0001", &first.next, END_US, 10, LOOKS, &arena,
                                    soon(), &second, &failure),
                     STATUS_OK);
    assert_int_equal(second.count, 10);
    assert_int_equal(second.movements[0].on_hand_after - second.movements[0].delta_on_hand,
                     first.movements[9].on_hand_after);
    assert_int_equal(second.movements[0].reserved_after - second.movements[0].delta_reserved,
                     first.movements[9].reserved_after);
    (void)expect("p-0001", 0, END_US, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pages_are_what_the_view_says),
        TEST(test_a_product_that_is_rarely_moved_takes_short_pages),
        TEST(test_a_list_of_a_time_begins_with_the_balance_of_then),
        TEST(test_what_comes_late_does_not_break_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
