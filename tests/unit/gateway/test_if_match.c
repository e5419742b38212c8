#include <string.h>

#include "gateway/if_match.h"
#include "tests/cmocka_all.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1024, 65536);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        const char *header, *etags[3];
    } CASES[] = {
        {"\"7\"", {"7"}},
        {"\"6\",\"7\"", {"6", "7"}},
        {" \"6\"\t, ,\"a,b\" ,", {"6", "a,b"}},
        {"W/\"6\", \"7\"", {"7"}},
        {"W/\"6\"", {NULL}},
        {"\"\"", {NULL}},
        {"\"\xC3\xBC\", \"W/\"", {"W/"}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct if_match list;
        struct failure failure;
        assert_int_equal(if_match_read(CASES[i].header, &arena, &list, &failure), STATUS_OK);
        size_t count = 0;
        for (; CASES[i].etags[count] != NULL; count++) {
            assert_true(count < list.count);
            assert_string_equal(list.etags[count], CASES[i].etags[count]);
        }
        assert_int_equal(list.count, count);
    }
}

static void test_what_is_no_list_is_refused(void **state)
{
    (void)state;
    static const char *const CASES[] = {"",         ",",       "7",        "\"7",        "*, \"7\"",
                                        "w/\"7\"",  "W/",      "W/ \"7\"", "\"7\"\"6\"", "\"a b\"",
                                        "\"\x7F\"", "\"7\" x", "\"7\", W", "\"7\";"};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct if_match list;
        struct failure failure;
        assert_int_equal(if_match_read(CASES[i], &arena, &list, &failure), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "IF_MATCH_MALFORMED");
    }
}

static void test_as_many_as_there_may_be(void **state)
{
    (void)state;
    static const char ETAG[4] = {'"', '7', '"', ','};
    char header[(IF_MATCH_ETAGS_MAX + 1) * sizeof ETAG + 1] = "";
    struct if_match list;
    struct failure failure;
    for (size_t i = 0; i < IF_MATCH_ETAGS_MAX; i++) {
        memcpy(header + i * sizeof ETAG, ETAG, sizeof ETAG);
    }
    assert_int_equal(if_match_read(header, &arena, &list, &failure), STATUS_OK);
    assert_int_equal(list.count, IF_MATCH_ETAGS_MAX);
    memcpy(header + IF_MATCH_ETAGS_MAX * sizeof ETAG, ETAG, sizeof ETAG);
    assert_int_equal(if_match_read(header, &arena, &list, &failure), STATUS_INVALID_ARGUMENT);
}

static void test_the_one_that_the_thing_has(void **state)
{
    (void)state;
    struct if_match list;
    struct failure mismatch = {0};
    assert_int_equal(if_match_read("\"6\", \"7\"", &arena, &list, &mismatch), STATUS_OK);
    (void)failure_set(&mismatch, STATUS_ABORTED, "ETAG_MISMATCH", "it has another one");
    assert_null(if_match_find(&list, &mismatch));
    failure_add(&mismatch, "product_id", "7");
    failure_add(&mismatch, "etag", "8");
    assert_null(if_match_find(&list, &mismatch));
    memcpy(mismatch.metadata[1].value, "7", 2);
    assert_ptr_equal(if_match_find(&list, &mismatch), list.etags[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_list_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_as_many_as_there_may_be, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_one_that_the_thing_has, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
