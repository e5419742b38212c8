/* See import_report.h. */
#include "client/cli/import_report.h"

#include <inttypes.h>
#include <string.h>

#include "client/cli/json_line.h"
#include "client/cli/text.h"

static void print_problem(struct import_report *report, size_t line, const char *name,
                          const struct failure *why);
static void print_summary(const struct import_report *report, FILE *out, double seconds);
static void print_json_summary(const struct import_report *report, FILE *out, double seconds,
                               bool complete);
static int exit_code(const struct import_report *report, const struct failure *cut);

void import_report_begin(struct import_report *report, struct cli *cli, const char *noun,
                         bool dry_run, uint64_t file_bytes)
{
    const struct cli_environment *environment = cli->environment;
    *report = (struct import_report){.err = cli->err,
                                     .path = cli->words[0],
                                     .noun = noun,
                                     .dry_run = dry_run,
                                     .begun_us = clock_monotonic_us(environment->clock)};
    progress_begin(&report->progress, cli->err, environment->err_is_terminal, environment->clock,
                   cli->words[0], noun, file_bytes);
}

void import_report_row(struct import_report *report, size_t line, uint64_t bytes_read)
{
    report->rows++;
    report->line = line;
    progress_show(&report->progress, bytes_read, report->done);
}

void import_report_count(struct import_report *report, enum import_outcome outcome, size_t line,
                         const char *name, const struct failure *why)
{
    report->counts[outcome]++;
    report->done++;
    if (why != NULL) {
        print_problem(report, line, name, why);
    }
}

int import_report_end(struct import_report *report, struct cli *cli, const struct failure *cut)
{
    progress_clear(&report->progress);
    double seconds = (double)(clock_monotonic_us(cli->environment->clock) - report->begun_us) / 1e6;
    if (cut != NULL) {
        fprintf(cli->err, "orderctl: %s: %s; import the file again to do the rest\n", report->path,
                cut->message);
    }
    if (cli->globals.output == CLI_JSON) {
        print_json_summary(report, cli->out, seconds, cut == NULL);
    } else {
        print_summary(report, cli->out, seconds);
    }
    return exit_code(report, cut);
}

/* orders.csv:17: NW-10248: BAD_QUANTITY: quantity must be 1 to 1000000, not 0 */
static void print_problem(struct import_report *report, size_t line, const char *name,
                          const struct failure *why)
{
    char text[FAILURE_MESSAGE_BYTES + FAILURE_REASON_BYTES + 128];
    progress_clear(&report->progress);
    size_t size = (size_t)snprintf(text, sizeof(text), "%s%s%s: %s", name,
                                   name[0] == '\0' ? "" : ": ", why->reason, why->message);
    for (size_t i = 0; i < why->metadata_count && size < sizeof(text); i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s=%s", i == 0 ? " (" : ", ",
                                 why->metadata[i].key, why->metadata[i].value);
    }
    text_disarm(text);
    fprintf(report->err, "%s:%zu: %s%s\n", report->path, line, text,
            why->metadata_count > 0 ? ")" : "");
}

static void print_summary(const struct import_report *report, FILE *out, double seconds)
{
    const uint64_t *counts = report->counts;
    if (report->dry_run) {
        fprintf(out, "%s: %" PRIu64 " rows: %" PRIu64 " %s good, %" PRIu64 " bad; nothing sent\n",
                report->path, report->rows, report->done - counts[IMPORT_BAD], report->noun,
                counts[IMPORT_BAD]);
        return;
    }
    fprintf(out,
            "%s: %" PRIu64 " rows, %" PRIu64 " %s in %.1f s: %" PRIu64 " created, %" PRIu64
            " already there, %" PRIu64 " refused, %" PRIu64 " bad, %" PRIu64 " failed\n",
            report->path, report->rows, report->done, report->noun, seconds, counts[IMPORT_CREATED],
            counts[IMPORT_UNCHANGED], counts[IMPORT_REFUSED], counts[IMPORT_BAD],
            counts[IMPORT_FAILED]);
}

static void print_json_summary(const struct import_report *report, FILE *out, double seconds,
                               bool complete)
{
    const uint64_t *counts = report->counts;
    struct json_line line;
    json_line_begin(&line, out);
    json_line_text(&line, "file", report->path);
    json_line_text(&line, "kind", report->noun);
    json_line_bool(&line, "dryRun", report->dry_run);
    json_line_bool(&line, "complete", complete);
    json_line_count(&line, "rows", report->rows);
    json_line_count(&line, report->dry_run ? "good" : "created", counts[IMPORT_CREATED]);
    json_line_count(&line, "alreadyThere", counts[IMPORT_UNCHANGED]);
    json_line_count(&line, "refused", counts[IMPORT_REFUSED]);
    json_line_count(&line, "bad", counts[IMPORT_BAD]);
    json_line_count(&line, "failed", counts[IMPORT_FAILED]);
    json_line_real(&line, "seconds", seconds);
    json_line_end(&line);
}

static int exit_code(const struct import_report *report, const struct failure *cut)
{
    if (cut != NULL) {
        return cut->code == STATUS_CANCELLED     ? CLI_INTERRUPTED
               : cut->code == STATUS_UNAVAILABLE ? CLI_UNAVAILABLE
                                                 : CLI_USAGE;
    }
    bool all_good = report->counts[IMPORT_REFUSED] == 0 && report->counts[IMPORT_BAD] == 0 &&
                    report->counts[IMPORT_FAILED] == 0;
    return all_good ? CLI_OK : CLI_PARTIAL;
}
