/* orderctl call against a server whose messages orderctl was not built with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "mirror.h"
#include "rpc/limits.h"
#include "run_orderctl.h"
#include "tests/cmocka_all.h"

static struct mirror mirror;

static int open_mirror(void **state)
{
    (void)state;
    mirror_start(&mirror, (struct bytes){0});
    return 0;
}

static int close_mirror(void **state)
{
    (void)state;
    mirror_stop(&mirror);
    return 0;
}

/* Blanks away: what is compared is the JSON, not its looks. */
static void expect_same(const char *line, const char *input, const char *json)
{
    struct run run = run_orderctl_with(mirror.endpoint, line, input);
    assert_string_equal(run.err, "");
    size_t used = 0;
    for (const char *at = run.out; *at != '\0'; at++) {
        if (*at != ' ' && *at != '\n') {
            run.out[used++] = *at;
        }
    }
    run.out[used] = '\0';
    assert_string_equal(run.out, json);
    assert_int_equal(run.code, CLI_OK);
    run_free(&run);
}

static void expect_failure(const char *line, const char *input, int code, const char *text)
{
    struct run run = run_orderctl_with(mirror.endpoint, line, input);
    if (strstr(run.err, text) == NULL) {
        print_error("%s: no '%s' in: %s\n", line, text, run.err);
        fail();
    }
    assert_string_equal(run.out, "");
    assert_int_equal(run.code, code);
    run_free(&run);
}

static void every_kind_of_field_comes_back(void **state)
{
    (void)state;
    static const char SCALARS[] =
        "{\"int32Value\":-1,\"sint32Value\":-2,\"sfixed32Value\":-3,\"uint32Value\":4294967295,"
        "\"fixed32Value\":5,\"int64Value\":\"-9223372036854775808\",\"sint64Value\":\"-7\","
        "\"sfixed64Value\":\"-8\",\"uint64Value\":\"18446744073709551615\",\"fixed64Value\":\"9\","
        "\"floatValue\":0.5,\"doubleValue\":-1.25,\"boolValue\":true,\"colour\":\"COLOUR_BELOW\","
        "\"text\":\"\u00f6\",\"blob\":\"AAE=\"}";
    static const char LISTS[] =
        "{\"int32Values\":[1,-2],\"int64Values\":[\"3\"],\"doubleValues\":[0.5],"
        "\"boolValues\":[true,false],\"colours\":[\"COLOUR_BLUE\",9],\"texts\":[\"a\",\"\"],"
        "\"blobs\":[\"AA==\"],\"inners\":[{\"productId\":\"p\",\"quantity\":1,"
        "\"deeper\":{\"unitPriceMinor\":\"2\"}}],\"times\":[\"2026-01-31T12:00:00Z\"]}";
    static const char MAPS[] = "{\"texts\":{\"a\":\"b\",\"\":\"\"},\"numbers\":{\"-1\":\"2\"},"
                               "\"inners\":{\"true\":{\"productId\":\"\",\"quantity\":3}},"
                               "\"colourOf\":{\"7\":\"COLOUR_RED\"}}";
    static const char KNOWN[] =
        "{\"createTime\":\"2026-01-31T12:00:00.500Z\",\"hold\":\"1.500s\","
        "\"updateMask\":\"displayName,a.b\","
        "\"detail\":{\"@type\":\"type.googleapis.com/json.test.Inner\",\"productId\":\"p\","
        "\"quantity\":0},\"details\":[],\"inner\":{\"productId\":\"\",\"quantity\":0}}";
    expect_same("call ShowScalars -", SCALARS, SCALARS);
    expect_same("call ShowLists -", LISTS, LISTS);
    expect_same("call ShowMaps -", MAPS, MAPS);
    expect_same("call ShowKnown -", KNOWN, KNOWN);
    expect_same("call ShowNames {\"twoInRow\":1,\"a1b\":2}", "",
                "{\"Leading\":0,\"trailing\":0,\"twoInRow\":1,\"a1b\":2,\"camelAlready\":0,"
                "\"UpperCase\":0}");
}

static void a_choice_is_one_thing(void **state)
{
    (void)state;
    expect_same("call ShowChoice {\"number\":0}", "", "{\"number\":0}");
    expect_same("call ShowChoice {\"text\":\"\"}", "", "{\"text\":\"\"}");
    expect_same("call ShowChoice {\"wait\":\"3s\",\"unitPriceMinor\":0}", "",
                "{\"wait\":\"3s\",\"unitPriceMinor\":\"0\"}");
    expect_failure("call ShowChoice {\"number\":1,\"text\":\"\"}", "", CLI_USAGE,
                   "DUPLICATE_FIELD");
}

static void proto2_tells_absent_from_default(void **state)
{
    (void)state;
    expect_same("call ShowPresence {\"needed\":0}", "", "{\"needed\":0}");
    expect_same("call ShowPresence {\"needed\":1,\"aText\":\"\",\"aFlag\":false}", "",
                "{\"needed\":1,\"aText\":\"\",\"aFlag\":false}");
}

static void methods_are_found_by_their_end(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "/json.test.Mirror/ShowChoice", "json.test.Mirror/ShowChoice",
        "json.test.Mirror.ShowChoice",  "Mirror/ShowChoice",
        "test.Mirror.ShowChoice",       "ShowChoice"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        char line[128];
        (void)snprintf(line, sizeof line, "call %s", NAMES[i]);
        expect_same(line, "", "{}");
    }
    static const char *const OTHERS[] = {"howChoice",
                                         "irror/ShowChoice",
                                         "Mirror:ShowChoice",
                                         "/ShowChoic",
                                         "x.json.test.Mirror/ShowChoice",
                                         "/"};
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        char line[128];
        (void)snprintf(line, sizeof line, "call %s", OTHERS[i]);
        expect_failure(line, "", CLI_REFUSED, "METHOD_NOT_FOUND");
    }
}

