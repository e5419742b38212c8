/* Import: a CSV file row by row through the server; the frame around import_products.c and
 * import_orders.c.
 * Always: importing a file twice changes nothing (request ids follow from the rows); a row that
 * cannot be read, is against the rules or is refused is reported with its line, and the rest goes
 * on; memory has a bound, whatever the file's size. Not here: what the rows mean. */
#pragma once

#include <google/protobuf/timestamp.pb-c.h>

#include "client/cli/cli.h"
#include "client/cli/csv_table.h"
#include "client/cli/window.h"

enum import_outcome {
    IMPORT_CREATED,
    IMPORT_UNCHANGED, /* was there already, just so */
    IMPORT_REFUSED,   /* the server said no */
    IMPORT_BAD,       /* never sent: the row breaks a rule */
    IMPORT_FAILED,    /* no answer: may have been done, import again */
    IMPORT_OUTCOMES
};

struct import;

struct import_kind {
    const char *noun; /* "orders" */
    const struct csv_column *columns;
    size_t column_count;
    size_t state_size; /* of what the kind keeps between rows, zeroed */
    const ProtobufCServiceDescriptor *service;
    /* A row; `problem` is NULL unless it could not be read (then values may be missing). */
    void (*on_row)(struct import *import, const struct csv_values *values, const char *problem);
    void (*on_file_end)(struct import *import);    /* NULL: nothing to do */
    bool (*is_unfinished)(struct window_job *job); /* as window_options'; may be NULL */
    /* The call for a thing, or for several, has ended; as window_options.on_end. */
    bool (*on_end)(struct import *import, struct window *window, struct window_job *job);
};

/* What a job is about, or one of the things that it is about. */
struct import_subject {
    size_t line;      /* where it begins */
    const char *name; /* order_ref, product_id */
};

struct import_options {
    int64_t outstanding;
    bool dry_run;
};

struct import {
    struct cli *cli;
    const struct import_kind *kind;
    const struct import_options *options;
    void *state;           /* the kind's */
    int64_t begun_unix_us; /* what was created before is not of this import */
};

/* The program of `orderctl import <noun> FILE`; returns the exit code. */
int import_run(struct cli *cli, const struct import_kind *kind,
               const struct import_options *options);

/* A free job with room for its subject, zeroed; NULL with --dry-run. Waits. */
struct window_job *import_take(struct import *import, size_t subject_size);
/* Starts it. */
void import_send(struct import *import, struct window_job *job);
/* Counts a thing, and says why unless it went well. */
void import_count(struct import *import, enum import_outcome outcome, size_t line, const char *name,
                  const struct failure *why);
/* The same for one that failed: refused, or failed when there was no answer. */
void import_count_failure(struct import *import, const struct import_subject *subject,
                          const struct failure *why);
/* Whether what the server answered with was made by this import, and not by one before. */
bool import_is_new(const struct import *import, const Google__Protobuf__Timestamp *create_time);
/* "import-order-" and 40 hex digits of a hash over the parts. */
char *import_request_id(struct arena *arena, const char *prefix, const char *const *parts,
                        size_t count);

/* The command's options, the same for every kind. */
extern const struct option IMPORT_OPTIONS[];
#define IMPORT_OPTION_COUNT 2
