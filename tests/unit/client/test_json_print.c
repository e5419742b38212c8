/* Proto3 JSON: each type, what is left out, what is refused. */
#include <every_type.pb-c.h>
#include <float.h>
#include <google/rpc/error_details.pb-c.h>
#include <math.h>
#include <shop/v1/product.pb-c.h>
#include <stdlib.h>
#include <string.h>
#include <with_presence.pb-c.h>

#include "client/json_print.h"
#include "tests/cmocka_all.h"

static const struct json_options PLAIN = {.defaults = false};

static void check(const ProtobufCMessage *message, const struct json_options *options,
                  const char *expected)
{
    struct failure failure = {0};
    char *text = NULL;
    enum status status = json_print(message, options, &text, &failure);
    assert_string_equal(failure.message, "");
    assert_int_equal(status, STATUS_OK);
    assert_string_equal(text, expected);
    free(text);
}

static void check_refused(const ProtobufCMessage *message, const char *reason)
{
    struct failure failure = {0};
    char *text = NULL;
    assert_int_equal(json_print(message, &PLAIN, &text, &failure), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, reason);
    assert_null(text);
}

static void prints_nothing_for_an_empty_message(void **state)
{
    (void)state;
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    check(&message.base, &PLAIN, "{}");
}

static void prints_scalars_at_their_limits(void **state)
{
    (void)state;
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.an_int32 = INT32_MIN;
    message.a_sint32 = -1;
    message.a_sfixed32 = INT32_MAX;
    message.an_int64 = INT64_MIN;
    message.a_sint64 = -1;
    message.a_sfixed64 = INT64_MAX;
    message.a_uint32 = UINT32_MAX;
    message.a_fixed32 = 7;
    message.a_uint64 = UINT64_MAX;
    message.a_fixed64 = 9007199254740993u;
    message.a_bool = 1;
    check(&message.base, &PLAIN,
          "{\"anInt32\":-2147483648,\"aSint32\":-1,\"aSfixed32\":2147483647,"
          "\"anInt64\":\"-9223372036854775808\",\"aSint64\":\"-1\","
          "\"aSfixed64\":\"9223372036854775807\",\"aUint32\":4294967295,\"aFixed32\":7,"
          "\"aUint64\":\"18446744073709551615\",\"aFixed64\":\"9007199254740993\","
          "\"aBool\":true}");
}

static void prints_reals_shortest_and_what_is_no_number_as_text(void **state)
{
    (void)state;
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.a_float = 0.1f;
    message.a_double = 0.1;
    check(&message.base, &PLAIN, "{\"aFloat\":0.1,\"aDouble\":0.1}");
    message.a_float = FLT_MAX;
    message.a_double = 1e300;
    check(&message.base, &PLAIN, "{\"aFloat\":3.4028235e+38,\"aDouble\":1e300}");
    message.a_float = -INFINITY;
    message.a_double = (double)NAN;
    check(&message.base, &PLAIN, "{\"aFloat\":\"-Infinity\",\"aDouble\":\"NaN\"}");
    message.a_float = 16777216.0f;
    message.a_double = -0.0;
    check(&message.base, &PLAIN, "{\"aFloat\":16777216,\"aDouble\":-0.0}");
}

static void prints_enums_by_name_and_unknown_ones_by_number(void **state)
{
    (void)state;
    Test__Colour colours[] = {TEST__COLOUR__COLOUR_UNSPECIFIED, TEST__COLOUR__COLOUR_BLUE,
                              (Test__Colour)99};
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.a_colour = TEST__COLOUR__COLOUR_RED;
    message.n_many_colours = 3;
    message.many_colours = colours;
    check(&message.base, &PLAIN,
          "{\"aColour\":\"COLOUR_RED\","
          "\"manyColours\":[\"COLOUR_UNSPECIFIED\",\"COLOUR_BLUE\",99]}");
}

