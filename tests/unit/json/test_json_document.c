#include "json/json_document.h"
#include "tests/cmocka_all.h"

static struct json_document *document;

static const struct json_node *read(const char *text)
{
    json_document_free(&document);
    document = json_document_read(bytes_of_text(text));
    return document == NULL ? NULL : json_document_root(document);
}

static void test_values_are_what_they_are_asked_for_or_nothing(void **state)
{
    (void)state;
    struct bytes text;
    int64_t value;
    const struct json_node *root = read(
        "{\"t\":\"a\",\"n\":-3.9,\"big\":9007199254740993,\"l\":[1,\"b\"],\"z\":\"a\\u0000\"}");
    assert_true(json_node_text(json_node_member(root, "t"), &text));
    assert_int_equal(text.size, 1);
    assert_true(json_node_is(json_node_member(root, "t"), "a"));
    assert_false(json_node_is(json_node_member(root, "t"), "ab"));
    assert_false(json_node_is(NULL, "a"));
    assert_true(json_node_integer(json_node_member(root, "n"), &value));
    assert_int_equal(value, -3);
    assert_false(json_node_integer(json_node_member(root, "t"), &value));
    assert_false(json_node_text(json_node_member(root, "n"), &text));
    assert_false(json_node_text(json_node_member(root, "z"), &text));
    assert_int_equal(json_node_count(json_node_member(root, "l")), 2);
    assert_true(json_node_is(json_node_item(json_node_member(root, "l"), 1), "b"));
    assert_null(json_node_item(json_node_member(root, "l"), 2));
    assert_int_equal(json_node_count(root), 0);
    assert_null(json_node_member(root, "none"));
    assert_null(json_node_member(json_node_member(root, "t"), "t"));
    json_document_free(&document);
}

static void test_what_could_be_read_in_two_ways_is_not_read(void **state)
{
    (void)state;
    assert_null(read(""));
    assert_null(read("[]"));
    assert_null(read("{\"a\":1,\"a\":1}"));
    assert_null(read("{\"x\":[{\"a\":1,\"\\u0061\":2}]}"));
    assert_null(read("{} {}"));
    assert_null(read("{\"a\":1,}"));
    assert_null(read("{\"a\":\"\xff\"}"));
    assert_non_null(read("{\"a\":{\"a\":{\"a\":1}}}"));
}

static void test_depth_on_both_sides(void **state)
{
    (void)state;
    assert_non_null(read("{\"a\":[[[[[[1]]]]]]}")); /* the value is the 8th */
    assert_null(read("{\"a\":[[[[[[[1]]]]]]]}"));
    json_document_free(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_what_they_are_asked_for_or_nothing),
        cmocka_unit_test(test_what_could_be_read_in_two_ways_is_not_read),
        cmocka_unit_test(test_depth_on_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
