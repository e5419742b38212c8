/* What a store's failure becomes on its way to the caller. */
#include <string.h>

#include "server/refusals.h"
#include "tests/cmocka_all.h"

static void expect(enum status cause_code, enum status code, const char *reason)
{
    struct failure failure = {0}, cause = {.code = cause_code};
    assert_int_equal(refuse_for_store(&failure, STORE_POSTGRES, &cause), code);
    assert_int_equal(failure.code, code);
    assert_string_equal(failure.reason, reason);
    assert_null(strstr(failure.message, "libpq"));
}

static void test_unknown_stays_unknown_and_what_passes_is_unavailable(void **state)
{
    (void)state;
    expect(STATUS_UNKNOWN, STATUS_UNKNOWN, "OUTCOME_UNKNOWN");
    expect(STATUS_UNAVAILABLE, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    expect(STATUS_DEADLINE_EXCEEDED, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    expect(STATUS_ABORTED, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    expect(STATUS_RESOURCE_EXHAUSTED, STATUS_RESOURCE_EXHAUSTED, "OVERLOADED");
}

static void test_our_own_mistakes_are_internal_and_never_ok(void **state)
{
    (void)state;
    static const enum status codes[] = {STATUS_OK, STATUS_INVALID_ARGUMENT,
                                        STATUS_FAILED_PRECONDITION, STATUS_INTERNAL,
                                        STATUS_DATA_LOSS};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        expect(codes[i], STATUS_INTERNAL, "INTERNAL");
    }
}

static void test_whoever_may_try_again_is_told_when(void **state)
{
    (void)state;
    struct failure failures[6] = {0};
    (void)refuse_unavailable(&failures[0], STORE_REDIS);
    (void)refuse_unknown(&failures[1], STORE_REDIS);
    (void)refuse_fenced(&failures[2]);
    (void)refuse_overloaded(&failures[3]);
    (void)refuse_not_loaded(&failures[4], "tea");
    (void)refuse_unanswerable(&failures[5]);
    for (size_t i = 0; i < 6; i++) {
        assert_true(failures[i].retry_delay_ms > 0);
    }
    assert_string_equal(failures[0].metadata[0].value, "redis");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_stays_unknown_and_what_passes_is_unavailable),
        cmocka_unit_test(test_our_own_mistakes_are_internal_and_never_ok),
        cmocka_unit_test(test_whoever_may_try_again_is_told_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