static void escapes_text(void **state)
{
    (void)state;
    char text[] = "a\"b\\c\n\t\x01/\xC3\xA4\xF0\x9F\x98\x80";
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.a_string = text;
    check(&message.base, &PLAIN,
          "{\"aString\":\"a\\\"b\\\\c\\n\\t\\u0001/\xC3\xA4\xF0\x9F\x98\x80\"}");
}

static void prints_bytes_in_base64_with_padding(void **state)
{
    (void)state;
    uint8_t data[] = {0xfb, 0xff, 0x00, 0x01};
    ProtobufCBinaryData many[] = {{1, data}, {2, data}, {3, data}, {0, NULL}};
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.some_bytes = (ProtobufCBinaryData){4, data};
    message.n_many_bytes = 4;
    message.many_bytes = many;
    check(&message.base, &PLAIN,
          "{\"someBytes\":\"+/8AAQ==\",\"manyBytes\":[\"+w==\",\"+/8=\",\"+/8A\",\"\"]}");
}

static void prints_lists_and_nested_messages(void **state)
{
    (void)state;
    char name[] = "n";
    char empty[] = "";
    Test__Inner child = TEST__INNER__INIT;
    Test__Inner inner = TEST__INNER__INIT;
    child.name = name;
    inner.child = &child;
    Test__Inner *inners[] = {&inner, &child};
    char *strings[] = {name, empty};
    int64_t numbers[] = {1, -2};
    protobuf_c_boolean bools[] = {1, 0};
    double doubles[] = {0, 2.5};
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.an_inner = &inner;
    message.n_many_int64 = 2;
    message.many_int64 = numbers;
    message.n_many_strings = 2;
    message.many_strings = strings;
    message.n_many_inners = 2;
    message.many_inners = inners;
    message.n_many_bools = 2;
    message.many_bools = bools;
    message.n_many_doubles = 2;
    message.many_doubles = doubles;
    check(&message.base, &PLAIN,
          "{\"anInner\":{\"child\":{\"name\":\"n\"}},\"manyInt64\":[\"1\",\"-2\"],"
          "\"manyStrings\":[\"n\",\"\"],"
          "\"manyInners\":[{\"child\":{\"name\":\"n\"}},{\"name\":\"n\"}],"
          "\"manyBools\":[true,false],\"manyDoubles\":[0.0,2.5]}");
}

static void prints_maps_as_objects_with_text_keys(void **state)
{
    (void)state;
    char key[] = "k";
    char value[] = "v";
    Test__EveryType__LabelsEntry label = TEST__EVERY_TYPE__LABELS_ENTRY__INIT;
    label.key = key;
    label.value = value;
    Test__EveryType__LabelsEntry *labels[] = {&label};
    Test__Inner inner = TEST__INNER__INIT;
    Test__EveryType__ByNumberEntry number = TEST__EVERY_TYPE__BY_NUMBER_ENTRY__INIT;
    number.key = -3;
    number.value = &inner;
    Test__EveryType__ByNumberEntry *numbers[] = {&number};
    Test__EveryType__ByBoolEntry no = TEST__EVERY_TYPE__BY_BOOL_ENTRY__INIT;
    no.value = 4;
    Test__EveryType__ByBoolEntry *bools[] = {&no};
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.n_labels = 1;
    message.labels = labels;
    message.n_by_number = 1;
    message.by_number = numbers;
    message.n_by_bool = 1;
    message.by_bool = bools;
    check(&message.base, &PLAIN,
          "{\"labels\":{\"k\":\"v\"},\"byNumber\":{\"-3\":{}},\"byBool\":{\"false\":4}}");

    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    Google__Rpc__ErrorInfo__MetadataEntry entry = GOOGLE__RPC__ERROR_INFO__METADATA_ENTRY__INIT;
    entry.key = key;
    entry.value = value;
    Google__Rpc__ErrorInfo__MetadataEntry *entries[] = {&entry};
    info.n_metadata = 1;
    info.metadata = entries;
    check(&info.base, &PLAIN, "{\"metadata\":{\"k\":\"v\"}}");
}

