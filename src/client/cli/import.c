/* Import: see import.h. The loop reads rows; the window sends and repeats; outcomes are counted on
 * this thread only. */
#include "client/cli/import.h"

#include <assert.h>
#include <errno.h>
#include <grpc/health/v1/health.pb-c.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/stop.h"
#include "base/uuid.h"
#include "client/cli/import_report.h"
#include "client/client_call.h"

#define FILE_ARENA_BYTES (512 * 1024) /* the reader's two buffers and the kind's state */
#define ATTEMPTS         8 /* with the waits between them, a quarter of a minute and more */
#define BACKOFF_MS       100
#define BACKOFF_MS_MOST  5000
#define ID_HASH_BYTES    20 /* 160 bits: no two rows meet by chance */

struct file_import {
    struct import import; /* first: kinds are given a pointer to it */
    struct arena arena;
    FILE *file;
    struct csv_table table;
    struct window *window; /* NULL with --dry-run */
    struct import_report report;
};

static enum status open_file(struct file_import *this, struct failure *failure);
static enum status ask_health(struct cli *cli, struct failure *failure);
static enum status open_window(struct file_import *this, struct failure *failure);
static enum status read_rows(struct file_import *this, struct failure *failure);
static bool on_job_end(void *context, struct window *window, struct window_job *job);
static uint64_t file_size(FILE *file);

const struct option IMPORT_OPTIONS[] = {
    {.name = "outstanding",
     .type = OPTION_INT,
     .offset = offsetof(struct import_options, outstanding),
     .value = "N",
     .fallback = "64",
     .least = 1,
     .most = 1024,
     .help = "calls under way at the same time (default 64)"},
    {.name = "dry-run",
     .type = OPTION_FLAG,
     .offset = offsetof(struct import_options, dry_run),
     .help = "only check the file; nothing is sent"},
};
static_assert(sizeof(IMPORT_OPTIONS) / sizeof(IMPORT_OPTIONS[0]) == IMPORT_OPTION_COUNT,
              "as the header says");
static_assert(sizeof(struct import_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

int import_run(struct cli *cli, const struct import_kind *kind,
               const struct import_options *options)
{
    struct file_import this = {.import = {.cli = cli,
                                          .kind = kind,
                                          .options = options,
                                          .begun_unix_us = clock_unix_us(cli->environment->clock)}};
    struct failure failure;
    if (cli->environment->stop_init != NULL) {
        cli->environment->stop_init();
    }
    arena_init(&this.arena, FILE_ARENA_BYTES, FILE_ARENA_BYTES);
    int code = CLI_USAGE;
    if (open_file(&this, &failure) != STATUS_OK) {
        fprintf(cli->err, "orderctl: %s: %s\n", cli->words[0], failure.message);
    } else if (!options->dry_run && open_window(&this, &failure) != STATUS_OK) {
        code = cli_fail(cli, &failure);
    } else {
        enum status status = read_rows(&this, &failure);
        code = import_report_end(&this.report, cli, status == STATUS_OK ? NULL : &failure);
    }
    window_destroy(&this.window);
    if (this.file != NULL && this.file != cli->environment->in) {
        fclose(this.file);
    }
    arena_fini(&this.arena);
    return code;
}

struct window_job *import_take(struct import *import, size_t subject_size)
{
    struct file_import *this = (struct file_import *)import;
    if (import->options->dry_run) {
        return NULL;
    }
    struct window_job *job = window_take(this->window);
    job->subject = arena_calloc(&job->arena, 1, subject_size);
    assert(job->subject != NULL);
    return job;
}

void import_send(struct import *import, struct window_job *job)
{
    window_start(((struct file_import *)import)->window, job);
}

void import_count(struct import *import, enum import_outcome outcome, size_t line, const char *name,
                  const struct failure *why)
{
    struct file_import *this = (struct file_import *)import;
    import_report_count(&this->report, outcome, line, name, why);
}

void import_count_failure(struct import *import, const struct import_subject *subject,
                          const struct failure *why)
{
    bool no_answer = client_may_retry(why->code) || why->code == STATUS_CANCELLED;
    import_count(import, no_answer ? IMPORT_FAILED : IMPORT_REFUSED, subject->line, subject->name,
                 why);
}

bool import_is_new(const struct import *import, const Google__Protobuf__Timestamp *create_time)
{
    return create_time == NULL ||
           create_time->seconds * 1000000 + create_time->nanos / 1000 >= import->begun_unix_us;
}

char *import_request_id(struct arena *arena, const char *prefix, const char *const *parts,
                        size_t count)
{
    struct hash_part hashed[8];
    assert(count <= sizeof(hashed) / sizeof(hashed[0]));
    for (size_t i = 0; i < count; i++) {
        hashed[i] = (struct hash_part){.data = parts[i], .size = strlen(parts[i])};
    }
    uint8_t hash[HASH_BYTES];
    hash_parts(hashed, count, hash);
    char id[65];
    int size = snprintf(id, sizeof(id), "%s", prefix);
    for (size_t i = 0; i < ID_HASH_BYTES; i++) {
        size += snprintf(id + size, sizeof(id) - (size_t)size, "%02x", hash[i]);
    }
    return arena_strdup(arena, id);
}

static enum status open_file(struct file_import *this, struct failure *failure)
{
    struct cli *cli = this->import.cli;
    const struct import_kind *kind = this->import.kind;
    const char *path = cli->words[0];
    this->file = strcmp(path, "-") == 0 ? cli->environment->in : fopen(path, "rb");
    if (this->file == NULL) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "UNREADABLE", "%s", strerror(errno));
    }
    struct csv *csv = csv_create(&this->arena, this->file);
    this->import.state = arena_calloc(&this->arena, 1, kind->state_size + 1);
    assert(csv != NULL && this->import.state != NULL);
    enum status status =
        csv_table_open(&this->table, csv, kind->columns, kind->column_count, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (this->table.unused[0] != '\0') {
        fprintf(cli->err, "orderctl: %s: columns that are not used: %s\n", path,
                this->table.unused);
    }
    import_report_begin(&this->report, cli, kind->noun, this->import.options->dry_run,
                        file_size(this->file));
    return STATUS_OK;
}

/* One question before the first row: a wrong endpoint is said at once, not after all repetitions.
 */
static enum status ask_health(struct cli *cli, struct failure *failure)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    ProtobufCMessage *response;
    return cli_call(cli, &grpc__health__v1__health__descriptor, "Check", &request.base, &response,
                    failure);
}

