/* Bench load: see bench_load.h. A channel runs one closure at a time, so a lane's figures need no
 * lock; only the open loop's list of free slots has one. */
#include "client/cli/bench_load.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/stop.h"
#include "client/client_call.h"

#define IDLE_WAIT_MS 40000 /* longer than any call's deadline */

/* What one channel's closures write. */
struct lane {
    struct load *load;
    struct rpc_channel *channel;
    struct bench_result result;
    uint64_t samples; /* taken; the newest are kept */
    int64_t last_answer_us;
};

struct bench_slot {
    struct rpc_stub stub;
    struct lane *lane;
    struct bench_slot *next_free;
    int64_t begun_us; /* or when it should have begun */
    uint64_t random;
    void *memory;
};

struct load {
    const struct bench_load_options *options;
    unsigned method;
    int64_t begun_us, measured_from_us, ends_us;
    atomic_bool stopping;
    pthread_mutex_t mutex; /* open loop: for the list of free slots */
    pthread_cond_t freed;
    struct bench_slot *free;
    struct lane *lanes;
    struct bench_slot *slots;
    char *memory;
};

static bool make(struct load *load, const struct bench_load_options *options);
static void destroy(struct load *load);
static void run_closed(struct load *load);
static void run_open(struct load *load);
static struct bench_slot *wait_for_slot(struct load *load);
static void sleep_until(const struct clock *clock, int64_t when_us);
static void start(struct bench_slot *slot, int64_t begun_us);
static void on_response(const ProtobufCMessage *response, void *data);
static void take_answer(struct lane *lane, const ProtobufCMessage *response, bool measured);
static void count_reason(struct bench_result *result, const char *reason, uint64_t count);
static void add_up(const struct load *load, struct bench_result *result);
static void add_samples(const struct lane *lane, size_t lanes, struct bench_result *result);

enum status bench_load_run(const struct bench_load_options *options, struct bench_result *result,
                           struct failure *failure)
{
    struct load load;
    if (!make(&load, options)) {
        destroy(&load);
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "NO_MEMORY",
                           "out of memory for %zu calls", options->outstanding);
    }
    load.begun_us = clock_monotonic_us(options->clock);
    load.measured_from_us = load.begun_us + options->warmup_us;
    load.ends_us = load.measured_from_us + options->measure_us;
    if (options->rate > 0) {
        run_open(&load);
    } else {
        run_closed(&load);
    }
    for (size_t i = 0; i < options->channel_count; i++) {
        rpc_channel_wait_idle(options->channels[i], IDLE_WAIT_MS);
    }
    add_up(&load, result);
    destroy(&load);
    return STATUS_OK;
}

void *bench_slot_memory(struct bench_slot *slot)
{
    return slot->memory;
}

uint64_t bench_slot_random(struct bench_slot *slot, uint64_t below)
{
    slot->random ^= slot->random << 13; /* xorshift64: load wants speed, not secrets */
    slot->random ^= slot->random >> 7;
    slot->random ^= slot->random << 17;
    return slot->random % below;
}

static bool make(struct load *load, const struct bench_load_options *options)
{
    const struct bench_target *target = options->target;
    size_t channel_count = options->channel_count;
    assert(channel_count > 0);
    size_t slot_bytes = (target->slot_bytes + 15) & ~(size_t)15;
    *load = (struct load){.options = options,
                          .method = client_method(target->service, target->method),
                          .lanes = calloc(options->channel_count, sizeof(struct lane)),
                          .slots = calloc(options->outstanding, sizeof(struct bench_slot)),
                          .memory = calloc(options->outstanding, slot_bytes + 16)};
    pthread_mutex_init(&load->mutex, NULL);
    pthread_cond_init(&load->freed, NULL);
    if (load->lanes == NULL || load->slots == NULL || load->memory == NULL) {
        return false;
    }
    for (size_t i = 0; i < options->channel_count; i++) {
        load->lanes[i].load = load;
        load->lanes[i].channel = options->channels[i];
    }
    for (size_t i = 0; i < options->outstanding; i++) {
        struct bench_slot *slot = &load->slots[i];
        slot->lane = &load->lanes[i % channel_count];
        slot->memory = load->memory + i * slot_bytes;
        slot->random = 1 + i;
        rpc_stub_init(&slot->stub, slot->lane->channel, target->service);
        slot->stub.async = true;
        slot->stub.may_share = options->may_share;
        slot->next_free = load->free;
        load->free = slot;
    }
    return true;
}

static void destroy(struct load *load)
{
    pthread_cond_destroy(&load->freed);
    pthread_mutex_destroy(&load->mutex);
    free(load->memory);
    free(load->slots);
    free(load->lanes);
}

/* The closures keep it going; this thread only watches for Ctrl-C and the end. */
static void run_closed(struct load *load)
{
    const struct clock *clock = load->options->clock;
    for (size_t i = 0; i < load->options->outstanding; i++) {
        start(&load->slots[i], clock_monotonic_us(clock));
    }
    while (clock_monotonic_us(clock) < load->ends_us && !stop_requested()) {
        int64_t left_us = load->ends_us - clock_monotonic_us(clock);
        sleep_until(clock, clock_monotonic_us(clock) + (left_us < 100000 ? left_us : 100000));
    }
    atomic_store(&load->stopping, true);
}

