/* Random: the same numbers in every run, for tests that throw bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Below `limit` >= 1. A splitmix64 over *seed. */
static inline size_t random_below(uint64_t *seed, size_t limit)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (size_t)((z ^ (z >> 31)) % limit);
}

static inline uint8_t random_byte(uint64_t *seed)
{
    return (uint8_t)random_below(seed, 256);
}
