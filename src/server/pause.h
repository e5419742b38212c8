/* Pause: how a background thread waits between two rounds, and how others cut that short.
 * One waits; any thread wakes. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct pause {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
};

void pause_init(struct pause *pause);
void pause_fini(struct pause *pause);
/* Returns after timeout_ms, or as soon as somebody wakes it; at once when somebody has since the
 * last wait. */
void pause_wait(struct pause *pause, int64_t timeout_ms);
void pause_wake(struct pause *pause);
