/* Status: how anything in this project says that it failed.
 * Used by all; knows nothing of orders. The codes are google.rpc's, so that a failure travels from
 * the database adapter to the caller's screen without being translated on the way.
 * Always: a function that can fail returns `enum status`; when it takes a `struct failure *`, that
 * is filled in on failure and untouched on success. UNAVAILABLE means "not done, try again later",
 * UNKNOWN "may have been done": the difference is what a retry rests on.
 * Not here: logging. Libraries return failures, programs log them. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/c_api.h"

C_API_BEGIN

/* https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
enum status {
    STATUS_OK = 0,
    STATUS_CANCELLED = 1,
    STATUS_UNKNOWN = 2,
    STATUS_INVALID_ARGUMENT = 3,
    STATUS_DEADLINE_EXCEEDED = 4,
    STATUS_NOT_FOUND = 5,
    STATUS_ALREADY_EXISTS = 6,
    STATUS_PERMISSION_DENIED = 7,
    STATUS_RESOURCE_EXHAUSTED = 8,
    STATUS_FAILED_PRECONDITION = 9,
    STATUS_ABORTED = 10,
    STATUS_OUT_OF_RANGE = 11,
    STATUS_UNIMPLEMENTED = 12,
    STATUS_INTERNAL = 13,
    STATUS_UNAVAILABLE = 14,
    STATUS_DATA_LOSS = 15,
    STATUS_UNAUTHENTICATED = 16,
};

#define FAILURE_REASON_BYTES   64  /* ErrorInfo.reason: at most 63 by AIP-193 */
#define FAILURE_MESSAGE_BYTES  256 /* a sentence; longer ones are cut */
#define FAILURE_FIELD_BYTES    96  /* "lines[1999].unit_price_minor" and some room */
#define FAILURE_METADATA_MAX   4   /* no reason in docs/ERRORS.md carries more */
#define FAILURE_METADATA_BYTES 72  /* an id of 64 and some room */

/* Why a thing was not done. Owns its text, is copied by assignment. */
struct failure {
    enum status code;
    char reason[FAILURE_REASON_BYTES];   /* UPPER_SNAKE_CASE, listed in docs/ERRORS.md */
    char message[FAILURE_MESSAGE_BYTES]; /* English, for people; no secrets, SQL or addresses */
    char field[FAILURE_FIELD_BYTES];     /* the offending field of a request, or "" */
    int64_t retry_delay_ms;              /* when to try again; 0 = not said */
    size_t metadata_count;
    struct {
        char key[32];
        char value[FAILURE_METADATA_BYTES];
    } metadata[FAILURE_METADATA_MAX];
};

/* "INVALID_ARGUMENT"; "UNKNOWN" for what is not a code. */
const char *status_name(enum status code);

/* Fills *failure (NULL is allowed) and returns `code`, so that a guard is one line:
 *     return failure_set(failure, STATUS_NOT_FOUND, "ORDER_NOT_FOUND", "no order %s", id);  */
enum status failure_set(struct failure *failure, enum status code, const char *reason,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same for a request field: code is INVALID_ARGUMENT. */
enum status failure_set_field(struct failure *failure, const char *field, const char *reason,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Adds a pair to an already set failure; silently full after FAILURE_METADATA_MAX. */
void failure_add(struct failure *failure, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

C_API_END
