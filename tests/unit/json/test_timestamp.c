#include <inttypes.h>

#include "json/timestamp.h"
#include "tests/cmocka_all.h"

static void must_print(int64_t seconds, int32_t nanos, const char *expected)
{
    char text[TIMESTAMP_TEXT_BYTES];
    assert_true(timestamp_print(seconds, nanos, text));
    assert_string_equal(text, expected);
    int64_t seconds_back;
    int32_t nanos_back;
    assert_true(timestamp_parse(text, &seconds_back, &nanos_back));
    assert_int_equal(seconds_back, seconds);
    assert_int_equal(nanos_back, nanos);
}

static void test_moments_there_and_back(void **state)
{
    (void)state;
    must_print(0, 0, "1970-01-01T00:00:00Z");
    must_print(-1, 0, "1969-12-31T23:59:59Z");
    must_print(TIMESTAMP_SECONDS_LEAST, 0, "0001-01-01T00:00:00Z");
    must_print(TIMESTAMP_SECONDS_MOST, 999999999, "9999-12-31T23:59:59.999999999Z");
    must_print(951782400, 1000000, "2000-02-29T00:00:00.001Z");
    must_print(951782400, 1000, "2000-02-29T00:00:00.000001Z");
    must_print(951782400, 1, "2000-02-29T00:00:00.000000001Z");
}

static void test_every_day_of_800_years(void **state)
{
    (void)state;
    for (int64_t day = -146097; day < 146097; day++) {
        char text[TIMESTAMP_TEXT_BYTES];
        int64_t seconds;
        int32_t nanos;
        assert_true(timestamp_print(day * 86400 + 86399, 0, text));
        assert_true(timestamp_parse(text, &seconds, &nanos));
        assert_int_equal(seconds, day * 86400 + 86399);
    }
}

static void test_offsets_and_refusals(void **state)
{
    (void)state;
    int64_t seconds;
    int32_t nanos;
    assert_true(timestamp_parse("1970-01-01T01:30:00.5+01:30", &seconds, &nanos));
    assert_int_equal(seconds, 0);
    assert_int_equal(nanos, 500000000);
    assert_true(timestamp_parse("1969-12-31T23:00:00-01:00", &seconds, &nanos));
    assert_int_equal(seconds, 0);
    static const char *const BAD[] = {"",
                                      "1970",
                                      "1970-01-01",
                                      "1970-01-01T00:00:00",
                                      "1970-01-01 00:00:00Z",
                                      "1970-01-01t00:00:00Z",
                                      "1970-01-01T00:00:00z",
                                      "1970-13-01T00:00:00Z",
                                      "1970-02-29T00:00:00Z",
                                      "1900-02-29T00:00:00Z",
                                      "1970-01-00T00:00:00Z",
                                      "1970-01-01T24:00:00Z",
                                      "1970-01-01T00:60:00Z",
                                      "1970-01-01T00:00:60Z",
                                      "1970-01-01T00:00:00.Z",
                                      "1970-01-01T00:00:00.1234567890Z",
                                      "1970-01-01T00:00:00+0100",
                                      "1970-01-01T00:00:00+24:00",
                                      "1970-01-01T00:00:00ZZ",
                                      "0000-01-01T00:00:00Z",
                                      "0001-01-01T00:00:00+00:01",
                                      "9999-12-31T23:59:59-00:01",
                                      "+1970-01-01T00:00:00Z"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_false(timestamp_parse(BAD[i], &seconds, &nanos));
    }
    char text[TIMESTAMP_TEXT_BYTES];
    assert_false(timestamp_print(TIMESTAMP_SECONDS_LEAST - 1, 0, text));
    assert_false(timestamp_print(TIMESTAMP_SECONDS_MOST + 1, 0, text));
    assert_false(timestamp_print(0, -1, text));
    assert_false(timestamp_print(0, 1000000000, text));
}

static void test_what_people_write(void **state)
{
    (void)state;
    static const char *const SAME[] = {
        "1996-07-04T00:00:00Z",      "1996-07-04t02:30:00+02:30",      "1996-07-03 19:00:00-05:00",
        "1996-07-04 00:00:00.000z",  "1996-07-04T02:00:00.0+02:00",    "1996-07-04t00:00:00z",
        "1996-07-04 00:00:00+00:00", "1996-07-04 00:00:00.000000000Z", "1996-07-03t23:00:00-01:00"};
    static const char *const BAD[] = {"",
                                      "1996-07-04",
                                      "1996-07-04 ",
                                      "1996-07-04x00:00:00Z",
                                      "1996-07-04  00:00:00Z",
                                      "1996-07-04 00:00:00",
                                      "1996-07-04T00:00:00zz",
                                      " 1996-07-04T00:00:00Z",
                                      "1996-07-04T00:00:00.1234567890123456789012Z"};
    int64_t seconds;
    int32_t nanos;
    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++) {
        assert_true(timestamp_parse_written(SAME[i], &seconds, &nanos));
        assert_int_equal(seconds, 836438400);
        assert_int_equal(nanos, 0);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_false(timestamp_parse_written(BAD[i], &seconds, &nanos));
    }
}

static void test_short_form_of_tables(void **state)
{
    (void)state;
    char text[TIMESTAMP_TEXT_BYTES];
    timestamp_print_short(-86400, text);
    assert_string_equal(text, "1969-12-31 00:00:00");
    timestamp_print_short(TIMESTAMP_SECONDS_MOST, text);
    assert_string_equal(text, "9999-12-31 23:59:59");
    timestamp_print_short(INT64_MAX, text);
    assert_string_equal(text, "?");
}

static void must_span(int64_t seconds, int32_t nanos, const char *expected)
{
    char text[TIMESTAMP_TEXT_BYTES];
    assert_true(duration_print(seconds, nanos, text));
    assert_string_equal(text, expected);
    int64_t seconds_back;
    int32_t nanos_back;
    assert_true(duration_parse(text, &seconds_back, &nanos_back));
    assert_int_equal(seconds_back, seconds);
    assert_int_equal(nanos_back, nanos);
}

static void test_spans(void **state)
{
    (void)state;
    must_span(0, 0, "0s");
    must_span(3, 1000, "3.000001s");
    must_span(-3, -500000000, "-3.500s");
    must_span(0, -1, "-0.000000001s");
    must_span(DURATION_SECONDS_MOST, 999999999, "315576000000.999999999s");
    must_span(-DURATION_SECONDS_MOST, 0, "-315576000000s");
    char text[TIMESTAMP_TEXT_BYTES];
    assert_false(duration_print(1, -1, text));
    assert_false(duration_print(DURATION_SECONDS_MOST + 1, 0, text));
    assert_false(duration_print(INT64_MIN, 0, text));
    int64_t seconds;
    int32_t nanos;
    static const char *const BAD[] = {"",
                                      "s",
                                      "1",
                                      "1 s",
                                      "1.s",
                                      ".5s",
                                      "+1s",
                                      "--1s",
                                      "1sx",
                                      "1m",
                                      "315576000001s",
                                      "-s",
                                      "1e3s",
                                      "9999999999999999999s",
                                      "0.0000000001s"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_false(duration_parse(BAD[i], &seconds, &nanos));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments_there_and_back),
        cmocka_unit_test(test_every_day_of_800_years),
        cmocka_unit_test(test_offsets_and_refusals),
        cmocka_unit_test(test_what_people_write),
        cmocka_unit_test(test_short_form_of_tables),
        cmocka_unit_test(test_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
