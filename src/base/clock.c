/* See clock.h. */
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_monotonic_us(void *state)
{
    (void)state;
    return read_us(CLOCK_MONOTONIC);
}

static int64_t system_unix_us(void *state)
{
    (void)state;
    return read_us(CLOCK_REALTIME);
}

/* A thread's own stock of random bytes: a system call for each id would cost more than the id. */
static void system_random(void *state, void *out, size_t size)
{
    (void)state;
    static _Thread_local uint8_t stock[512];
    static _Thread_local size_t left;
    uint8_t *to = out;
    while (size > 0) {
        if (left == 0) {
            if (getrandom(stock, sizeof stock, 0) != (ssize_t)sizeof stock) {
                abort(); /* ids that repeat would be worse than no server */
            }
            left = sizeof stock;
        }
        size_t taken = size < left ? size : left;
        left -= taken;
        memcpy(to, stock + left, taken);
        memset(stock + left, 0, taken);
        to += taken;
        size -= taken;
    }
}

const struct clock *clock_system(void)
{
    static const struct clock clock = {
        .monotonic_us = system_monotonic_us,
        .unix_us = system_unix_us,
        .random = system_random,
    };
    return &clock;
}

int64_t clock_backoff_ms(const struct clock *clock, unsigned attempt, int64_t base_ms,
                         int64_t most_ms)
{
    int64_t wait = base_ms;
    while (attempt-- > 0 && wait < most_ms) {
        wait *= 2;
    }
    if (wait > most_ms) {
        wait = most_ms;
    }
    uint32_t chance;
    clock->random(clock->state, &chance, sizeof chance);
    int64_t half = wait / 2;
    return half + (int64_t)(chance % (uint64_t)(wait - half + 1));
}
