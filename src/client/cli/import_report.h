/* Import report: counts, a line for whatever did not go well, the progress line, the summary. */
#pragma once

#include "client/cli/import.h"
#include "client/cli/progress.h"

struct import_report {
    FILE *err;
    const char *path, *noun;
    bool dry_run;
    struct progress progress;
    size_t line; /* read last */
    uint64_t rows, done;
    uint64_t counts[IMPORT_OUTCOMES];
    int64_t begun_us;
};

/* `file_bytes` 0: not known. */
void import_report_begin(struct import_report *report, struct cli *cli, const char *noun,
                         bool dry_run, uint64_t file_bytes);
void import_report_row(struct import_report *report, size_t line, uint64_t bytes_read);
void import_report_count(struct import_report *report, enum import_outcome outcome, size_t line,
                         const char *name, const struct failure *why);
/* The summary (cli->out, table or JSON); `cut` says why the file was not read to its end, or is
 * NULL. Returns the exit code. */
int import_report_end(struct import_report *report, struct cli *cli, const struct failure *cut);
