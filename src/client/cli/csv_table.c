/* See csv_table.h. */
#include "client/cli/csv_table.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static enum status find_columns(struct csv_table *table, const struct csv_row *heading,
                                struct failure *failure);
static void note_unused(struct csv_table *table, const struct csv_row *heading);

enum status csv_table_open(struct csv_table *table, struct csv *csv,
                           const struct csv_column *columns, size_t count, struct failure *failure)
{
    assert(count <= CSV_COLUMNS_MAX);
    *table = (struct csv_table){.csv = csv, .columns = columns, .column_count = count};
    struct csv_row heading;
    switch (csv_next(csv, &heading)) {
    case CSV_ROW:
        break;
    case CSV_BAD:
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_HEADING", "line %zu: %s",
                           heading.line, heading.problem);
    case CSV_END:
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_HEADING",
                           "the file is empty; its first line must name the columns");
    case CSV_FAILED:
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "UNREADABLE", "cannot be read");
    }
    table->heading_count = heading.count;
    enum status status = find_columns(table, &heading, failure);
    if (status == STATUS_OK) {
        note_unused(table, &heading);
    }
    return status;
}

enum csv_result csv_table_next(struct csv_table *table, struct csv_values *values)
{
    struct csv_row row;
    enum csv_result result = csv_next(table->csv, &row);
    if (result == CSV_END || result == CSV_FAILED) {
        return result;
    }
    values->line = row.line;
    for (size_t i = 0; i < table->column_count; i++) {
        values->items[i] = table->places[i] < row.count ? row.fields[table->places[i]] : NULL;
    }
    memcpy(values->problem, row.problem, sizeof(values->problem));
    if (result == CSV_ROW && row.count != table->heading_count) {
        snprintf(values->problem, sizeof(values->problem), "%zu columns where the heading has %zu",
                 row.count, table->heading_count);
        return CSV_BAD;
    }
    return result;
}

static enum status find_columns(struct csv_table *table, const struct csv_row *heading,
                                struct failure *failure)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct csv_column *column = &table->columns[i];
        table->places[i] = SIZE_MAX;
        for (size_t k = 0; k < heading->count; k++) {
            if (strcasecmp(heading->fields[k], column->name) != 0) {
                continue;
            }
            if (table->places[i] != SIZE_MAX) {
                return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_HEADING",
                                   "the column %s stands there twice", column->name);
            }
            table->places[i] = k;
        }
        if (column->required && table->places[i] == SIZE_MAX) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_HEADING",
                               "the column %s is missing in line %zu", column->name, heading->line);
        }
    }
    return STATUS_OK;
}

static void note_unused(struct csv_table *table, const struct csv_row *heading)
{
    for (size_t k = 0; k < heading->count; k++) {
        bool used = false;
        for (size_t i = 0; i < table->column_count; i++) {
            used = used || table->places[i] == k;
        }
        size_t size = strlen(table->unused);
        if (!used) {
            snprintf(table->unused + size, sizeof(table->unused) - size, "%s%s",
                     size == 0 ? "" : ", ", heading->fields[k]);
        }
    }
}
