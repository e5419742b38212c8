/* Times as text, both ways. */
#include "client/timestamp.h"
#include "tests/cmocka_all.h"

static void check(const char *text, int64_t seconds, int32_t nanos, const char *printed)
{
    int64_t seconds_out = -1;
    int32_t nanos_out = -1;
    char out[TIMESTAMP_TEXT_BYTES];
    assert_true(timestamp_parse(text, &seconds_out, &nanos_out));
    assert_int_equal(seconds_out, seconds);
    assert_int_equal(nanos_out, nanos);
    assert_true(timestamp_print(seconds_out, nanos_out, out));
    assert_string_equal(out, printed);
}

static void reads_and_prints_times(void **state)
{
    (void)state;
    check("1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z");
    check("1996-07-04T00:00:00Z", 836438400, 0, "1996-07-04T00:00:00Z");
    check("1996-07-04t02:30:00+02:30", 836438400, 0, "1996-07-04T00:00:00Z");
    check("1996-07-03 19:00:00-05:00", 836438400, 0, "1996-07-04T00:00:00Z");
    check("2000-02-29T23:59:59.5Z", 951868799, 500000000, "2000-02-29T23:59:59.500Z");
    check("2026-11-22T12:15:02.000001Z", 1795349702, 1000, "2026-11-22T12:15:02.000001Z");
    check("1969-12-31T23:59:59.999999999Z", -1, 999999999, "1969-12-31T23:59:59.999999999Z");
    check("0001-01-01T00:00:00Z", TIMESTAMP_SECONDS_LEAST, 0, "0001-01-01T00:00:00Z");
    check("9999-12-31T23:59:59Z", TIMESTAMP_SECONDS_MOST, 0, "9999-12-31T23:59:59Z");
}

static void refuses_what_is_no_time(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "1996",
                                      "1996-07-04",
                                      "1996-07-04T00:00:00",
                                      "1996-07-04T00:00:00Zx",
                                      "1996-7-4T00:00:00Z",
                                      "1996-13-01T00:00:00Z",
                                      "1996-00-01T00:00:00Z",
                                      "1996-04-31T00:00:00Z",
                                      "1900-02-29T00:00:00Z",
                                      "0000-01-01T00:00:00Z",
                                      "1996-07-04T24:00:00Z",
                                      "1996-07-04T00:60:00Z",
                                      "1996-07-04T00:00:60Z",
                                      "1996-07-04T00:00:00.Z",
                                      "1996-07-04T00:00:00.1234567890Z",
                                      "1996-07-04T00:00:00+0200",
                                      "1996-07-04T00:00:00+24:00",
                                      "0001-01-01T00:00:00+00:01",
                                      " 1996-07-04T00:00:00Z"};
    int64_t seconds;
    int32_t nanos;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(timestamp_parse(bad[i], &seconds, &nanos));
    }
}

static void every_day_comes_back(void **state)
{
    (void)state;
    for (int64_t day = -719162; day < 2932896; day += 37) {
        char text[TIMESTAMP_TEXT_BYTES];
        int64_t seconds;
        int32_t nanos;
        assert_true(timestamp_print(day * 86400, 0, text));
        assert_true(timestamp_parse(text, &seconds, &nanos));
        assert_int_equal(seconds, day * 86400);
    }
}

static void refuses_to_print_out_of_range(void **state)
{
    (void)state;
    char out[TIMESTAMP_TEXT_BYTES];
    assert_false(timestamp_print(TIMESTAMP_SECONDS_MOST + 1, 0, out));
    assert_false(timestamp_print(TIMESTAMP_SECONDS_LEAST - 1, 0, out));
    assert_false(timestamp_print(0, -1, out));
    assert_false(timestamp_print(0, 1000000000, out));
    timestamp_print_short(INT64_MAX, out);
    assert_string_equal(out, "?");
    timestamp_print_short(-86400, out);
    assert_string_equal(out, "1969-12-31 00:00:00");
}

static void prints_durations(void **state)
{
    (void)state;
    char out[TIMESTAMP_TEXT_BYTES];
    assert_true(duration_print(3, 1000, out));
    assert_string_equal(out, "3.000001s");
    assert_true(duration_print(0, -500000000, out));
    assert_string_equal(out, "-0.500s");
    assert_true(duration_print(-DURATION_SECONDS_MOST, 0, out));
    assert_string_equal(out, "-315576000000s");
    assert_false(duration_print(DURATION_SECONDS_MOST + 1, 0, out));
    assert_false(duration_print(1, -1, out));
    assert_false(duration_print(-1, 1, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_prints_times), cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(every_day_comes_back),   cmocka_unit_test(refuses_to_print_out_of_range),
        cmocka_unit_test(prints_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
