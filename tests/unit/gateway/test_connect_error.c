#include "gateway/connect_error.h"
#include "tests/cmocka_all.h"

static void must_print(const struct failure *failure, const char *expected)
{
    struct arena arena;
    arena_init(&arena, 1024, 65536);
    struct bytes text = connect_error_print(failure, &arena);
    assert_string_equal((const char *)text.data, expected);
    arena_fini(&arena);
}

static void test_a_bare_failure(void **state)
{
    (void)state;
    struct failure failure = {.code = STATUS_CANCELLED, .message = "a \"b\""};
    must_print(&failure, "{\"code\":\"canceled\",\"message\":\"a \\\"b\\\"\"}");
    failure.code = (enum status)99;
    must_print(&failure, "{\"code\":\"unknown\",\"message\":\"a \\\"b\\\"\"}");
}

static void test_details(void **state)
{
    (void)state;
    struct failure failure = {0};
    (void)failure_set(&failure, STATUS_NOT_FOUND, "GONE", "gone");
    must_print(
        &failure,
        "{\"code\":\"not_found\",\"message\":\"gone\",\"details\":[{\"type\":\"google.rpc."
        "ErrorInfo\",\"value\":\"CgRHT05FEgtzaG9wLm9yZGVycw\",\"debug\":{\"@type\":\"type."
        "googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"GONE\",\"domain\":\"shop.orders\""
        "}}]}");
}

static void test_a_full_arena_still_answers(void **state)
{
    (void)state;
    struct arena arena;
    struct failure failure = {.code = STATUS_INTERNAL};
    arena_init(&arena, 16, 16);
    struct bytes text = connect_error_print(&failure, &arena);
    assert_string_equal((const char *)text.data, "{\"code\":\"resource_exhausted\"}");
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bare_failure),
        cmocka_unit_test(test_details),
        cmocka_unit_test(test_a_full_arena_still_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
