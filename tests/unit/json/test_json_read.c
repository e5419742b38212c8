#include <math.h>

#include "json/json_read.h"
#include "tests/unit/json/json_case.h"

#define SCALARS (&json__test__scalars__descriptor)
#define LISTS   (&json__test__lists__descriptor)
#define CHOICE  (&json__test__choice__descriptor)
#define MAPS    (&json__test__maps__descriptor)
#define KNOWN   (&json__test__known__descriptor)
#define ENDLESS (&json__test__endless__descriptor)

static void test_every_scalar_in_every_writing(void **state)
{
    struct json_case *test = *state;
    const char *all =
        "{\"int32Value\":-2147483648,\"sint32Value\":-1,\"sfixed32Value\":1,"
        "\"uint32Value\":4294967295,\"fixed32Value\":2,\"int64Value\":\"-9223372036854775808\","
        "\"sint64Value\":\"-9007199254740993\",\"sfixed64Value\":\"9223372036854775807\","
        "\"uint64Value\":\"18446744073709551615\",\"fixed64Value\":\"3\",\"floatValue\":0.5,"
        "\"doubleValue\":1e+300,\"boolValue\":true,\"colour\":\"COLOUR_BELOW\",\"text\":\"\\\"\","
        "\"blob\":\"/wA=\"}";
    must_become(test, SCALARS, all, all);
    must_become(test, SCALARS, "{\"int32_value\":\"7\",\"sint32Value\":7.0,\"uint32Value\":7e2}",
                "{\"int32Value\":7,\"sint32Value\":7,\"uint32Value\":700}");
    must_become(test, SCALARS,
                "{\"int64Value\":-9223372036854775808,\"uint64Value\":18446744073709551615}",
                "{\"int64Value\":\"-9223372036854775808\","
                "\"uint64Value\":\"18446744073709551615\"}");
    must_become(test, SCALARS, "{\"int64Value\":\"1e3\",\"uint64Value\":-0}",
                "{\"int64Value\":\"1000\"}");
    must_become(test, SCALARS, "{\"doubleValue\":\"1.5\",\"floatValue\":\"-Infinity\"}",
                "{\"floatValue\":\"-Infinity\",\"doubleValue\":1.5}");
    must_become(test, SCALARS, "{\"colour\":7}", "{\"colour\":\"COLOUR_BLUE\"}");
    must_become(test, SCALARS, "{\"colour\":99,\"blob\":\"_wA\"}",
                "{\"colour\":99,\"blob\":\"/wA=\"}");
    must_become(test, SCALARS, " {\"text\":\"\\ud83d\\ude00\\u00e4\"} ",
                "{\"text\":\"\xF0\x9F\x98\x80\xC3\xA4\"}");
    must_become(test, SCALARS, "{\"int32Value\":null,\"text\":null,\"blob\":null}", "{}");
    Json__Test__Scalars *nan = must_read(test, SCALARS, "{\"doubleValue\":\"NaN\"}");
    assert_true(isnan(nan->double_value));
}

