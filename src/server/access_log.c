/* See access_log.h. */
#include "server/access_log.h"

#include "base/log.h"

static enum log_level choose_level(const struct failure *failure);
static bool may_write(struct access_log *log, enum log_level level, int64_t *left_out);

void access_log_write(void *state, const struct rpc_access *access)
{
    struct access_log *log = state;
    const struct failure *failure = access->failure;
    enum log_level level = choose_level(failure);
    int64_t left_out = 0;
    if (!log_is_on(level) || !may_write(log, level, &left_out)) {
        return;
    }
    if (failure == NULL) {
        log_line(level, "call", "method", access->method, "code", "OK", "us",
                 LOG_INT(access->duration_us), "call_id", access->call_id, "attempt",
                 LOG_INT(access->attempt), "peer", access->peer, "principal", access->principal,
                 "traceparent", access->traceparent, NULL);
        return;
    }
    log_line(level, "call", "method", access->method, "code", status_name(failure->code), "us",
             LOG_INT(access->duration_us), "call_id", access->call_id, "attempt",
             LOG_INT(access->attempt), "peer", access->peer, "principal", access->principal,
             "traceparent", access->traceparent, "reason", failure->reason, "message",
             failure->message, "left_out", LOG_INT(left_out), NULL);
}

static enum log_level choose_level(const struct failure *failure)
{
    switch (failure == NULL ? STATUS_OK : failure->code) {
    case STATUS_OK:
        return LOG_DEBUG;
    case STATUS_CANCELLED:
    case STATUS_INVALID_ARGUMENT:
    case STATUS_NOT_FOUND:
    case STATUS_ALREADY_EXISTS:
    case STATUS_PERMISSION_DENIED:
    case STATUS_FAILED_PRECONDITION:
    case STATUS_ABORTED:
    case STATUS_OUT_OF_RANGE:
    case STATUS_UNIMPLEMENTED:
    case STATUS_UNAUTHENTICATED:
        return LOG_INFO;
    case STATUS_UNKNOWN:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_RESOURCE_EXHAUSTED:
    case STATUS_INTERNAL:
    case STATUS_UNAVAILABLE:
    case STATUS_DATA_LOSS:
        break;
    }
    return LOG_WARN;
}

/* Threads that meet at the turn of a second may write a line more. */
static bool may_write(struct access_log *log, enum log_level level, int64_t *left_out)
{
    if (log_is_on(LOG_DEBUG)) {
        return true;
    }
    struct access_sample *sample = level == LOG_INFO ? &log->info : &log->warn;
    int64_t second = clock_monotonic_us(log->clock) / 1000000;
    if (atomic_exchange(&sample->second, second) != second) {
        atomic_store(&sample->lines, 0);
    }
    if (atomic_fetch_add(&sample->lines, 1) >= ACCESS_LINES_PER_S) {
        (void)atomic_fetch_add(&sample->left_out, 1);
        return false;
    }
    *left_out = atomic_exchange(&sample->left_out, 0);
    return true;
}
