/* CSV: rows of a file of any size, one at a time (RFC 4180: quotes, "" inside them, line breaks
 * inside them, CRLF or LF; a UTF-8 byte order mark at the start is skipped, empty lines are, too).
 * Always: line numbers are the file's; memory has a bound (CSV_ROW_BYTES_MAX); a row that cannot be
 * read is reported and reading goes on behind its first line, so that a stray quote spoils one line
 * and not the rest of the file.
 * Not here: what columns mean (csv_table.h). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"

#define CSV_ROW_BYTES_MAX (64 * 1024) /* of one row with its quotes; names and ids need 1 KiB */
#define CSV_FIELDS_MAX    64          /* of one row; a shop's exports have a dozen */
#define CSV_PROBLEM_BYTES 96

enum csv_result {
    CSV_ROW,
    CSV_BAD, /* row->problem says why; row has the fields before the problem */
    CSV_END,
    CSV_FAILED /* the file cannot be read; errno */
};

struct csv_row {
    size_t line;                  /* of its first character, from 1 */
    size_t count;                 /* of fields */
    char *fields[CSV_FIELDS_MAX]; /* NUL-terminated, valid until the next row */
    char problem[CSV_PROBLEM_BYTES];
};

struct csv;

/* Lives in the arena (twice CSV_ROW_BYTES_MAX); NULL when that is full. The file stays the
 * caller's. */
struct csv *csv_create(struct arena *arena, FILE *file);
/* Overwrites *row. */
enum csv_result csv_next(struct csv *csv, struct csv_row *row);
/* Bytes taken from the file so far, for progress. */
uint64_t csv_bytes(const struct csv *csv);
