/* Command lines, good and bad. */
#include <stdio.h>
#include <string.h>

#include "client/cli/options.h"
#include "tests/cmocka_all.h"

struct values {
    const char *name;
    int64_t count, wait_ms, output;
    bool force;
    struct option_list tags;
};

static const struct option OPTIONS[] = {
    {.name = "name",
     .letter = 'n',
     .type = OPTION_TEXT,
     .offset = offsetof(struct values, name),
     .value = "TEXT",
     .required = true},
    {.name = "count",
     .type = OPTION_INT,
     .offset = offsetof(struct values, count),
     .value = "N",
     .fallback = "7",
     .least = -5,
     .most = 10},
    {.name = "wait",
     .type = OPTION_DURATION,
     .offset = offsetof(struct values, wait_ms),
     .value = "TIME",
     .fallback = "2s",
     .least = 1,
     .most = 60000},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_CHOICE,
     .offset = offsetof(struct values, output),
     .value = "table|json",
     .fallback = "table"},
    {.name = "force", .letter = 'f', .type = OPTION_FLAG, .offset = offsetof(struct values, force)},
    {.name = "tag",
     .letter = 't',
     .type = OPTION_LIST,
     .offset = offsetof(struct values, tags),
     .value = "TEXT"},
};

static struct values values;
static const char *words[16];
static size_t word_count;
static struct failure failure;

static enum status parse(int argc, char **argv)
{
    memset(&values, 0, sizeof(values));
    const struct option_table table = {OPTIONS, sizeof(OPTIONS) / sizeof(OPTIONS[0]), &values};
    struct option_words found = {.items = words};
    int at = 0;
    options_default(&table);
    enum status status = options_parse(&table, 1, argc, argv, &at, false, &found, &failure);
    word_count = found.count;
    return status != STATUS_OK ? status : options_check_required(&table, &failure);
}

/* A command line in one text. */
static enum status parse_line(const char *line)
{
    static char copy[256];
    char *argv[16];
    int argc = 0;
    char *save = NULL;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *at = strtok_r(copy, " ", &save); at != NULL; at = strtok_r(NULL, " ", &save)) {
        argv[argc++] = at;
    }
    return parse(argc, argv);
}

static void takes_every_form(void **state)
{
    (void)state;
    assert_int_equal(parse_line("a --name x b --count=-3 -ojson -f --wait 1.5s -- --c"), STATUS_OK);
    assert_string_equal(values.name, "x");
    assert_int_equal(values.count, -3);
    assert_int_equal(values.wait_ms, 1500);
    assert_int_equal(values.output, 1);
    assert_true(values.force);
    assert_int_equal(word_count, 3);
    assert_string_equal(words[0], "a");
    assert_string_equal(words[1], "b");
    assert_string_equal(words[2], "--c");
}

static void fills_in_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse_line("-n x"), STATUS_OK);
    assert_int_equal(values.count, 7);
    assert_int_equal(values.wait_ms, 2000);
    assert_int_equal(values.output, 0);
    assert_false(values.force);
}

static void takes_minus_and_negative_numbers_as_words(void **state)
{
    (void)state;
    assert_int_equal(parse_line("- -5 --name=x"), STATUS_OK);
    assert_int_equal(word_count, 2);
    assert_string_equal(words[0], "-");
    assert_string_equal(words[1], "-5");
}

static void the_last_one_counts(void **state)
{
    (void)state;
    assert_int_equal(parse_line("-n a -n b --name ="), STATUS_OK);
    assert_string_equal(values.name, "=");
}

static void a_list_has_them_all_up_to_its_limit(void **state)
{
    (void)state;
    assert_int_equal(parse_line("-n x"), STATUS_OK);
    assert_int_equal(values.tags.count, 0);
    assert_int_equal(parse_line("--tag a -n x -tb --tag=a"), STATUS_OK);
    assert_int_equal(values.tags.count, 3);
    assert_string_equal(values.tags.items[0], "a");
    assert_string_equal(values.tags.items[1], "b");
    assert_string_equal(values.tags.items[2], "a");
    char name[] = "--name=x", tag[] = "--tag=a";
    char *argv[OPTIONS_LIST_MAX + 2] = {name};
    for (size_t i = 1; i < OPTIONS_LIST_MAX + 2; i++) {
        argv[i] = tag;
    }
    assert_int_equal(parse(OPTIONS_LIST_MAX + 1, argv), STATUS_OK);
    assert_int_equal(values.tags.count, OPTIONS_LIST_MAX);
    assert_int_equal(parse(OPTIONS_LIST_MAX + 2, argv), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.message, "--tag is given more than 32 times");
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "--name TEXT is missing"},
        {"--nam x", "unknown option '--nam'"},
        {"-x", "unknown option '-x'"},
        {"--name", "--name needs a value: TEXT"},
        {"-n x --force=yes", "--force takes no value"},
        {"-n x --count 11", "--count: 11 is not from -5 to 10"},
        {"-n x --count -6", "--count: -6 is not from -5 to 10"},
        {"-n x --count 3x", "--count: '3x' is no whole number"},
        {"-n x --count=", "--count: '' is no whole number"},
        {"-n x --count 99999999999999999999", "--count: '99999999999999999999' is no whole number"},
        {"-n x --wait 5", "--wait: '5' is no duration, such as 500ms, 2s, 15m or 24h"},
        {"-n x --wait 0x5s", "--wait: '0x5s' is no duration, such as 500ms, 2s, 15m or 24h"},
        {"-n x --wait 2m", "--wait: 2m is not from 1 to 60000 ms"},
        {"-n x --wait 0ms", "--wait: 0ms is not from 1 to 60000 ms"},
        {"-n x -o yaml", "--output: 'yaml' is none of table|json"},
        {"-n x -o tab", "--output: 'tab' is none of table|json"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (strcmp(cases[i][0], "-n x --wait 2m") == 0) {
            assert_int_equal(parse_line("-n x --wait 1m"), STATUS_OK);
        }
        assert_int_equal(parse_line(cases[i][0]), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.message, cases[i][1]);
    }
}

static void stops_before_the_first_word(void **state)
{
    (void)state;
    char *argv[] = {(char[]){"-f"}, (char[]){"stock"}, (char[]){"--bogus"}};
    const struct option_table table = {OPTIONS, sizeof(OPTIONS) / sizeof(OPTIONS[0]), &values};
    struct option_words found = {.items = words};
    int at = 0;
    assert_int_equal(options_parse(&table, 1, 3, argv, &at, true, &found, &failure), STATUS_OK);
    assert_int_equal(at, 1);
}

static void reads_whole_numbers(void **state)
{
    (void)state;
    int64_t value;
    assert_true(options_parse_int("-9223372036854775808", &value));
    assert_true(value == INT64_MIN);
    assert_true(options_parse_int("007", &value));
    assert_int_equal(value, 7);
    static const char *const bad[] = {"",   "-",   "+1",  " 1",
                                      "1 ", "0x1", "1.0", "9223372036854775808"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(options_parse_int(bad[i], &value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_form),
        cmocka_unit_test(fills_in_defaults),
        cmocka_unit_test(takes_minus_and_negative_numbers_as_words),
        cmocka_unit_test(the_last_one_counts),
        cmocka_unit_test(a_list_has_them_all_up_to_its_limit),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(stops_before_the_first_word),
        cmocka_unit_test(reads_whole_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
