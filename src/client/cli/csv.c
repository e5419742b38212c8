/* CSV: a window over the file that always begins at a row and holds it whole; fields are unquoted
 * into a second buffer, so that a bad row can be left line by line. See csv.h. */
#include "client/cli/csv.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static_assert(CSV_ROW_BYTES_MAX == 64 * 1024, "as the message says");

struct csv {
    FILE *file;
    size_t line; /* of window[begin] */
    size_t begin, end;
    uint64_t bytes;
    bool at_end, failed, started;
    bool skip_line; /* the last row was bad: its first line is still to be left */
    char window[CSV_ROW_BYTES_MAX];
    char text[CSV_ROW_BYTES_MAX + 1];
};

enum scan {
    SCAN_DONE,
    SCAN_MORE, /* the window's end came first */
    SCAN_BAD,
};

struct scanner {
    const char *at, *end;
    char *out;
};

static void fill(struct csv *csv);
static bool skip_empty(struct csv *csv);
static void skip_mark(struct csv *csv);
static bool skip_bad_line(struct csv *csv);
static enum scan scan_row(struct csv *csv, struct csv_row *row, const char **next_out);
static enum scan scan_field(struct scanner *scanner, bool at_end, struct csv_row *row);
static enum scan scan_quoted(struct scanner *scanner, bool at_end, struct csv_row *row);
static enum scan scan_field_end(struct scanner *scanner, bool at_end, struct csv_row *row);
static enum scan bad(struct csv_row *row, const char *problem);
static void leave_row(struct csv *csv, const char *next);

struct csv *csv_create(struct arena *arena, FILE *file)
{
    struct csv *csv = arena_calloc(arena, 1, sizeof(*csv));
    if (csv != NULL) {
        csv->file = file;
        csv->line = 1;
    }
    return csv;
}

enum csv_result csv_next(struct csv *csv, struct csv_row *row)
{
    if (!csv->started) {
        fill(csv);
        skip_mark(csv);
        csv->started = true;
    }
    if (!skip_bad_line(csv) || !skip_empty(csv)) {
        return csv->failed ? CSV_FAILED : CSV_END;
    }
    const char *next = NULL;
    enum scan scan = scan_row(csv, row, &next);
    if (scan == SCAN_MORE && !csv->at_end) {
        fill(csv);
        scan = scan_row(csv, row, &next);
    }
    if (csv->failed) {
        return CSV_FAILED;
    }
    switch (scan) {
    case SCAN_DONE:
        leave_row(csv, next);
        return CSV_ROW;
    case SCAN_MORE:
        bad(row, csv->at_end ? "a quote is never closed"
                             : "a row of more than 64 KiB, or a quote that is never closed");
        break;
    case SCAN_BAD:
        break;
    }
    csv->skip_line = true;
    return CSV_BAD;
}

uint64_t csv_bytes(const struct csv *csv)
{
    return csv->bytes - (csv->end - csv->begin);
}

/* Moves what is left to the front and reads until the window is full. */
static void fill(struct csv *csv)
{
    memmove(csv->window, csv->window + csv->begin, csv->end - csv->begin);
    csv->end -= csv->begin;
    csv->begin = 0;
    while (csv->end < sizeof(csv->window) && !csv->at_end) {
        size_t got = fread(csv->window + csv->end, 1, sizeof(csv->window) - csv->end, csv->file);
        csv->end += got;
        csv->bytes += got;
        csv->failed = ferror(csv->file) != 0;
        csv->at_end = csv->failed || feof(csv->file) != 0;
    }
}

static void skip_mark(struct csv *csv)
{
    if (csv->end - csv->begin >= 3 && memcmp(csv->window + csv->begin, "\xEF\xBB\xBF", 3) == 0) {
        csv->begin += 3;
    }
}

/* False at the end of the file. */
static bool skip_bad_line(struct csv *csv)
{
    while (csv->skip_line) {
        const char *from = csv->window + csv->begin;
        const char *newline = memchr(from, '\n', csv->end - csv->begin);
        if (newline != NULL) {
            csv->begin += (size_t)(newline - from) + 1;
            csv->line++;
            csv->skip_line = false;
            return true;
        }
        csv->begin = csv->end;
        if (csv->at_end) {
            return false;
        }
        fill(csv);
    }
    return true;
}