static void prints_a_oneof_when_it_is_set_even_at_its_default(void **state)
{
    (void)state;
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.choice_case = TEST__EVERY_TYPE__CHOICE_CHOSEN_NUMBER;
    check(&message.base, &PLAIN, "{\"chosenNumber\":0}");
    Test__Inner inner = TEST__INNER__INIT;
    message.choice_case = TEST__EVERY_TYPE__CHOICE_CHOSEN_INNER;
    message.chosen_inner = &inner;
    check(&message.base, &PLAIN, "{\"chosenInner\":{}}");
}

static void prints_times_and_spans(void **state)
{
    (void)state;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Google__Protobuf__Duration span = GOOGLE__PROTOBUF__DURATION__INIT;
    time.seconds = 836438400;
    time.nanos = 21000000;
    span.seconds = -3;
    span.nanos = -1000;
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.a_time = &time;
    message.a_span = &span;
    check(&message.base, &PLAIN,
          "{\"aTime\":\"1996-07-04T00:00:00.021Z\",\"aSpan\":\"-3.000001s\"}");
    time.seconds = INT64_MAX;
    check_refused(&message.base, "BAD_TIME");
    time.seconds = 0;
    span.nanos = 1;
    check_refused(&message.base, "BAD_TIME");
}

static void unfolds_an_any_of_a_type_it_was_given(void **state)
{
    (void)state;
    static const ProtobufCMessageDescriptor *const types[] = {
        &test__inner__descriptor, &google__protobuf__duration__descriptor};
    const struct json_options with_types = {.types = types, .type_count = 2};
    uint8_t inner[] = {0x0a, 0x01, 'n'};
    uint8_t span[] = {0x08, 0x02};
    char inner_url[] = "type.googleapis.com/test.Inner";
    char span_url[] = "type.googleapis.com/google.protobuf.Duration";
    char other_url[] = "type.googleapis.com/test.Other";
    Google__Protobuf__Any anys[3] = {GOOGLE__PROTOBUF__ANY__INIT, GOOGLE__PROTOBUF__ANY__INIT,
                                     GOOGLE__PROTOBUF__ANY__INIT};
    anys[0].type_url = inner_url;
    anys[0].value = (ProtobufCBinaryData){sizeof(inner), inner};
    anys[1].type_url = span_url;
    anys[1].value = (ProtobufCBinaryData){sizeof(span), span};
    anys[2].type_url = other_url;
    anys[2].value = (ProtobufCBinaryData){sizeof(span), span};
    Google__Protobuf__Any *many[] = {&anys[0], &anys[1], &anys[2]};
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.n_many_anys = 3;
    message.many_anys = many;
    check(&message.base, &with_types,
          "{\"manyAnys\":[{\"@type\":\"type.googleapis.com/test.Inner\",\"name\":\"n\"},"
          "{\"@type\":\"type.googleapis.com/google.protobuf.Duration\",\"value\":\"2s\"},"
          "{\"@type\":\"type.googleapis.com/test.Other\",\"value\":\"CAI=\"}]}");
}

static void refuses_an_any_that_does_not_decode(void **state)
{
    (void)state;
    static const ProtobufCMessageDescriptor *const types[] = {&test__inner__descriptor};
    const struct json_options with_types = {.types = types, .type_count = 1};
    uint8_t cut[] = {0x0a, 0x05, 'n'};
    char url[] = "x/test.Inner";
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
    any.type_url = url;
    any.value = (ProtobufCBinaryData){sizeof(cut), cut};
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.an_any = &any;
    struct failure failure = {0};
    char *text = NULL;
    assert_int_equal(json_print(&message.base, &with_types, &text, &failure),
                     STATUS_INVALID_ARGUMENT);
    assert_null(text);
}

