#include "tests/unit/json/json_case.h"

static enum status assign(struct json_case *test, void *message, const char *path, const char *text)
{
    return json_assign(message, bytes_of_text(path), bytes_of_text(text), &test->arena,
                       &test->failure);
}

static void must_assign(struct json_case *test, void *message, const char *path, const char *text)
{
    if (assign(test, message, path, text) != STATUS_OK) {
        fail_msg("%s=%s: %s", path, text, test->failure.message);
    }
}

static void test_texts_become_scalars(void **state)
{
    struct json_case *test = *state;
    Json__Test__Scalars scalars = JSON__TEST__SCALARS__INIT;
    must_assign(test, &scalars, "int32Value", "-5");
    must_assign(test, &scalars, "int64_value", "9223372036854775807");
    must_assign(test, &scalars, "doubleValue", "0.5");
    must_assign(test, &scalars, "boolValue", "true");
    must_assign(test, &scalars, "colour", "COLOUR_RED");
    must_assign(test, &scalars, "text", "17");
    must_assign(test, &scalars, "blob", "Zg");
    assert_string_equal(must_print(test, &scalars),
                        "{\"int32Value\":-5,\"int64Value\":\"9223372036854775807\","
                        "\"doubleValue\":0.5,\"boolValue\":true,\"colour\":\"COLOUR_RED\","
                        "\"text\":\"17\",\"blob\":\"Zg==\"}");
    assert_int_equal(assign(test, &scalars, "text", "x"), STATUS_INVALID_ARGUMENT);
    assert_string_equal(test->failure.reason, "DUPLICATE_FIELD");
}

static void test_paths_lead_into_messages(void **state)
{
    struct json_case *test = *state;
    Json__Test__Known known = JSON__TEST__KNOWN__INIT;
    must_assign(test, &known, "inner.deeper.unitPriceMinor", "3");
    must_assign(test, &known, "inner.quantity", "2");
    must_assign(test, &known, "createTime", "1970-01-01T00:00:00Z");
    must_assign(test, &known, "hold", "1s");
    must_assign(test, &known, "updateMask", "aB");
    assert_string_equal(must_print(test, &known),
                        "{\"createTime\":\"1970-01-01T00:00:00Z\",\"hold\":\"1s\","
                        "\"updateMask\":\"aB\","
                        "\"inner\":{\"quantity\":2,\"deeper\":{\"unitPriceMinor\":\"3\"}}}");
}

static void test_repeated_fields_grow(void **state)
{
    struct json_case *test = *state;
    Json__Test__Lists lists = JSON__TEST__LISTS__INIT;
    for (int i = 0; i < 5; i++) {
        must_assign(test, &lists, "texts", i % 2 == 0 ? "even" : "odd");
    }
    must_assign(test, &lists, "colours", "7");
    assert_string_equal(
        must_print(test, &lists),
        "{\"colours\":[\"COLOUR_BLUE\"],\"texts\":[\"even\",\"odd\",\"even\",\"odd\",\"even\"]}");
}

static void test_choices(void **state)
{
    struct json_case *test = *state;
    Json__Test__Choice choice = JSON__TEST__CHOICE__INIT;
    must_assign(test, &choice, "unitPriceMinor", "0");
    must_assign(test, &choice, "number", "0");
    assert_string_equal(must_print(test, &choice), "{\"number\":0,\"unitPriceMinor\":\"0\"}");
    assert_int_equal(assign(test, &choice, "text", "a"), STATUS_INVALID_ARGUMENT);
}

static void test_refusals_name_the_path(void **state)
{
    struct json_case *test = *state;
    static const struct {
        const char *path, *text, *reason;
    } BAD[] = {
        {"", "1", "UNKNOWN_FIELD"},
        {"nope", "1", "UNKNOWN_FIELD"},
        {"inner.nope", "1", "UNKNOWN_FIELD"},
        {"inner", "1", "UNKNOWN_FIELD"},
        {"inner.", "1", "UNKNOWN_FIELD"},
        {".inner", "1", "UNKNOWN_FIELD"},
        {"createTime.seconds", "1", "UNKNOWN_FIELD"},
        {"detail", "{}", "UNKNOWN_FIELD"},
        {"inner.quantity", "many", "BAD_VALUE"},
        {"inner.quantity", "", "BAD_VALUE"},
        {"inner.productId", "\xFF", "INVALID_TEXT"},
        {"createTime", "now", "BAD_VALUE"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        Json__Test__Known known = JSON__TEST__KNOWN__INIT;
        assert_int_equal(assign(test, &known, BAD[i].path, BAD[i].text), STATUS_INVALID_ARGUMENT);
        assert_string_equal(test->failure.reason, BAD[i].reason);
        assert_string_equal(test->failure.field, BAD[i].path);
    }
    Json__Test__Known known = JSON__TEST__KNOWN__INIT;
    assert_int_equal(json_assign(&known.base, bytes_of_text("inner.productId"), bytes_of("a\0b", 3),
                                 &test->arena, &test->failure),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(test->failure.reason, "INVALID_TEXT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_texts_become_scalars),   CASE(test_paths_lead_into_messages),
        CASE(test_repeated_fields_grow),   CASE(test_choices),
        CASE(test_refusals_name_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
