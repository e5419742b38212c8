/* Bench load: calls under way all the time, and how long each took.
 * Closed loop: every slot starts its next call when the last one ends; what is found is the
 * throughput at that concurrency. Open loop (rate > 0): calls start at fixed moments, whatever the
 * answers do, and latency counts from the moment a call should have started, so that a server that
 * stalls cannot hide the calls that would have come meanwhile.
 * Blocks while it runs. Results of the warm-up are counted apart. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cli/histogram.h"
#include "rpc/channel.h"

#define BENCH_ERRORS_MAX   16  /* reasons that are counted apart; more count as OTHER */
#define BENCH_SAMPLES_MAX  256 /* order ids that are remembered, the newest */
#define BENCH_SAMPLE_BYTES 40  /* a UUID */

struct bench_slot; /* a call's place; request memory and random numbers */
struct bench_result;

/* What is called. prepare() and on_answer() run on the channel's threads, for different slots at
 * the same time. */
struct bench_target {
    const ProtobufCServiceDescriptor *service;
    const char *method;
    void *context;
    /* The slot's next request; its memory may be the slot's own. */
    const ProtobufCMessage *(*prepare)(void *context, struct bench_slot *slot);
    /* The id to sample of an answer, or NULL. */
    const char *(*sample)(const ProtobufCMessage *response);
    /* How many things were done by the call; those that were not are told to bench_count_failure().
     * `result` is NULL while warming up. The hook is NULL: one. */
    uint64_t (*count)(const ProtobufCMessage *response, struct bench_result *result);
    size_t slot_bytes; /* of memory that each slot has for its request, zeroed */
};

struct bench_load_options {
    struct rpc_channel **channels;
    size_t channel_count;
    size_t outstanding; /* in all, at least one each channel */
    int64_t warmup_us, measure_us;
    int64_t rate;   /* calls a second; 0 = closed loop */
    bool may_share; /* see rpc/channel.h */
    const struct clock *clock;
    const struct bench_target *target;
};

struct bench_error {
    char reason[FAILURE_REASON_BYTES];
    uint64_t count;
};

struct bench_result {
    struct histogram latency_us; /* of the calls that succeeded after the warm-up */
    uint64_t succeeded, failed;  /* after the warm-up; failed: calls, and things of others */
    uint64_t done;               /* things that the calls which succeeded did */
    uint64_t accepted;           /* the same with those of the warm-up */
    struct bench_error errors[BENCH_ERRORS_MAX];
    size_t error_count;
    int64_t begun_us; /* monotonic: the first call */
    double seconds;   /* from the warm-up's end to the last answer */
    char samples[BENCH_SAMPLES_MAX][BENCH_SAMPLE_BYTES];
    size_t sample_count;
};

/* RESOURCE_EXHAUSTED when memory is out. A result is large: not on the stack. */
enum status bench_load_run(const struct bench_load_options *options, struct bench_result *result,
                           struct failure *failure);

void bench_count_failure(struct bench_result *result, const char *reason, enum status code);
void *bench_slot_memory(struct bench_slot *slot);
/* 0 to below - 1, evenly enough. */
uint64_t bench_slot_random(struct bench_slot *slot, uint64_t below);