static void prints_defaults_when_asked_but_no_message_that_is_not_there(void **state)
{
    (void)state;
    char id[] = "nw-01";
    Shop__V1__Stock stock = SHOP__V1__STOCK__INIT;
    stock.product_id = id;
    const struct json_options defaults = {.defaults = true};
    check(&stock.base, &defaults,
          "{\"productId\":\"nw-01\",\"available\":\"0\",\"onHand\":\"0\",\"reserved\":\"0\"}");
    Test__Inner inner = TEST__INNER__INIT;
    check(&inner.base, &defaults, "{\"name\":\"\"}");
    const struct json_options pretty = {.pretty = true};
    check(&stock.base, &pretty, "{\n  \"productId\": \"nw-01\"\n}");
}

static void knows_proto2_presence(void **state)
{
    (void)state;
    Test__WithPresence message = TEST__WITH_PRESENCE__INIT;
    check(&message.base, &PLAIN, "{\"needed\":0}");
    char empty[] = "";
    message.has_some_number = 1;
    message.a_text = empty;
    message.has_some_bytes = 1;
    message.has_a_flag = 1;
    check(&message.base, &PLAIN,
          "{\"needed\":0,\"someNumber\":0,\"aText\":\"\",\"someBytes\":\"\",\"aFlag\":true}");
}

static void refuses_text_that_is_not_utf8(void **state)
{
    (void)state;
    char text[] = "a\xff";
    Test__EveryType message = TEST__EVERY_TYPE__INIT;
    message.a_string = text;
    check_refused(&message.base, "INVALID_TEXT");
}

static void bounds_the_depth(void **state)
{
    (void)state;
    static Test__Inner chain[JSON_DEPTH_MAX + 1];
    for (size_t i = 0; i <= JSON_DEPTH_MAX; i++) {
        test__inner__init(&chain[i]);
        chain[i].child = i == 0 ? NULL : &chain[i - 1];
    }
    struct failure failure = {0};
    char *text = NULL;
    assert_int_equal(json_print(&chain[JSON_DEPTH_MAX - 1].base, &PLAIN, &text, &failure),
                     STATUS_OK);
    free(text);
    check_refused(&chain[JSON_DEPTH_MAX].base, "MESSAGE_TOO_COMPLEX");
}

static void makes_names_as_protoc_does(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"product_id", "productId"},
                                           {"a", "a"},
                                           {"a__b", "aB"},
                                           {"_a", "A"},
                                           {"a_", "a"},
                                           {"a_1b", "a1b"},
                                           {"HTTPCode", "HTTPCode"},
                                           {"page_2_size", "page2Size"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char out[JSON_NAME_BYTES];
        assert_true(json_name(names[i][0], out, sizeof(out)));
        assert_string_equal(out, names[i][1]);
    }
    char small[4];
    assert_true(json_name("a_bc", small, sizeof(small)));
    assert_false(json_name("a_bcd", small, sizeof(small)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_nothing_for_an_empty_message),
        cmocka_unit_test(prints_scalars_at_their_limits),
        cmocka_unit_test(prints_reals_shortest_and_what_is_no_number_as_text),
        cmocka_unit_test(prints_enums_by_name_and_unknown_ones_by_number),
        cmocka_unit_test(escapes_text),
        cmocka_unit_test(prints_bytes_in_base64_with_padding),
        cmocka_unit_test(prints_lists_and_nested_messages),
        cmocka_unit_test(prints_maps_as_objects_with_text_keys),
        cmocka_unit_test(prints_a_oneof_when_it_is_set_even_at_its_default),
        cmocka_unit_test(prints_times_and_spans),
        cmocka_unit_test(unfolds_an_any_of_a_type_it_was_given),
        cmocka_unit_test(refuses_an_any_that_does_not_decode),
        cmocka_unit_test(prints_defaults_when_asked_but_no_message_that_is_not_there),
        cmocka_unit_test(knows_proto2_presence),
        cmocka_unit_test(refuses_text_that_is_not_utf8),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(makes_names_as_protoc_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
