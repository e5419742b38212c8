/* See status.h. */
#include "base/status.h"

#include <stdio.h>
#include <string.h>

static const char *const NAMES[] = {
    [STATUS_OK] = "OK",
    [STATUS_CANCELLED] = "CANCELLED",
    [STATUS_UNKNOWN] = "UNKNOWN",
    [STATUS_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
    [STATUS_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
    [STATUS_NOT_FOUND] = "NOT_FOUND",
    [STATUS_ALREADY_EXISTS] = "ALREADY_EXISTS",
    [STATUS_PERMISSION_DENIED] = "PERMISSION_DENIED",
    [STATUS_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
    [STATUS_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
    [STATUS_ABORTED] = "ABORTED",
    [STATUS_OUT_OF_RANGE] = "OUT_OF_RANGE",
    [STATUS_UNIMPLEMENTED] = "UNIMPLEMENTED",
    [STATUS_INTERNAL] = "INTERNAL",
    [STATUS_UNAVAILABLE] = "UNAVAILABLE",
    [STATUS_DATA_LOSS] = "DATA_LOSS",
    [STATUS_UNAUTHENTICATED] = "UNAUTHENTICATED",
};

const char *status_name(enum status code)
{
    size_t index = (size_t)code;
    return index < sizeof NAMES / sizeof NAMES[0] ? NAMES[index] : "UNKNOWN";
}

static void fill(struct failure *failure, enum status code, const char *reason, const char *format,
                 va_list arguments)
{
    memset(failure, 0, sizeof *failure);
    failure->code = code;
    (void)snprintf(failure->reason, sizeof failure->reason, "%s", reason);
    (void)vsnprintf(failure->message, sizeof failure->message, format, arguments);
}

enum status failure_set(struct failure *failure, enum status code, const char *reason,
                        const char *format, ...)
{
    if (failure == NULL) {
        return code;
    }
    va_list arguments;
    va_start(arguments, format);
    fill(failure, code, reason, format, arguments);
    va_end(arguments);
    return code;
}

enum status failure_set_field(struct failure *failure, const char *field, const char *reason,
                              const char *format, ...)
{
    if (failure == NULL) {
        return STATUS_INVALID_ARGUMENT;
    }
    va_list arguments;
    va_start(arguments, format);
    fill(failure, STATUS_INVALID_ARGUMENT, reason, format, arguments);
    va_end(arguments);
    (void)snprintf(failure->field, sizeof failure->field, "%s", field);
    return STATUS_INVALID_ARGUMENT;
}

void failure_add(struct failure *failure, const char *key, const char *format, ...)
{
    if (failure == NULL || failure->metadata_count == FAILURE_METADATA_MAX) {
        return;
    }
    size_t at = failure->metadata_count++;
    (void)snprintf(failure->metadata[at].key, sizeof failure->metadata[at].key, "%s", key);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(failure->metadata[at].value, sizeof failure->metadata[at].value, format,
                    arguments);
    va_end(arguments);
}
