/* See batch.h. */
#include "worker/batch.h"

void batch_reset(struct batch *batch, const struct batch_limits *limits)
{
    bool has_load = batch->events >= BATCH_LOAD_EVENTS;
    int64_t age_ms = has_load ? limits->age_ms_max : limits->age_ms_max / BATCH_ALONE_PART;
    *batch = (struct batch){.limits = *limits, .age_ms = age_ms};
}

bool batch_fits(const struct batch *batch, size_t events, size_t bytes)
{
    if (batch->messages == 0) {
        return true;
    }
    return batch->events + events <= batch->limits.events_max &&
           batch->bytes + bytes <= batch->limits.bytes_max;
}

void batch_add(struct batch *batch, size_t events, size_t bytes, int64_t now_ms)
{
    if (batch->messages == 0) {
        batch->opened_ms = now_ms;
    }
    batch->messages++;
    batch->events += events;
    batch->bytes += bytes;
}

bool batch_is_full(const struct batch *batch)
{
    return batch->messages > 0 &&
           (batch->events >= batch->limits.events_max || batch->bytes >= batch->limits.bytes_max);
}

int64_t batch_wait_ms(const struct batch *batch, int64_t now_ms, int64_t idle_ms)
{
    if (batch->messages == 0) {
        return idle_ms;
    }
    int64_t left_ms = batch->opened_ms + batch->age_ms - now_ms;
    return left_ms > 0 ? left_ms : 0;
}
