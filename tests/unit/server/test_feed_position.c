#include "server/order_reader.h"
#include "tests/cmocka_all.h"

static struct arena arena;

static const char *print(int64_t xid, int64_t place)
{
    return feed_position_print(&(struct feed_position){xid, place}, &arena);
}

static void test_positions_compare_as_their_texts(void **state)
{
    (void)state;
    const char *texts[] = {print(0, 0),    print(0, 1),     print(9, 0xFFFFFFFF), print(10, 1),
                           print(10, 255), print(10, 4096), print(INT64_MAX, 1)};
    for (size_t i = 1; i < sizeof texts / sizeof *texts; i++) {
        assert_true(strcmp(texts[i - 1], texts[i]) < 0);
    }
    struct feed_position position;
    assert_true(feed_position_parse(print(INT64_MAX, 4096), &position));
    assert_true(position.xid == INT64_MAX && position.place == 4096);
    assert_string_equal(print(0xa1b2c, 255), "00000000000a1b2c-000000ff");
}

static void test_what_is_no_position_is_refused(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "",
        "7",
        "00000000000a1b2c",
        "00000000000a1b2c-000000f",
        "00000000000a1b2c-000000ff0",
        "00000000000A1B2C-000000ff",
        "00000000000a1b2c_000000ff",
        " 0000000000a1b2c-000000ff",
        "-0000000000a1b2c-000000ff",
        "8000000000000000-00000001", /* no xid of PostgreSQL's would be that large */
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        struct feed_position position;
        assert_false(feed_position_parse(TEXTS[i], &position));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions_compare_as_their_texts),
        cmocka_unit_test(test_what_is_no_position_is_refused),
    };
    arena_init(&arena, 4096, 65536);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
