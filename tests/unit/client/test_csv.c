/* Rows from files as they come: quotes, line ends, marks, and broken in every way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/csv_table.h"
#include "tests/cmocka_all.h"

struct reader {
    FILE *file;
    struct arena arena;
    struct csv *csv;
    struct csv_row row;
};

static void open_bytes(struct reader *reader, const void *data, size_t size)
{
    reader->file = tmpfile();
    assert_non_null(reader->file);
    assert_int_equal(fwrite(data, 1, size, reader->file), size);
    rewind(reader->file);
    arena_init(&reader->arena, 4 * CSV_ROW_BYTES_MAX, 4 * CSV_ROW_BYTES_MAX);
    reader->csv = csv_create(&reader->arena, reader->file);
    assert_non_null(reader->csv);
}

static void open_text(struct reader *reader, const char *text)
{
    open_bytes(reader, text, strlen(text));
}

static void close_reader(struct reader *reader)
{
    fclose(reader->file);
    arena_fini(&reader->arena);
}

/* Fields joined by "|". */
static void expect_row(struct reader *reader, size_t line, const char *fields)
{
    char joined[512] = "";
    assert_int_equal(csv_next(reader->csv, &reader->row), CSV_ROW);
    for (size_t i = 0; i < reader->row.count; i++) {
        size_t size = strlen(joined);
        snprintf(joined + size, sizeof(joined) - size, "%s%s", i == 0 ? "" : "|",
                 reader->row.fields[i]);
    }
    assert_string_equal(joined, fields);
    assert_int_equal(reader->row.line, line);
}

static void expect_bad(struct reader *reader, size_t line, const char *problem)
{
    assert_int_equal(csv_next(reader->csv, &reader->row), CSV_BAD);
    assert_int_equal(reader->row.line, line);
    assert_string_equal(reader->row.problem, problem);
}

static void expect_end(struct reader *reader)
{
    assert_int_equal(csv_next(reader->csv, &reader->row), CSV_END);
    assert_int_equal(csv_next(reader->csv, &reader->row), CSV_END);
    close_reader(reader);
}

static void reads_plain_rows(void **state)
{
    (void)state;
    struct reader reader;
    open_text(&reader, "a,b,c\n1,,3\n,\n");
    expect_row(&reader, 1, "a|b|c");
    expect_row(&reader, 2, "1||3");
    expect_row(&reader, 3, "|");
    assert_int_equal(csv_bytes(reader.csv), 13);
    expect_end(&reader);
}

static void reads_the_last_row_without_a_line_end(void **state)
{
    (void)state;
    static const char *const texts[] = {"a,b", "a,b\r", "a,\"b\"", "a,\"b\"\r", "a,b\r\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct reader reader;
        open_text(&reader, texts[i]);
        expect_row(&reader, 1, "a|b");
        expect_end(&reader);
    }
}

static void reads_quotes_and_line_breaks_inside_them(void **state)
{
    (void)state;
    struct reader reader;
    open_text(&reader, "\"a,b\",\"say \"\"hi\"\"\",\"\"\n\"two\nlines\r\nand more\",x\nlast,y\n");
    expect_row(&reader, 1, "a,b|say \"hi\"|");
    expect_row(&reader, 2, "two\nlines\r\nand more|x");
    expect_row(&reader, 5, "last|y");
    expect_end(&reader);
}

static void takes_crlf_a_mark_and_empty_lines(void **state)
{
    (void)state;
    struct reader reader;
    open_text(&reader, "\xEF\xBB\xBF"
                       "a,b\r\n\r\n\n1,\"2\"\r\n\r\n");
    expect_row(&reader, 1, "a|b");
    expect_row(&reader, 4, "1|2");
    expect_end(&reader);
}

static void ends_at_once_in_an_empty_file(void **state)
{
    (void)state;
    struct reader reader;
    open_text(&reader, "");
    expect_end(&reader);
    open_text(&reader, "\xEF\xBB\xBF");
    expect_end(&reader);
    open_text(&reader, "\n\r\n\n");
    expect_end(&reader);
}

