/* See fake_clock.h. */
#include "tests/fakes/fake_clock.h"

#include <string.h>

static int64_t monotonic_us(void *state)
{
    return ((struct fake_clock *)state)->monotonic_us;
}

static int64_t unix_us(void *state)
{
    return ((struct fake_clock *)state)->unix_us;
}

static void random_bytes(void *state, void *out, size_t size)
{
    struct fake_clock *clock = state;
    clock->chance++;
    size_t used = size < sizeof clock->chance ? size : sizeof clock->chance;
    memset(out, 0, size);
    memcpy((char *)out + (size - used), &clock->chance, used); /* a UUID's start is its time */
}

void fake_clock_init(struct fake_clock *clock)
{
    *clock = (struct fake_clock){
        .clock = {monotonic_us, unix_us, random_bytes, clock},
        .monotonic_us = INT64_C(1000000) * 1000,
        .unix_us = INT64_C(1780272000) * 1000000,
    };
}

void fake_clock_pass_ms(struct fake_clock *clock, int64_t ms)
{
    clock->monotonic_us += ms * 1000;
    clock->unix_us += ms * 1000;
}
