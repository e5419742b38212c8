#include <google/protobuf/any.pb-c.h>
#include <google/rpc/error_details.pb-c.h>
#include <json/test/presence.pb-c.h>
#include <shop/v1/product.pb-c.h>

#include "json/json_print.h"
#include "tests/unit/json/json_case.h"

static void test_every_scalar(void **state)
{
    struct json_case *test = *state;
    Json__Test__Scalars scalars = JSON__TEST__SCALARS__INIT;
    assert_string_equal(must_print(test, &scalars), "{}");
    scalars.int32_value = INT32_MIN;
    scalars.sint32_value = -1;
    scalars.sfixed32_value = 1;
    scalars.uint32_value = UINT32_MAX;
    scalars.fixed32_value = 2;
    scalars.int64_value = INT64_MIN;
    scalars.sint64_value = -9007199254740993;
    scalars.sfixed64_value = INT64_MAX;
    scalars.uint64_value = UINT64_MAX;
    scalars.fixed64_value = 3;
    scalars.float_value = 0.5F;
    scalars.double_value = 1e300;
    scalars.bool_value = 1;
    scalars.colour = JSON__TEST__COLOUR__COLOUR_BELOW;
    scalars.text = text_of("\"");
    scalars.blob = blob_of("\xFF\x00", 2);
    assert_string_equal(
        must_print(test, &scalars),
        "{\"int32Value\":-2147483648,\"sint32Value\":-1,\"sfixed32Value\":1,"
        "\"uint32Value\":4294967295,\"fixed32Value\":2,\"int64Value\":\"-9223372036854775808\","
        "\"sint64Value\":\"-9007199254740993\",\"sfixed64Value\":\"9223372036854775807\","
        "\"uint64Value\":\"18446744073709551615\",\"fixed64Value\":\"3\",\"floatValue\":0.5,"
        "\"doubleValue\":1e+300,\"boolValue\":true,\"colour\":\"COLOUR_BELOW\",\"text\":\"\\\"\","
        "\"blob\":\"/wA=\"}");
    Json__Test__Scalars odd = JSON__TEST__SCALARS__INIT;
    odd.colour = (Json__Test__Colour)99;
    assert_string_equal(must_print(test, &odd), "{\"colour\":99}");
}

static void test_defaults_on_request(void **state)
{
    struct json_case *test = *state;
    test->printing.defaults = true;
    Json__Test__Inner inner = JSON__TEST__INNER__INIT;
    assert_string_equal(must_print(test, &inner), "{\"productId\":\"\",\"quantity\":0}");
    Json__Test__Maps maps = JSON__TEST__MAPS__INIT;
    assert_string_equal(must_print(test, &maps),
                        "{\"texts\":{},\"numbers\":{},\"inners\":{},\"colourOf\":{}}");
    Json__Test__Choice choice = JSON__TEST__CHOICE__INIT;
    assert_string_equal(must_print(test, &choice), "{}");
}

/* What orderctl -o json and the REST form show: a stock of 0 is a 0. */
static void test_an_empty_stock_shows_its_zeros(void **state)
{
    struct json_case *test = *state;
    Shop__V1__Stock stock = SHOP__V1__STOCK__INIT;
    stock.product_id = text_of("nw-01");
    test->printing.defaults = true;
    assert_string_equal(must_print(test, &stock),
                        "{\"productId\":\"nw-01\",\"available\":\"0\",\"onHand\":\"0\","
                        "\"reserved\":\"0\",\"safetyStock\":\"0\"}");
    test->printing.pretty = true;
    assert_string_equal(
        must_print(test, &stock),
        "{\n  \"productId\": \"nw-01\",\n  \"available\": \"0\",\n"
        "  \"onHand\": \"0\",\n  \"reserved\": \"0\",\n  \"safetyStock\": \"0\"\n}");
}

static void test_presence_of_proto2(void **state)
{
    struct json_case *test = *state;
    Json__Test__Presence presence = JSON__TEST__PRESENCE__INIT;
    assert_string_equal(must_print(test, &presence), "{\"needed\":0}");
    presence.has_some_number = 1;
    presence.a_text = text_of("");
    presence.has_some_bytes = 1;
    presence.has_a_flag = 1;
    assert_string_equal(
        must_print(test, &presence),
        "{\"needed\":0,\"someNumber\":0,\"aText\":\"\",\"someBytes\":\"\",\"aFlag\":true}");
}

static void test_a_choice_at_its_default_is_there(void **state)
{
    struct json_case *test = *state;
    Json__Test__Choice choice = JSON__TEST__CHOICE__INIT;
    choice.price_presence_case = JSON__TEST__CHOICE__PRICE_PRESENCE_UNIT_PRICE_MINOR;
    choice.what_case = JSON__TEST__CHOICE__WHAT_TEXT;
    choice.text = text_of("");
    assert_string_equal(must_print(test, &choice), "{\"text\":\"\",\"unitPriceMinor\":\"0\"}");
}

static void test_known_types(void **state)
{
    struct json_case *test = *state;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Google__Protobuf__Duration hold = GOOGLE__PROTOBUF__DURATION__INIT;
    Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
    char *paths[] = {text_of("display_name"), text_of("inner.unit_price_minor")};
    Json__Test__Known known = JSON__TEST__KNOWN__INIT;
    time.seconds = 1;
    hold.nanos = -1000000;
    mask.n_paths = 2;
    mask.paths = paths;
    known.create_time = &time;
    known.hold = &hold;
    known.update_mask = &mask;
    assert_string_equal(must_print(test, &known),
                        "{\"createTime\":\"1970-01-01T00:00:01Z\",\"hold\":\"-0.001s\","
                        "\"updateMask\":\"displayName,inner.unitPriceMinor\"}");
}

