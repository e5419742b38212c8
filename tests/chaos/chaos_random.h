/* Random numbers that a seed determines (splitmix64), so that a schedule can be played again. */
#pragma once

#include <stdint.h>

struct chaos_random {
    uint64_t state;
};

static inline uint64_t chaos_random_next(struct chaos_random *random)
{
    uint64_t mixed = (random->state += 0x9e3779b97f4a7c15U);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
}

/* from..to, both included. */
static inline int64_t chaos_random_between(struct chaos_random *random, int64_t from, int64_t to)
{
    return from + (int64_t)(chaos_random_next(random) % (uint64_t)(to - from + 1));
}
