/* Cells: how long ago something was. */
#include "client/cli/cells.h"
#include "tests/cmocka_all.h"

static void says_how_long_ago(void **state)
{
    (void)state;
    static const struct {
        int64_t age;
        const char *text;
    } cases[] = {{0, "just now"},         {1, "just now"},        {-1, "just now"},
                 {2, "2 s ago"},          {59, "59 s ago"},       {60, "1 min ago"},
                 {200, "3 min ago"},      {3599, "59 min ago"},   {3600, "1 h ago"},
                 {172799, "47 h ago"},    {172800, "2 days ago"}, {2678399, "30 days ago"},
                 {2678400, "2026-01-01"}, {-90, "in 1 min"},      {-7200, "in 2 h"}};
    struct arena arena;
    arena_init(&arena, 4096, 1 << 16);
    int64_t now = 1769904000; /* 2026-02-01 */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
        time.seconds = now - cases[i].age;
        assert_string_equal(cell_ago(&arena, &time, now * 1000000), cases[i].text);
    }
    assert_string_equal(cell_ago(&arena, NULL, 0), "");
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_how_long_ago)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