static void leaves_a_bad_row_behind_its_first_line(void **state)
{
    (void)state;
    struct reader reader;
    open_text(&reader, "a,b\"c,d\n1,2\n\"x\"y,z\n3,4\n\"open,5\n6,7\n\"more\n");
    expect_bad(&reader, 1, "a quote inside a field that does not begin with one");
    assert_int_equal(reader.row.count, 1);
    assert_string_equal(reader.row.fields[0], "a");
    expect_row(&reader, 2, "1|2");
    expect_bad(&reader, 3, "text behind a closing quote");
    expect_row(&reader, 4, "3|4");
    expect_bad(&reader, 5, "text behind a closing quote");
    expect_row(&reader, 6, "6|7");
    expect_bad(&reader, 7, "a quote is never closed");
    expect_end(&reader);
}

static void reports_a_quote_that_the_file_cuts_off(void **state)
{
    (void)state;
    struct reader reader;
    open_text(&reader, "a,b\n1,\"cut");
    expect_row(&reader, 1, "a|b");
    expect_bad(&reader, 2, "a quote is never closed");
    assert_int_equal(reader.row.count, 1);
    expect_end(&reader);
}

static void refuses_zero_bytes(void **state)
{
    (void)state;
    struct reader reader;
    open_bytes(&reader, "a,b\0c\n1,2\n\"x\0\",y\n", 17);
    expect_bad(&reader, 1, "a zero byte");
    expect_row(&reader, 2, "1|2");
    expect_bad(&reader, 3, "a zero byte");
    expect_end(&reader);
}

static void bounds_a_row_and_goes_on_behind_it(void **state)
{
    (void)state;
    enum { HUGE = 3 * CSV_ROW_BYTES_MAX + 17 };
    char *text = malloc(HUGE + 64);
    struct reader reader;
    memset(text, 'x', HUGE);
    memcpy(text + HUGE, "\n1,2\n", 6);
    open_text(&reader, text);
    expect_bad(&reader, 1, "a row of more than 64 KiB, or a quote that is never closed");
    expect_row(&reader, 2, "1|2");
    expect_end(&reader);

    text[0] = '"';
    for (size_t i = 100; i < HUGE; i += 100) {
        text[i] = '\n';
    }
    text[HUGE] = '\0';
    open_text(&reader, text);
    expect_bad(&reader, 1, "a row of more than 64 KiB, or a quote that is never closed");
    for (size_t line = 2; line <= HUGE / 100 + 1; line++) {
        assert_int_equal(csv_next(reader.csv, &reader.row), CSV_ROW);
        assert_int_equal(reader.row.line, line);
    }
    expect_end(&reader);
    free(text);
}

static void takes_a_row_of_just_the_bound(void **state)
{
    (void)state;
    char *text = malloc(CSV_ROW_BYTES_MAX + 64);
    struct reader reader;
    memset(text, 'x', CSV_ROW_BYTES_MAX);
    memcpy(text + CSV_ROW_BYTES_MAX - 1, "\n1,2\n", 6);
    open_text(&reader, text);
    assert_int_equal(csv_next(reader.csv, &reader.row), CSV_ROW);
    assert_int_equal(strlen(reader.row.fields[0]), CSV_ROW_BYTES_MAX - 1);
    expect_row(&reader, 2, "1|2");
    expect_end(&reader);
    free(text);
}

static void bounds_the_columns(void **state)
{
    (void)state;
    char text[CSV_FIELDS_MAX + 16] = "";
    struct reader reader;
    memset(text, ',', CSV_FIELDS_MAX - 1);
    memcpy(text + CSV_FIELDS_MAX - 1, "\n1\n", 4);
    open_text(&reader, text);
    assert_int_equal(csv_next(reader.csv, &reader.row), CSV_ROW);
    assert_int_equal(reader.row.count, CSV_FIELDS_MAX);
    close_reader(&reader);
    memset(text, ',', CSV_FIELDS_MAX);
    memcpy(text + CSV_FIELDS_MAX, "\n1\n", 4);
    open_text(&reader, text);
    expect_bad(&reader, 1, "too many columns");
    expect_row(&reader, 2, "1");
    expect_end(&reader);
}

