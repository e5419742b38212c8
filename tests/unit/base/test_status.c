#include <string.h>

#include "base/status.h"
#include "tests/cmocka_all.h"

static void test_every_code_has_its_google_name(void **state)
{
    (void)state;
    assert_string_equal(status_name(STATUS_OK), "OK");
    assert_string_equal(status_name(STATUS_RESOURCE_EXHAUSTED), "RESOURCE_EXHAUSTED");
    assert_string_equal(status_name(STATUS_UNAUTHENTICATED), "UNAUTHENTICATED");
    assert_string_equal(status_name((enum status)17), "UNKNOWN");
    assert_string_equal(status_name((enum status) - 1), "UNKNOWN");
}

static void test_a_failure_is_filled_in_and_replaced(void **state)
{
    (void)state;
    struct failure failure;
    memset(&failure, 0xff, sizeof failure);
    assert_int_equal(failure_set_field(&failure, "lines[3].quantity", "BAD_QUANTITY", "not %d", -1),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.field, "lines[3].quantity");
    assert_string_equal(failure.message, "not -1");
    assert_int_equal(failure.metadata_count, 0);
    assert_int_equal(failure_set(&failure, STATUS_NOT_FOUND, "ORDER_NOT_FOUND", "none"),
                     STATUS_NOT_FOUND);
    assert_string_equal(failure.field, "");
    assert_int_equal(failure_set(NULL, STATUS_ABORTED, "X", "nobody listens"), STATUS_ABORTED);
}

static void test_long_texts_are_cut_and_metadata_has_an_end(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct failure failure;
    failure_set(&failure, STATUS_INTERNAL, text, "%s", text);
    assert_int_equal(strlen(failure.reason), FAILURE_REASON_BYTES - 1);
    assert_int_equal(strlen(failure.message), FAILURE_MESSAGE_BYTES - 1);
    for (int i = 0; i <= FAILURE_METADATA_MAX; i++) {
        failure_add(&failure, "available", "%d", i);
    }
    assert_int_equal(failure.metadata_count, FAILURE_METADATA_MAX);
    assert_string_equal(failure.metadata[3].value, "3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_has_its_google_name),
        cmocka_unit_test(test_a_failure_is_filled_in_and_replaced),
        cmocka_unit_test(test_long_texts_are_cut_and_metadata_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
