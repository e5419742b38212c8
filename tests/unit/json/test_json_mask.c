#include "tests/unit/json/json_case.h"

/* The paths, joined with commas. */
static void expect(struct json_case *test, const ProtobufCMessageDescriptor *type, const char *text,
                   const char *paths)
{
    Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
    char joined[512] = "";
    size_t used = 0;
    assert_true(json_read_mask(type, bytes_of_text(text), &test->arena, &mask));
    for (size_t i = 0; i < mask.n_paths; i++) {
        used += (size_t)snprintf(joined + used, sizeof joined - used, "%s%s", i == 0 ? "" : ",",
                                 mask.paths[i]);
    }
    assert_string_equal(joined, paths);
}

static void test_names_are_the_contracts(void **state)
{
    const ProtobufCMessageDescriptor *type = &json__test__scalars__descriptor;
    expect(*state, type, "{}", "");
    expect(*state, type, "", "");
    expect(*state, type, "{\"int32Value\":0,\"int64_value\":\"3\",\"text\":null}",
           "int32_value,int64_value,text");
}

static void test_messages_are_entered_what_has_a_text_is_not(void **state)
{
    const ProtobufCMessageDescriptor *type = &json__test__known__descriptor;
    expect(*state, type,
           "{\"inner\":{\"quantity\":1,\"deeper\":{\"unitPriceMinor\":\"1\"}},\"hold\":\"1s\","
           "\"createTime\":\"1970-01-01T00:00:00Z\"}",
           "inner.quantity,inner.deeper.unit_price_minor,hold,create_time");
    expect(*state, type, "{\"inner\":{}}", "inner");
    expect(*state, type, "{\"inner\":{\"deeper\":null}}", "inner.deeper");
    expect(*state, &json__test__lists__descriptor, "{\"inners\":[{\"quantity\":1}],\"texts\":[]}",
           "inners,texts");
    expect(*state, &json__test__maps__descriptor, "{\"texts\":{\"a\":\"b\"}}", "texts");
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    struct arena arena;
    Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
    arena_init(&arena, 16, 16);
    assert_false(json_read_mask(&json__test__scalars__descriptor,
                                bytes_of_text("{\"int32Value\":0,\"text\":\"\"}"), &arena, &mask));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_names_are_the_contracts),
        CASE(test_messages_are_entered_what_has_a_text_is_not),
        cmocka_unit_test(test_memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