/* The server's own words, and no control of the terminal among them. */
static void a_failure_is_printed_with_its_details(void **state)
{
    (void)state;
    struct run run = run_orderctl(mirror.endpoint, "call Refuse {}");
    assert_string_equal(run.err, "orderctl: INVALID_ARGUMENT (TOO_DEAR): too ?[31mdear\n"
                                 "  field: deeper.unit_price_minor\n"
                                 "  most: 100\n"
                                 "  try again in: 1500 ms\n");
    assert_int_equal(run.code, CLI_REFUSED);
    run_free(&run);
}

static void bad_requests_are_not_sent(void **state)
{
    (void)state;
    expect_failure("call ShowLists {", "", CLI_USAGE, "MALFORMED_JSON");
    expect_failure("call ShowLists -", "", CLI_USAGE, "MALFORMED_JSON");
    expect_failure("call ShowLists {\"inners\":[{\"quantity\":\"x\"}]}", "", CLI_USAGE,
                   "field: inners[0].quantity");
    expect_failure("call ShowLists {\"nothing\":1}", "", CLI_USAGE, "UNKNOWN_FIELD");
    expect_failure("call", "", CLI_USAGE, "METHOD");
    expect_failure("call ShowLists {} {}", "", CLI_USAGE, "one argument too many");
}

/* So that a call without an answer can be asked again. */
static void a_request_id_is_filled_in_and_told(void **state)
{
    (void)state;
    expect_same("call Remember --request-id r-1", "",
                "{\"requestId\":\"r-1\",\"kind\":\"KIND_UNSPECIFIED\"}");
    expect_same("call Remember {\"requestId\":\"mine\",\"kind\":\"KIND_SAME_AS_FIRST\"}", "",
                "{\"requestId\":\"mine\",\"kind\":\"KIND_FIRST\"}");
    expect_failure("call Remember {\"kind\":\"KIND_LOWEST\"} --request-id r-2", "", CLI_UNAVAILABLE,
                   "ask again with --request-id r-2");
    expect_failure("call Remember {\"kind\":\"KIND_LOWEST\"}", "", CLI_UNAVAILABLE,
                   "ask again with --request-id 0");
    expect_failure("call ShowLists --request-id r-3", "", CLI_USAGE, "BAD_OPTION");
    expect_failure("call Remember {\"requestId\":\"a\"} --request-id b", "", CLI_USAGE,
                   "BAD_OPTION");
}

static void metadata_go_with_it(void **state)
{
    (void)state;
    expect_failure("call ShowChoice --metadata tenant=north --metadata refuse=a=b", "", CLI_REFUSED,
                   "ABORTED (TOLD_TO): a=b\n");
    expect_same("call ShowChoice --metadata tenant=north --metadata empty=", "", "{}");
    expect_failure("call ShowChoice --metadata refuse", "", CLI_USAGE, "'refuse' is no KEY=VALUE");
    expect_failure("call ShowChoice --metadata Refuse=x", "", CLI_REFUSED, "BAD_METADATA");
    expect_failure("call ShowChoice --metadata", "", CLI_USAGE, "--metadata needs a value");
}

static void input_has_a_limit(void **state)
{
    (void)state;
    size_t most = 4 * RPC_MESSAGE_BYTES_MAX;
    char *input = malloc(most + 2);
    assert_non_null(input);
    memset(input, ' ', most + 1);
    input[0] = '{';
    input[most - 1] = '}';
    input[most] = '\0';
    expect_same("call ShowChoice -", input, "{}");
    input[most] = ' ';
    input[most + 1] = '\0';
    expect_failure("call ShowChoice -", input, CLI_USAGE, "REQUEST_TOO_LARGE");
    free(input);
}

static void what_it_does_not_know_is_listed_and_described(void **state)
{
    (void)state;
    struct run run = run_orderctl(mirror.endpoint, "list json.test.Mirror");
    assert_non_null(strstr(run.out, "/json.test.Mirror/ShowPresence\n"));
    run_free(&run);
    run = run_orderctl(mirror.endpoint, "describe");
    assert_non_null(strstr(run.out, "service json.test.Mirror {\n  // Every kind of scalar.\n"
                                    "  rpc ShowScalars(json.test.Scalars) returns"));
    run_free(&run);
    run = run_orderctl(mirror.endpoint, "describe json.test.Remembered.Kind");
    assert_non_null(strstr(run.out, "  KIND_LOWEST = -2147483648;\n"));
    run_free(&run);
    run = run_orderctl(mirror.endpoint, "health");
    assert_string_equal(run.out, "SERVING\n");
    run_free(&run);
    run = run_orderctl(mirror.endpoint, "stats");
    assert_non_null(strstr(run.out, "server   mirror\n"));
    run_free(&run);
}

static void contracts_that_are_none_are_refused(void **state)
{
    (void)state;
    mirror_stop(&mirror);
    mirror_start(&mirror, bytes_of("\xff\xff\xff", 3));
    expect_failure("call ShowChoice", "", CLI_BROKEN, "BAD_CONTRACTS");
    expect_failure("describe", "", CLI_BROKEN, "BAD_CONTRACTS");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_mirror, close_mirror)
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_field_comes_back),
        TEST(a_choice_is_one_thing),
        TEST(proto2_tells_absent_from_default),
        TEST(methods_are_found_by_their_end),
        TEST(a_failure_is_printed_with_its_details),
        TEST(bad_requests_are_not_sent),
        TEST(a_request_id_is_filled_in_and_told),
        TEST(metadata_go_with_it),
        TEST(input_has_a_limit),
        TEST(what_it_does_not_know_is_listed_and_described),
        TEST(contracts_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