static enum status open_window(struct file_import *this, struct failure *failure)
{
    struct cli *cli = this->import.cli;
    size_t size = (size_t)this->import.options->outstanding;
    enum status status = cli_connect(cli, size, failure);
    if (status == STATUS_OK) {
        status = ask_health(cli, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct window_options options = {.channel = cli->channel,
                                           .service = this->import.kind->service,
                                           .size = size,
                                           .attempts = ATTEMPTS,
                                           .backoff_ms = BACKOFF_MS,
                                           .backoff_ms_most = BACKOFF_MS_MOST,
                                           .clock = cli->environment->clock,
                                           .is_unfinished = this->import.kind->is_unfinished,
                                           .on_end = on_job_end,
                                           .context = this};
    this->window = window_create(&options);
    return this->window != NULL ? STATUS_OK
                                : failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "NO_MEMORY",
                                              "out of memory for %zu calls", size);
}

static enum status read_rows(struct file_import *this, struct failure *failure)
{
    const struct import_kind *kind = this->import.kind;
    enum status status = STATUS_OK;
    for (;;) {
        struct csv_values values;
        bool dead = this->window != NULL && window_is_dead(this->window);
        if (dead || stop_requested()) {
            status = dead ? failure_set(failure, STATUS_UNAVAILABLE, "NO_ANSWER",
                                        "no call got an answer any more; stopped at line %zu",
                                        this->report.line)
                          : failure_set(failure, STATUS_CANCELLED, "INTERRUPTED",
                                        "interrupted at line %zu", this->report.line);
            break;
        }
        enum csv_result result = csv_table_next(&this->table, &values);
        if (result == CSV_END) {
            break;
        }
        if (result == CSV_FAILED) {
            status = failure_set(failure, STATUS_DATA_LOSS, "UNREADABLE", "%s", strerror(errno));
            break;
        }
        import_report_row(&this->report, values.line, csv_bytes(this->table.csv));
        kind->on_row(&this->import, &values, result == CSV_BAD ? values.problem : NULL);
    }
    if (status == STATUS_OK && kind->on_file_end != NULL) {
        kind->on_file_end(&this->import);
    }
    if (this->window != NULL) {
        window_drain(this->window, status != STATUS_OK);
    }
    return status;
}

static bool on_job_end(void *context, struct window *window, struct window_job *job)
{
    struct file_import *this = context;
    return this->import.kind->on_end(&this->import, window, job);
}

/* 0 when it is no plain file. */
static uint64_t file_size(FILE *file)
{
    struct stat about;
    if (fileno(file) < 0 || fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) {
        return 0;
    }
    return (uint64_t)about.st_size;
}
