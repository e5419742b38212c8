/* Table: aligned columns for people, printed page by page.
 * Always: cells are copied and made harmless for a terminal; columns get as wide as the widest cell
 * seen so far, so that a list of any length is printed in the memory of one page. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"

#define TABLE_COLUMNS_MAX 10

enum table_align {
    TABLE_LEFT,
    TABLE_RIGHT,
};

struct table_column {
    const char *title; /* NULL in all: no heading */
    enum table_align align;
};

struct table_row;

struct table {
    FILE *out;
    const struct table_column *columns;
    size_t column_count;
    size_t widths[TABLE_COLUMNS_MAX];
    bool titled;
    struct arena arena;
    struct table_row *first, *last;
};

/* `columns` outlives the table; at most TABLE_COLUMNS_MAX. */
void table_init(struct table *table, FILE *out, const struct table_column *columns, size_t count);
/* column_count cells, then nothing; NULL is an empty one. Prints by itself when a page is full. */
void table_row(struct table *table, const char *const *cells);
/* Prints the rows added since the last time; the heading first, even if there is none. */
void table_flush(struct table *table);
/* Prints the rows that are left, then frees. */
void table_fini(struct table *table);

/* A record: a name and a value a line. */
void record_print(FILE *out, const char *const (*pairs)[2], size_t count);
