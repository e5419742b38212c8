/* Amounts by the currency's digits. */
#include "client/cli/money.h"
#include "tests/cmocka_all.h"

static void prints_by_the_currencys_digits(void **state)
{
    (void)state;
    static const struct {
        int64_t minor;
        const char *currency, *text;
    } cases[] = {{1800, "USD", "18.00 USD"},
                 {5, "EUR", "0.05 EUR"},
                 {0, "USD", "0.00 USD"},
                 {1800, "JPY", "1800 JPY"},
                 {1234, "KWD", "1.234 KWD"},
                 {12345, "CLF", "1.2345 CLF"},
                 {-1, "USD", "-0.01 USD"},
                 {INT64_MAX, "USD", "92233720368547758.07 USD"},
                 {INT64_MIN, "USD", "-92233720368547758.08 USD"},
                 {7, "XXX", "0.07 XXX"},
                 {7, "", "0.07 "}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[MONEY_TEXT_BYTES];
        money_print(cases[i].minor, cases[i].currency, out);
        assert_string_equal(out, cases[i].text);
    }
}

static void reads_by_the_currencys_digits(void **state)
{
    (void)state;
    static const struct {
        const char *text, *currency;
        int64_t minor;
    } cases[] = {{"18.00", "USD", 1800},
                 {"18", "USD", 1800},
                 {"18.5", "USD", 1850},
                 {"0.05", "USD", 5},
                 {"1800", "JPY", 1800},
                 {"1.234", "KWD", 1234},
                 {"92233720368547758.07", "USD", INT64_MAX}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t minor = -1;
        assert_true(money_parse(cases[i].text, cases[i].currency, &minor));
        assert_int_equal(minor, cases[i].minor);
    }
}

static void refuses_what_is_no_amount(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "USD"},      {".5", "USD"},    {"18.", "USD"}, {"18.005", "USD"},
        {"18.0", "JPY"},  {"-1", "USD"},    {"+1", "USD"},  {"1e3", "USD"},
        {"1,000", "USD"}, {"1.2.3", "USD"}, {" 1", "USD"},  {"92233720368547758.08", "USD"},
        {"18 USD", "USD"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t minor;
        assert_false(money_parse(bad[i][0], bad[i][1], &minor));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_by_the_currencys_digits),
        cmocka_unit_test(reads_by_the_currencys_digits),
        cmocka_unit_test(refuses_what_is_no_amount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
