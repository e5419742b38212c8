/* Export file: a file that grows page by page, and the one beside it that says how far it is good
 * (cmd_export.c has what always holds). FILE.part is text:
 *     orderctl-export 1
 *     format csv
 *     asked 746561...            the filter's options as they were written, in hex
 *     filter 1a03746561...       the request they made then
 *     bytes 1048576
 *     token AbC...               where the list goes on; "-" for the first page */
#pragma once

#include "client/cli/cli.h"
#include "client/cli/export_rows.h"

#define EXPORT_PATH_BYTES   4096
#define EXPORT_FILTER_BYTES 1024 /* ids of 64 bytes, times and states: far below */
#define EXPORT_TOKEN_BYTES  1024

struct export_file {
    FILE *out;
    bool is_complete; /* there was nothing to do */
    bool is_output;   /* "-": the program's output, which cannot be resumed */
    enum export_format format;
    char path[EXPORT_PATH_BYTES], part[EXPORT_PATH_BYTES], next[EXPORT_PATH_BYTES];
    uint8_t asked[EXPORT_FILTER_BYTES], filter[EXPORT_FILTER_BYTES];
    size_t asked_size, filter_size;
    char token[EXPORT_TOKEN_BYTES];
    int64_t bytes;
};

/* Begins, or goes on. CLI_OK, or the exit code once it has said why not. */
int export_file_open(struct export_file *file, struct cli *cli, const char *path,
                     enum export_format format, bool resume, struct bytes asked,
                     struct bytes filter);
/* All that was written is to stay, and the list goes on at `token`; NULL: that was all. */
int export_file_keep(struct export_file *file, struct cli *cli, const char *token);
/* Closes it; an end other than CLI_OK is told how to go on. Returns the exit code. */
int export_file_close(struct export_file *file, struct cli *cli, int code);