static void test_scalars_out_of_range_or_of_the_wrong_kind(void **state)
{
    struct json_case *test = *state;
    static const struct {
        const char *text, *field;
    } BAD[] = {
        {"{\"int32Value\":2147483648}", "int32_value"},
        {"{\"int32Value\":-2147483649}", "int32_value"},
        {"{\"int32Value\":1.5}", "int32_value"},
        {"{\"int32Value\":true}", "int32_value"},
        {"{\"int32Value\":\"\"}", "int32_value"},
        {"{\"int32Value\":\" 1\"}", "int32_value"},
        {"{\"int32Value\":\"1 \"}", "int32_value"},
        {"{\"int32Value\":\"0x10\"}", "int32_value"},
        {"{\"int32Value\":\"1\\u0000\"}", "int32_value"},
        {"{\"uint32Value\":4294967296}", "uint32_value"},
        {"{\"uint32Value\":-1}", "uint32_value"},
        {"{\"int64Value\":9223372036854775808}", "int64_value"},
        {"{\"int64Value\":\"-9223372036854775809\"}", "int64_value"},
        {"{\"int64Value\":9007199254740993.0}", "int64_value"},
        {"{\"uint64Value\":18446744073709551616}", "uint64_value"},
        {"{\"uint64Value\":-1}", "uint64_value"},
        {"{\"floatValue\":3.5e38}", "float_value"},
        {"{\"doubleValue\":\"nan\"}", "double_value"},
        {"{\"doubleValue\":[]}", "double_value"},
        {"{\"boolValue\":\"true\"}", "bool_value"},
        {"{\"boolValue\":1}", "bool_value"},
        {"{\"colour\":\"COLOUR_GREEN\"}", "colour"},
        {"{\"colour\":\"1\"}", "colour"},
        {"{\"colour\":2147483648}", "colour"},
        {"{\"colour\":{}}", "colour"},
        {"{\"text\":1}", "text"},
        {"{\"blob\":\"a\"}", "blob"},
        {"{\"blob\":\"a*==\"}", "blob"},
        {"{\"blob\":1}", "blob"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        must_refuse(test, SCALARS, BAD[i].text, "BAD_VALUE", BAD[i].field);
    }
    must_refuse(test, SCALARS, "{\"text\":\"a\\u0000b\"}", "INVALID_TEXT", "text");
}

static void test_what_is_not_json(void **state)
{
    struct json_case *test = *state;
    static const char *const BAD[] = {"",
                                      " ",
                                      "{",
                                      "{}x",
                                      "{\"text\":}",
                                      "{'text':\"\"}",
                                      "{\"text\":\"a\",}",
                                      "{\"int32Value\":01}",
                                      "{\"doubleValue\":NaN}",
                                      "{\"doubleValue\":1e999}",
                                      "{\"text\":\"\xFF\"}",
                                      "{\"text\":\"\xC0\x80\"}",
                                      "{\"text\":\"\xED\xA0\x80\"}",
                                      "{\"text\":\"\\ud800\"}",
                                      "{\"text\":\"a\nb\"}",
                                      "// {}"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        must_refuse(test, SCALARS, BAD[i], "MALFORMED_JSON", "");
    }
    must_refuse(test, SCALARS, "[]", "BAD_VALUE", "");
    must_refuse(test, SCALARS, "null", "BAD_VALUE", "");
}

static void test_unknown_fields_are_refused_with_their_path_or_ignored(void **state)
{
    struct json_case *test = *state;
    must_refuse(test, SCALARS, "{\"nope\":1}", "UNKNOWN_FIELD", "nope");
    must_refuse(test, LISTS, "{\"inners\":[{},{\"deeper\":{\"pri\xC3\xA4\":1}}]}", "UNKNOWN_FIELD",
                "inners[1].deeper.pri??");
    must_refuse(test, LISTS, "{\"inners\":[{\"quantity\":\"x\"}]}", "BAD_VALUE",
                "inners[0].quantity");
    test->reading.ignore_unknown = true;
    must_become(test, SCALARS, "{\"nope\":[{\"a\":1}],\"text\":\"t\"}", "{\"text\":\"t\"}");
    must_become(test, SCALARS, "{\"colour\":\"COLOUR_GREEN\"}", "{}");
    must_become(test, LISTS, "{\"colours\":[\"COLOUR_RED\",\"NEW\",7]}",
                "{\"colours\":[\"COLOUR_RED\",\"COLOUR_BLUE\"]}");
    must_become(test, MAPS, "{\"colourOf\":{\"1\":\"NEW\",\"2\":\"COLOUR_RED\"}}",
                "{\"colourOf\":{\"2\":\"COLOUR_RED\"}}");
}

static void test_lists(void **state)
{
    struct json_case *test = *state;
    const char *all = "{\"int32Values\":[1,2],\"int64Values\":[\"3\"],\"doubleValues\":[0.5],"
                      "\"boolValues\":[true,false],\"colours\":[\"COLOUR_RED\"],"
                      "\"texts\":[\"\",\"a\"],\"blobs\":[\"Zg==\",\"\"],"
                      "\"inners\":[{\"productId\":\"p\",\"deeper\":{\"unitPriceMinor\":\"5\"}},{}],"
                      "\"times\":[\"1970-01-01T00:00:00Z\"]}";
    must_become(test, LISTS, all, all);
    must_become(test, LISTS, "{\"texts\":[],\"inners\":null}", "{}");
    must_refuse(test, LISTS, "{\"texts\":[\"a\",null]}", "BAD_VALUE", "texts[1]");
    must_refuse(test, LISTS, "{\"texts\":\"a\"}", "BAD_VALUE", "texts");
    must_refuse(test, LISTS, "{\"texts\":{}}", "BAD_VALUE", "texts");
    must_refuse(test, LISTS, "{\"inners\":[[]]}", "BAD_VALUE", "inners[0]");
}

static void test_a_field_comes_once(void **state)
{
    struct json_case *test = *state;
    must_refuse(test, SCALARS, "{\"text\":\"a\",\"text\":\"a\"}", "DUPLICATE_FIELD", "text");
    must_refuse(test, SCALARS, "{\"int32Value\":1,\"int32_value\":null}", "DUPLICATE_FIELD",
                "int32_value");
    must_refuse(test, CHOICE, "{\"number\":1,\"text\":\"a\"}", "DUPLICATE_FIELD", "text");
    must_become(test, CHOICE, "{\"number\":null,\"text\":\"a\"}", "{\"text\":\"a\"}");
    must_refuse(test, MAPS, "{\"texts\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}}", "DUPLICATE_FIELD",
                "texts.a");
}

static void test_choices_keep_presence(void **state)
{
    struct json_case *test = *state;
    must_become(test, CHOICE, "{\"number\":0,\"unitPriceMinor\":0}",
                "{\"number\":0,\"unitPriceMinor\":\"0\"}");
    must_become(test, CHOICE, "{\"inner\":{}}", "{\"inner\":{}}");
    must_become(test, CHOICE, "{\"wait\":\"0s\"}", "{\"wait\":\"0s\"}");
    Json__Test__Choice *none = must_read(test, CHOICE, "{}");
    assert_int_equal(none->what_case, JSON__TEST__CHOICE__WHAT__NOT_SET);
    assert_int_equal(none->price_presence_case, JSON__TEST__CHOICE__PRICE_PRESENCE__NOT_SET);
}

static void test_maps(void **state)
{
    struct json_case *test = *state;
    const char *all = "{\"texts\":{\"\":\"x\",\"k\":\"\"},\"numbers\":{\"-3\":\"9\"},"
                      "\"inners\":{\"true\":{\"quantity\":2},\"false\":{}},"
                      "\"colourOf\":{\"18446744073709551615\":\"COLOUR_RED\"}}";
    must_become(test, MAPS, all, all);
    must_refuse(test, MAPS, "{\"numbers\":{\"x\":1}}", "BAD_VALUE", "numbers.x");
    must_refuse(test, MAPS, "{\"inners\":{\"1\":{}}}", "BAD_VALUE", "inners.1");
    must_refuse(test, MAPS, "{\"texts\":{\"a\":null}}", "BAD_VALUE", "texts.a");
    must_refuse(test, MAPS, "{\"texts\":[]}", "BAD_VALUE", "texts");
}

static void test_known_types(void **state)
{
    struct json_case *test = *state;
    const char *all =
        "{\"createTime\":\"2026-01-31T12:00:00.123Z\",\"hold\":\"-1.500s\","
        "\"updateMask\":\"displayName,inner.unitPriceMinor\","
        "\"detail\":{\"@type\":\"type.googleapis.com/json.test.Inner\",\"productId\":\"p\"},"
        "\"details\":[{\"@type\":\"x/google.protobuf.Duration\",\"value\":\"5s\"},{}]}";
    must_become(test, KNOWN, all, all);
    must_become(test, KNOWN, "{\"updateMask\":\"\"}", "{\"updateMask\":\"\"}");
    must_refuse(test, KNOWN, "{\"createTime\":\"today\"}", "BAD_VALUE", "create_time");
    must_refuse(test, KNOWN, "{\"createTime\":0}", "BAD_VALUE", "create_time");
    must_refuse(test, KNOWN, "{\"createTime\":\"1970-01-01T00:00:00Z\\u0000\"}", "BAD_VALUE",
                "create_time");
    must_refuse(test, KNOWN, "{\"hold\":\"5\"}", "BAD_VALUE", "hold");
    must_refuse(test, KNOWN, "{\"updateMask\":\"a_b\"}", "BAD_VALUE", "update_mask");
    must_refuse(test, KNOWN, "{\"updateMask\":\"a,,b\"}", "BAD_VALUE", "update_mask");
    must_refuse(test, KNOWN, "{\"detail\":{\"productId\":\"p\"}}", "BAD_VALUE", "detail");
    must_refuse(test, KNOWN, "{\"detail\":{\"@type\":\"x/un.known\"}}", "BAD_VALUE", "detail");
    must_refuse(test, KNOWN, "{\"detail\":{\"@type\":\"x/json.test.Inner\",\"no\":1}}",
                "UNKNOWN_FIELD", "detail.no");
    must_refuse(test, KNOWN, "{\"detail\":{\"@type\":\"x/google.protobuf.Duration\"}}", "BAD_VALUE",
                "detail");
}

static void nested(char *out, size_t room, size_t depth)
{
    size_t used = 0;
    for (size_t i = 0; i < depth; i++) {
        used += (size_t)snprintf(out + used, room - used, "{\"next\":");
    }
    used += (size_t)snprintf(out + used, room - used, "{}");
    memset(out + used, '}', depth);
    out[used + depth] = '\0';
}

static void test_depth_has_an_end(void **state)
{
    struct json_case *test = *state;
    static char text[200000];
    nested(text, sizeof text, JSON_DEPTH_MAX - 1);
    must_become(test, ENDLESS, text, text);
    void *message;
    nested(text, sizeof text, JSON_DEPTH_MAX);
    assert_int_equal(try_read(test, ENDLESS, text, &message), STATUS_INVALID_ARGUMENT);
    assert_string_equal(test->failure.reason, "MESSAGE_TOO_COMPLEX");
    nested(text, sizeof text, 20000);
    assert_int_equal(try_read(test, ENDLESS, text, &message), STATUS_INVALID_ARGUMENT);
    assert_string_equal(test->failure.reason, "MESSAGE_TOO_COMPLEX");
    memset(text, '[', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(try_read(test, ENDLESS, text, &message), STATUS_INVALID_ARGUMENT);
    test->reading.ignore_unknown = true;
    assert_int_equal(try_read(test, ENDLESS, "{\"x\":[[[[[[[[{}]]]]]]]]}", &message), STATUS_OK);
}

static void test_memory_has_an_end(void **state)
{
    struct json_case *test = *state;
    static char text[900000];
    size_t used = (size_t)snprintf(text, sizeof text, "{\"all\":[{}");
    while (used + 8 < sizeof text) {
        used += (size_t)snprintf(text + used, sizeof text - used, ",{}");
    }
    snprintf(text + used, sizeof text - used, "]}");
    must_refuse(test, ENDLESS, text, "MESSAGE_TOO_COMPLEX", "");
}

static void test_every_truncation_of_a_message_is_refused(void **state)
{
    struct json_case *test = *state;
    const char *all = "{\"inners\":[{\"productId\":\"p\\u00e4\",\"deeper\":{\"unitPriceMinor\":"
                      "\"5\"}}],\"times\":[\"1970-01-01T00:00:00Z\"],\"doubleValues\":[-1.5e3]}";
    (void)must_read(test, LISTS, all);
    for (size_t size = 0; size < strlen(all); size++) {
        char *cut = malloc(size + 1); /* so that AddressSanitizer sees a byte too far */
        assert_non_null(cut);
        memcpy(cut, all, size);
        void *message;
        assert_int_equal(json_read(LISTS, bytes_of(cut, size), &test->reading, &test->arena,
                                   (ProtobufCMessage **)&message, &test->failure),
                         STATUS_INVALID_ARGUMENT);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_scalar_in_every_writing),
        CASE(test_scalars_out_of_range_or_of_the_wrong_kind),
        CASE(test_what_is_not_json),
        CASE(test_unknown_fields_are_refused_with_their_path_or_ignored),
        CASE(test_lists),
        CASE(test_a_field_comes_once),
        CASE(test_choices_keep_presence),
        CASE(test_maps),
        CASE(test_known_types),
        CASE(test_depth_has_an_end),
        CASE(test_memory_has_an_end),
        CASE(test_every_truncation_of_a_message_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
