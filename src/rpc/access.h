/* Access: what a program is told of each call that was answered, for its log. */
#pragma once

#include <stdint.h>

#include "base/status.h"

#define RPC_PEER_BYTES 64

/* Texts are valid during the call-back. They are the caller's words: a log must escape them. */
struct rpc_access {
    const char *method;  /* "" when the request could not be read */
    const char *call_id; /* the same */
    uint32_t attempt;
    const char *traceparent; /* "" when there is none */
    const char *peer;        /* "uid:1000", "127.0.0.1:40123", "gone" */
    const char *principal;
    const struct failure *failure; /* NULL: it succeeded */
    int64_t duration_us;           /* from its arrival */
};

/* On the threads that answer, several at once: must not block for long. */
typedef void (*rpc_on_access)(void *context, const struct rpc_access *access);