/* False at the end of the file. */
static bool skip_empty(struct csv *csv)
{
    for (;;) {
        if (csv->begin == csv->end && !csv->at_end) {
            fill(csv);
        }
        if (csv->begin == csv->end) {
            return false;
        }
        char first = csv->window[csv->begin];
        if (first != '\n' && first != '\r') {
            return true;
        }
        csv->line += first == '\n' ? 1 : 0;
        csv->begin++;
    }
}

static enum scan scan_row(struct csv *csv, struct csv_row *row, const char **next_out)
{
    struct scanner scanner = {
        .at = csv->window + csv->begin, .end = csv->window + csv->end, .out = csv->text};
    row->line = csv->line;
    row->count = 0;
    row->problem[0] = '\0';
    for (;;) {
        char *field = scanner.out;
        enum scan scan = scan_field(&scanner, csv->at_end, row);
        if (scan != SCAN_DONE) {
            return scan;
        }
        if (row->count == CSV_FIELDS_MAX) {
            return bad(row, "too many columns");
        }
        *scanner.out++ = '\0';
        row->fields[row->count++] = field;
        if (scanner.at == scanner.end) {
            break;
        }
        if (*scanner.at++ == '\n') {
            break;
        }
    }
    *next_out = scanner.at;
    return SCAN_DONE;
}

/* Stops at the comma, the line feed (a carriage return before it is dropped) or the file's end. */
static enum scan scan_field(struct scanner *scanner, bool at_end, struct csv_row *row)
{
    if (scanner->at < scanner->end && *scanner->at == '"') {
        return scan_quoted(scanner, at_end, row);
    }
    const char *from = scanner->at;
    while (scanner->at < scanner->end && *scanner->at != ',' && *scanner->at != '\n') {
        if (*scanner->at == '"') {
            return bad(row, "a quote inside a field that does not begin with one");
        }
        if (*scanner->at == '\0') {
            return bad(row, "a zero byte");
        }
        *scanner->out++ = *scanner->at++;
    }
    if (scanner->at == scanner->end && !at_end) {
        return SCAN_MORE;
    }
    bool line_ends = scanner->at == scanner->end || *scanner->at == '\n';
    if (line_ends && scanner->at > from && scanner->at[-1] == '\r') {
        scanner->out--;
    }
    return SCAN_DONE;
}

static enum scan scan_quoted(struct scanner *scanner, bool at_end, struct csv_row *row)
{
    for (scanner->at++; scanner->at < scanner->end; scanner->at++) {
        if (*scanner->at == '\0') {
            return bad(row, "a zero byte");
        }
        if (*scanner->at != '"') {
            *scanner->out++ = *scanner->at;
            continue;
        }
        if (scanner->at + 1 == scanner->end && !at_end) {
            return SCAN_MORE;
        }
        if (scanner->at + 1 < scanner->end && scanner->at[1] == '"') {
            *scanner->out++ = *scanner->at++;
            continue;
        }
        scanner->at++;
        return scan_field_end(scanner, at_end, row);
    }
    return SCAN_MORE;
}

/* Behind a closing quote. */
static enum scan scan_field_end(struct scanner *scanner, bool at_end, struct csv_row *row)
{
    if (scanner->at < scanner->end && *scanner->at == '\r') {
        if (scanner->at + 1 == scanner->end && !at_end) {
            return SCAN_MORE;
        }
        scanner->at += scanner->at + 1 == scanner->end || scanner->at[1] == '\n' ? 1 : 0;
    }
    if (scanner->at == scanner->end || *scanner->at == ',' || *scanner->at == '\n') {
        return SCAN_DONE;
    }
    return bad(row, "text behind a closing quote");
}

static enum scan bad(struct csv_row *row, const char *problem)
{
    snprintf(row->problem, sizeof(row->problem), "%s", problem);
    return SCAN_BAD;
}

static void leave_row(struct csv *csv, const char *next)
{
    const char *from = csv->window + csv->begin;
    for (const char *at = from; at < next; at++) {
        csv->line += *at == '\n' ? 1 : 0;
    }
    csv->begin += (size_t)(next - from);
}
