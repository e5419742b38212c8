/* Script: a server in this process that speaks nng and the envelope but has no rpc behind it, and
 * does what a test tells it: refuse so many calls, be mute, not serve. It notes what it was sent.
 */
#pragma once

#include <nng/nng.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define SCRIPT_CALLS_MAX 64

struct script_call {
    char method[128], call_id[65], request_id[65]; /* request_id of a CreateOrder */
    uint32_t attempt, timeout_ms;
    char traceparent[56];
    size_t metadata_count;
    char metadata[256]; /* "key=value;" of each, as far as there is room */
};

struct script {
    char endpoint[128];
    nng_socket socket;
    pthread_t thread;
    pthread_mutex_t lock; /* for all below */
    bool is_mute;         /* reads and never answers, health checks neither */
    bool is_deaf;         /* answers health checks only */
    bool is_not_serving;
    bool reads_bundles; /* or takes them for messages that it cannot read */
    bool is_short;      /* its bundles lack the last answer */
    size_t refusals;    /* so many of the next calls are refused */
    enum status code;
    int64_t retry_delay_ms;
    size_t checks, call_count; /* received */
    size_t bundles, largest_bundle;
    size_t mixed_bundles; /* of calls of several methods */
    char last_method[128];
    struct script_call calls[SCRIPT_CALLS_MAX]; /* the first ones */
};

/* Takes calls when this returns. Refuses none until told to. */
void script_start(struct script *script);
void script_stop(struct script *script);
void script_refuse(struct script *script, size_t count, enum status code, int64_t retry_delay_ms);
void script_set(struct script *script, bool *what, bool value);
size_t script_count(struct script *script, const size_t *what);