/* Rows over every boundary of the window. */
static void reads_the_same_wherever_the_window_ends(void **state)
{
    (void)state;
    static const char row[] = "\"a \"\"quoted\"\" one\",b,\"c\r\nd\"\r\n";
    for (size_t shift = 0; shift < sizeof(row); shift++) {
        size_t rows = 3 * CSV_ROW_BYTES_MAX / (sizeof(row) - 1);
        char *text = malloc(shift + 2 + rows * (sizeof(row) - 1) + 1);
        size_t size = 0;
        for (size_t i = 0; i < shift; i++) {
            text[size++] = 'x';
        }
        text[size++] = '\n';
        for (size_t i = 0; i < rows; i++, size += sizeof(row) - 1) {
            memcpy(text + size, row, sizeof(row) - 1);
        }
        struct reader reader;
        open_bytes(&reader, text, size);
        if (shift > 0) {
            assert_int_equal(csv_next(reader.csv, &reader.row), CSV_ROW);
        }
        for (size_t i = 0; i < rows; i++) {
            expect_row(&reader, 2 + 2 * i, "a \"quoted\" one|b|c\r\nd");
        }
        expect_end(&reader);
        free(text);
    }
}

static const struct csv_column COLUMNS[] = {{"id", true}, {"price", false}, {"name", true}};

static void finds_columns_by_name(void **state)
{
    (void)state;
    struct reader reader;
    struct csv_table table;
    struct csv_values values;
    struct failure failure;
    open_text(&reader, "NAME,note,id\nTea,x,t-1\nCup,y\nMug,z,m-1,more\n\"Pot,z,p-1\n");
    assert_int_equal(csv_table_open(&table, reader.csv, COLUMNS, 3, &failure), STATUS_OK);
    assert_string_equal(table.unused, "note");
    assert_int_equal(csv_table_next(&table, &values), CSV_ROW);
    assert_string_equal(values.items[0], "t-1");
    assert_null(values.items[1]);
    assert_string_equal(values.items[2], "Tea");
    assert_int_equal(csv_table_next(&table, &values), CSV_BAD);
    assert_string_equal(values.problem, "2 columns where the heading has 3");
    assert_int_equal(values.line, 3);
    assert_null(values.items[0]);
    assert_string_equal(values.items[2], "Cup");
    assert_int_equal(csv_table_next(&table, &values), CSV_BAD);
    assert_string_equal(values.problem, "4 columns where the heading has 3");
    assert_int_equal(csv_table_next(&table, &values), CSV_BAD);
    assert_null(values.items[2]);
    assert_int_equal(csv_table_next(&table, &values), CSV_END);
    close_reader(&reader);
}

static void refuses_bad_headings(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "the file is empty; its first line must name the columns"},
        {"id,price\n", "the column name is missing in line 1"},
        {"\n\nid\n", "the column name is missing in line 3"},
        {"id,name,ID\n", "the column id stands there twice"},
        {"\"id,name\n", "line 1: a quote is never closed"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reader reader;
        struct csv_table table;
        struct failure failure;
        open_text(&reader, cases[i][0]);
        assert_int_equal(csv_table_open(&table, reader.csv, COLUMNS, 3, &failure),
                         STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.message, cases[i][1]);
        close_reader(&reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain_rows),
        cmocka_unit_test(reads_the_last_row_without_a_line_end),
        cmocka_unit_test(reads_quotes_and_line_breaks_inside_them),
        cmocka_unit_test(takes_crlf_a_mark_and_empty_lines),
        cmocka_unit_test(ends_at_once_in_an_empty_file),
        cmocka_unit_test(leaves_a_bad_row_behind_its_first_line),
        cmocka_unit_test(reports_a_quote_that_the_file_cuts_off),
        cmocka_unit_test(refuses_zero_bytes),
        cmocka_unit_test(bounds_a_row_and_goes_on_behind_it),
        cmocka_unit_test(takes_a_row_of_just_the_bound),
        cmocka_unit_test(bounds_the_columns),
        cmocka_unit_test(reads_the_same_wherever_the_window_ends),
        cmocka_unit_test(finds_columns_by_name),
        cmocka_unit_test(refuses_bad_headings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
