/* Batch: how much the worker takes before it writes. Pure; time is an argument.
 * Always: bounded by events, bytes and age. A transaction costs PostgreSQL by itself as much as
 * some forty events, so under load a batch waits for more of them; where events come one by one,
 * and somebody may wait for each, it waits a fifth of that. A message is never split over batches -
 * its acknowledgement covers all of it - so one that alone passes a bound is a batch of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_limits {
    size_t events_max;
    size_t bytes_max;
    int64_t age_ms_max; /* from its first message to the write, under load */
};

/* The batch before had so many events: that is load. */
#define BATCH_LOAD_EVENTS 8
/* Without load: a fifth of the age. */
#define BATCH_ALONE_PART 5

struct batch {
    struct batch_limits limits;
    size_t messages, events, bytes;
    int64_t opened_ms; /* of the first message */
    int64_t age_ms;    /* to which it may grow */
};

/* For the next one; what it is now tells whether there is load. */
void batch_reset(struct batch *batch, const struct batch_limits *limits);
/* Whether a message of so much may be added: always to an empty batch. */
bool batch_fits(const struct batch *batch, size_t events, size_t bytes);
void batch_add(struct batch *batch, size_t events, size_t bytes, int64_t now_ms);
bool batch_is_full(const struct batch *batch);
/* How long to wait for another message: 0 = only for what is there. An empty batch waits idle_ms.
 */
int64_t batch_wait_ms(const struct batch *batch, int64_t now_ms, int64_t idle_ms);
