/* Access log: one line a call - all of them at level debug, otherwise failures: info when the
 * caller is to blame, warn when the system is. Called by the rpc server, on the threads that
 * answer. Always: without debug, at most ACCESS_LINES_PER_S lines a second of each level; the next
 * one says how many were left out. Thread-safe. */
#pragma once

#include <stdatomic.h>

#include "base/clock.h"
#include "rpc/access.h"

#define ACCESS_LINES_PER_S 10

struct access_sample {
    atomic_int_least64_t second; /* monotonic */
    atomic_int lines;            /* in it */
    atomic_int_least64_t left_out;
};

struct access_log {
    const struct clock *clock;
    struct access_sample info, warn;
};

/* rpc_server_options.on_access; `log` is a struct access_log. */
void access_log_write(void *log, const struct rpc_access *access);