static void test_known_types_without_a_text_are_refused(void **state)
{
    struct json_case *test = *state;
    struct bytes out;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    time.nanos = -1;
    assert_int_equal(json_print(&time.base, &test->printing, &test->arena, &out, &test->failure),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(test->failure.reason, "BAD_TIME");
    Google__Protobuf__Duration mixed = GOOGLE__PROTOBUF__DURATION__INIT;
    mixed.seconds = -3;
    mixed.nanos = 1;
    assert_int_equal(json_print(&mixed.base, &test->printing, &test->arena, &out, &test->failure),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(test->failure.reason, "BAD_TIME");
    static const char *const BAD[] = {"camelCase", "a__b", "a_", "a_1"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        char *paths[] = {text_of(BAD[i])};
        Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
        mask.n_paths = 1;
        mask.paths = paths;
        assert_int_equal(
            json_print(&mask.base, &test->printing, &test->arena, &out, &test->failure),
            STATUS_INVALID_ARGUMENT);
        assert_string_equal(test->failure.reason, "BAD_FIELD_MASK");
    }
}

static void test_any_unfolds_what_it_knows(void **state)
{
    struct json_case *test = *state;
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
    assert_string_equal(must_print(test, &any), "{}");
    any.type_url = text_of("type.googleapis.com/json.test.Inner");
    any.value = blob_of("\x0A\x01p", 3);
    assert_string_equal(must_print(test, &any),
                        "{\"@type\":\"type.googleapis.com/json.test.Inner\",\"productId\":\"p\"}");
    any.type_url = text_of("type.googleapis.com/google.protobuf.Duration");
    any.value = blob_of("\x08\x05", 2);
    assert_string_equal(
        must_print(test, &any),
        "{\"@type\":\"type.googleapis.com/google.protobuf.Duration\",\"value\":\"5s\"}");
    any.type_url = text_of("type.googleapis.com/un.known");
    assert_string_equal(must_print(test, &any),
                        "{\"@type\":\"type.googleapis.com/un.known\",\"value\":\"CAU=\"}");
    any.type_url = text_of("type.googleapis.com/json.test.Inner");
    any.value = blob_of("\x0A\x05", 2);
    struct bytes out;
    assert_int_equal(json_print(&any.base, &test->printing, &test->arena, &out, &test->failure),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(test->failure.reason, "MALFORMED_MESSAGE");
}

static void test_error_info_has_a_map(void **state)
{
    struct json_case *test = *state;
    Google__Rpc__ErrorInfo__MetadataEntry entry = GOOGLE__RPC__ERROR_INFO__METADATA_ENTRY__INIT;
    Google__Rpc__ErrorInfo__MetadataEntry *entries[] = {&entry};
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    entry.key = text_of("product_id");
    entry.value = text_of("chai");
    info.reason = text_of("OUT_OF_STOCK");
    info.domain = text_of("shop.orders");
    info.n_metadata = 1;
    info.metadata = entries;
    assert_string_equal(must_print(test, &info),
                        "{\"reason\":\"OUT_OF_STOCK\",\"domain\":\"shop.orders\","
                        "\"metadata\":{\"product_id\":\"chai\"}}");
}

static void test_depth_and_size_have_an_end(void **state)
{
    struct json_case *test = *state;
    Json__Test__Endless chain[JSON_DEPTH_MAX + 1];
    struct bytes out;
    for (size_t i = 0; i <= JSON_DEPTH_MAX; i++) {
        json__test__endless__init(&chain[i]);
        chain[i].next = i < JSON_DEPTH_MAX ? &chain[i + 1] : NULL;
    }
    assert_int_equal(
        json_print(&chain[1].base, &test->printing, &test->arena, &out, &test->failure), STATUS_OK);
    assert_int_equal(
        json_print(&chain[0].base, &test->printing, &test->arena, &out, &test->failure),
        STATUS_INVALID_ARGUMENT);
    assert_string_equal(test->failure.reason, "MESSAGE_TOO_COMPLEX");
    struct arena small;
    arena_init(&small, 512, 512);
    char long_text[600];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    Json__Test__Scalars scalars = JSON__TEST__SCALARS__INIT;
    scalars.text = long_text;
    assert_int_equal(json_print(&scalars.base, &test->printing, &small, &out, &test->failure),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(test->failure.reason, "MESSAGE_TOO_COMPLEX");
    arena_fini(&small);
}

static void test_odd_names(void **state)
{
    struct json_case *test = *state;
    Json__Test__Names names = JSON__TEST__NAMES__INIT;
    names._leading = names.trailing_ = names.two__in_row = names.a_1b = names.camelalready =
        names.upper_case = 1;
    assert_string_equal(must_print(test, &names),
                        "{\"Leading\":1,\"trailing\":1,\"twoInRow\":1,\"a1b\":1,"
                        "\"camelAlready\":1,\"UpperCase\":1}");
    char small[4];
    assert_true(json_name("a_bc", small, sizeof small));
    assert_string_equal(small, "aBc");
    assert_false(json_name("a_bcd", small, sizeof small));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_scalar),
        CASE(test_defaults_on_request),
        CASE(test_an_empty_stock_shows_its_zeros),
        CASE(test_presence_of_proto2),
        CASE(test_a_choice_at_its_default_is_there),
        CASE(test_known_types),
        CASE(test_known_types_without_a_text_are_refused),
        CASE(test_any_unfolds_what_it_knows),
        CASE(test_error_info_has_a_map),
        CASE(test_depth_and_size_have_an_end),
        CASE(test_odd_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
