/* CSV table: rows by column name, whatever order the file has them in. */
#pragma once

#include <stdbool.h>

#include "base/status.h"
#include "client/cli/csv.h"

#define CSV_COLUMNS_MAX 16 /* that one kind of file may know */

struct csv_column {
    const char *name;
    bool required;
};

struct csv_table {
    struct csv *csv;
    const struct csv_column *columns;
    size_t column_count;
    size_t heading_count;               /* fields of each row of this file */
    size_t places[CSV_COLUMNS_MAX];     /* of each column in a row; SIZE_MAX: the file has it not */
    char unused[FAILURE_MESSAGE_BYTES]; /* headings that nobody asked for, "a, b" */
};

struct csv_values {
    size_t line;
    const char *items[CSV_COLUMNS_MAX]; /* in the order of `columns`; NULL: not in this row */
    char problem[CSV_PROBLEM_BYTES];
};

/* Reads the heading. INVALID_ARGUMENT (BAD_HEADING): empty file, a required column is missing, one
 * stands there twice. */
enum status csv_table_open(struct csv_table *table, struct csv *csv,
                           const struct csv_column *columns, size_t count, struct failure *failure);
/* As csv_next(); CSV_BAD, too, for a row with another number of fields than the heading. A bad row
 * has the values that could be read. */
enum csv_result csv_table_next(struct csv_table *table, struct csv_values *values);