static void run_open(struct load *load)
{
    const struct clock *clock = load->options->clock;
    double interval_us = 1e6 / (double)load->options->rate;
    for (uint64_t n = 0; !stop_requested(); n++) {
        int64_t begun_us = load->begun_us + (int64_t)((double)n * interval_us);
        if (begun_us >= load->ends_us) {
            break;
        }
        sleep_until(clock, begun_us);
        start(wait_for_slot(load), begun_us);
    }
    atomic_store(&load->stopping, true);
}

static struct bench_slot *wait_for_slot(struct load *load)
{
    pthread_mutex_lock(&load->mutex);
    while (load->free == NULL) {
        pthread_cond_wait(&load->freed, &load->mutex);
    }
    struct bench_slot *slot = load->free;
    load->free = slot->next_free;
    pthread_mutex_unlock(&load->mutex);
    return slot;
}

static void sleep_until(const struct clock *clock, int64_t when_us)
{
    int64_t left_us = when_us - clock_monotonic_us(clock);
    if (left_us <= 0) {
        return;
    }
    struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
}

static void start(struct bench_slot *slot, int64_t begun_us)
{
    const struct bench_target *target = slot->lane->load->options->target;
    slot->begun_us = begun_us;
    rpc_stub_invoke(&slot->stub, slot->lane->load->method, target->prepare(target->context, slot),
                    on_response, slot);
}

/* One at a time on a channel, on a thread of its own choosing. */
static void on_response(const ProtobufCMessage *response, void *data)
{
    struct bench_slot *slot = data;
    struct lane *lane = slot->lane;
    struct load *load = lane->load;
    struct bench_result *result = &lane->result;
    int64_t now_us = clock_monotonic_us(load->options->clock);
    bool measured = slot->begun_us >= load->measured_from_us;
    if (response == NULL && measured) {
        bench_count_failure(result, slot->stub.failure.reason, slot->stub.failure.code);
    }
    if (response != NULL) {
        take_answer(lane, response, measured);
    }
    if (response != NULL && measured) {
        histogram_record(&result->latency_us, now_us - slot->begun_us);
    }
    lane->last_answer_us = now_us;
    if (load->options->rate > 0) {
        pthread_mutex_lock(&load->mutex);
        slot->next_free = load->free;
        load->free = slot;
        pthread_cond_signal(&load->freed);
        pthread_mutex_unlock(&load->mutex);
    } else if (now_us < load->ends_us && !atomic_load(&load->stopping)) {
        start(slot, now_us);
    }
}

static void take_answer(struct lane *lane, const ProtobufCMessage *response, bool measured)
{
    const struct bench_target *target = lane->load->options->target;
    struct bench_result *result = &lane->result;
    const char *sample = target->sample(response);
    if (sample != NULL) {
        char *place = result->samples[lane->samples++ % BENCH_SAMPLES_MAX];
        snprintf(place, BENCH_SAMPLE_BYTES, "%s", sample);
    }
    uint64_t count = target->count != NULL ? target->count(response, measured ? result : NULL) : 1;
    result->accepted += count;
    if (measured) {
        result->succeeded++;
        result->done += count;
    }
}

void bench_count_failure(struct bench_result *result, const char *reason, enum status code)
{
    result->failed++;
    count_reason(result, reason[0] != '\0' ? reason : status_name(code), 1);
}

static void count_reason(struct bench_result *result, const char *reason, uint64_t count)
{
    struct bench_error *errors = result->errors;
    size_t at = 0;
    while (at < result->error_count && strcmp(errors[at].reason, reason) != 0) {
        at++;
    }
    if (at == BENCH_ERRORS_MAX) {
        at = BENCH_ERRORS_MAX - 1;
        reason = "OTHER";
    }
    if (at == result->error_count) {
        result->error_count++;
    }
    snprintf(errors[at].reason, sizeof(errors[at].reason), "%s", reason);
    errors[at].count += count;
}

static void add_up(const struct load *load, struct bench_result *result)
{
    int64_t last_us = load->measured_from_us;
    memset(result, 0, sizeof(*result));
    for (size_t i = 0; i < load->options->channel_count; i++) {
        const struct lane *lane = &load->lanes[i];
        histogram_add(&result->latency_us, &lane->result.latency_us);
        result->succeeded += lane->result.succeeded;
        result->done += lane->result.done;
        result->failed += lane->result.failed;
        result->accepted += lane->result.accepted;
        for (size_t k = 0; k < lane->result.error_count; k++) {
            count_reason(result, lane->result.errors[k].reason, lane->result.errors[k].count);
        }
        add_samples(lane, load->options->channel_count, result);
        last_us = lane->last_answer_us > last_us ? lane->last_answer_us : last_us;
    }
    result->begun_us = load->begun_us;
    result->seconds = (double)(last_us - load->measured_from_us) / 1e6;
}

/* Of each lane its newest, in equal parts. */
static void add_samples(const struct lane *lane, size_t lanes, struct bench_result *result)
{
    size_t wanted = BENCH_SAMPLES_MAX / lanes;
    for (size_t k = 0; k < wanted && k < lane->samples; k++) {
        const char *sample = lane->result.samples[(lane->samples - 1 - k) % BENCH_SAMPLES_MAX];
        if (sample[0] != '\0') {
            memcpy(result->samples[result->sample_count++], sample, BENCH_SAMPLE_BYTES);
        }
    }
}
