/* Table: rows wait in an arena until their page is printed. */
#include "client/cli/table.h"

#include <assert.h>
#include <string.h>

#include "client/cli/text.h"

#define TABLE_CHUNK_BYTES (64 * 1024)
#define TABLE_PAGE_BYTES  (4 * 1024 * 1024) /* of a page of rows; then it is printed */
#define TABLE_GAP         2                 /* spaces between columns */

struct table_row {
    struct table_row *next;
    char *cells[TABLE_COLUMNS_MAX];
};

static struct table_row *copy_row(struct table *table, const char *const *cells);
static void print_titles(struct table *table);
static void print_cells(const struct table *table, const char *const *cells);
static void widen(struct table *table, size_t column, const char *cell);
static void print_spaces(FILE *out, size_t count);

void table_init(struct table *table, FILE *out, const struct table_column *columns, size_t count)
{
    assert(count <= TABLE_COLUMNS_MAX);
    *table = (struct table){.out = out, .columns = columns, .column_count = count};
    arena_init(&table->arena, TABLE_CHUNK_BYTES, TABLE_PAGE_BYTES);
    for (size_t i = 0; i < count; i++) {
        if (columns[i].title != NULL) {
            widen(table, i, columns[i].title);
        }
    }
}

void table_row(struct table *table, const char *const *cells)
{
    struct table_row *row = copy_row(table, cells);
    if (row == NULL) {
        table_flush(table);
        row = copy_row(table, cells);
        assert(row != NULL); /* no message is as large as a page */
    }
    if (table->last == NULL) {
        table->first = row;
    } else {
        table->last->next = row;
    }
    table->last = row;
    for (size_t i = 0; i < table->column_count; i++) {
        widen(table, i, row->cells[i]);
    }
}

void table_flush(struct table *table)
{
    if (!table->titled) {
        print_titles(table);
        table->titled = true;
    }
    for (const struct table_row *row = table->first; row != NULL; row = row->next) {
        print_cells(table, (const char *const *)row->cells);
    }
    table->first = NULL;
    table->last = NULL;
    arena_reset(&table->arena);
}

void table_fini(struct table *table)
{
    if (table->first != NULL) {
        table_flush(table);
    }
    arena_fini(&table->arena);
}

void record_print(FILE *out, const char *const (*pairs)[2], size_t count)
{
    static const struct table_column COLUMNS[] = {{NULL, TABLE_LEFT}, {NULL, TABLE_LEFT}};
    struct table table;
    table_init(&table, out, COLUMNS, 2);
    for (size_t i = 0; i < count; i++) {
        table_row(&table, pairs[i]);
    }
    table_fini(&table);
}

static struct table_row *copy_row(struct table *table, const char *const *cells)
{
    struct table_row *row = arena_calloc(&table->arena, 1, sizeof(*row));
    for (size_t i = 0; row != NULL && i < table->column_count; i++) {
        row->cells[i] = arena_strdup(&table->arena, cells[i] == NULL ? "" : cells[i]);
        if (row->cells[i] == NULL) {
            return NULL;
        }
        text_disarm(row->cells[i]);
    }
    return row;
}

static void print_titles(struct table *table)
{
    const char *titles[TABLE_COLUMNS_MAX] = {NULL};
    for (size_t i = 0; i < table->column_count; i++) {
        titles[i] = table->columns[i].title;
        if (titles[i] == NULL) {
            return;
        }
    }
    print_cells(table, titles);
}

/* Nothing is padded behind the last cell that has something. */
static void print_cells(const struct table *table, const char *const *cells)
{
    size_t count = table->column_count;
    while (count > 0 && cells[count - 1][0] == '\0') {
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        size_t padding = table->widths[i] - text_width(cells[i]);
        bool right = table->columns[i].align == TABLE_RIGHT;
        print_spaces(table->out, right ? padding : 0);
        fputs(cells[i], table->out);
        print_spaces(table->out, i + 1 == count ? 0 : (right ? 0 : padding) + TABLE_GAP);
    }
    fputc('\n', table->out);
}

static void widen(struct table *table, size_t column, const char *cell)
{
    size_t width = text_width(cell);
    if (width > table->widths[column]) {
        table->widths[column] = width;
    }
}

static void print_spaces(FILE *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputc(' ', out);
    }
}
