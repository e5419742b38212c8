/* Columns that line up, whatever is in them. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/table.h"
#include "client/cli/text.h"
#include "tests/cmocka_all.h"

static const struct table_column COLUMNS[] = {
    {"ID", TABLE_LEFT}, {"NAME", TABLE_LEFT}, {"PRICE", TABLE_RIGHT}};

static void lines_up(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct table table;
    table_init(&table, out, COLUMNS, 3);
    table_row(&table, (const char *const[]){"t-1", "K\xC3\xA4se", "1.00 USD"});
    table_row(&table, (const char *const[]){"long-id", "\xE7\xBB\xBF\xE8\x8C\xB6", "12.50 USD"});
    table_row(&table, (const char *const[]){"x", "cafe\xCC\x81", NULL});
    table_fini(&table);
    fclose(out);
    assert_string_equal(text, "ID       NAME      PRICE\n"
                              "t-1      K\xC3\xA4se   1.00 USD\n"
                              "long-id  \xE7\xBB\xBF\xE8\x8C\xB6  12.50 USD\n"
                              "x        cafe\xCC\x81\n");
    free(text);
}

static void keeps_its_widths_from_page_to_page(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct table table;
    table_init(&table, out, COLUMNS, 2);
    table_row(&table, (const char *const[]){"wide-one", "a"});
    table_flush(&table);
    table_row(&table, (const char *const[]){"b", "c"});
    table_fini(&table);
    fclose(out);
    assert_string_equal(text, "ID        NAME\n"
                              "wide-one  a\n"
                              "b         c\n");
    free(text);
}

static void prints_many_rows_in_bounded_memory(void **state)
{
    (void)state;
    FILE *out = tmpfile();
    struct table table;
    char cell[1024];
    memset(cell, 'x', sizeof(cell));
    cell[sizeof(cell) - 1] = '\0';
    table_init(&table, out, COLUMNS, 3);
    for (size_t i = 0; i < 10000; i++) {
        table_row(&table, (const char *const[]){cell, "b", "c"});
    }
    table_fini(&table);
    rewind(out);
    size_t lines = 0;
    for (int c = fgetc(out); c != EOF; c = fgetc(out)) {
        lines += c == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, 10001);
    fclose(out);
}

static void prints_the_heading_of_an_empty_list_once(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct table table;
    table_init(&table, out, COLUMNS, 3);
    table_flush(&table);
    table_flush(&table);
    table_fini(&table);
    fclose(out);
    assert_string_equal(text, "ID  NAME  PRICE\n");
    free(text);
}

static void prints_records(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    record_print(out, (const char *const[][2]){{"product", "t-1"}, {"name", "Tea"}, {"x", ""}}, 3);
    fclose(out);
    assert_string_equal(text, "product  t-1\nname     Tea\nx\n");
    free(text);
}

static void disarms_what_could_move_the_cursor(void **state)
{
    (void)state;
    char text[] = "a\033[2Jb\x7f\xC2\x9B"
                  "c\xFF\t\xC3\xA4";
    text_disarm(text);
    assert_string_equal(text, "a?[2Jb???c??\xC3\xA4");
}

static void measures_text(void **state)
{
    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("abc"), 3);
    assert_int_equal(text_width("\xC3\xA4\xC3\xB6"), 2);
    assert_int_equal(text_width("e\xCC\x81"), 1);
    assert_int_equal(text_width("\xE7\xBB\xBF"), 2);
    assert_int_equal(text_width("\xF0\x9F\x98\x80"), 2);
    assert_int_equal(text_width("\xF0\x9F"), 2);     /* cut off: a byte a column */
    assert_int_equal(text_width("\xED\xA0\x80"), 3); /* a surrogate is no character */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_up),
        cmocka_unit_test(keeps_its_widths_from_page_to_page),
        cmocka_unit_test(prints_many_rows_in_bounded_memory),
        cmocka_unit_test(prints_the_heading_of_an_empty_list_once),
        cmocka_unit_test(prints_records),
        cmocka_unit_test(disarms_what_could_move_the_cursor),
        cmocka_unit_test(measures_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
