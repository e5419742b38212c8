/* See pause.h. */
#include "server/pause.h"

#include <time.h>

void pause_init(struct pause *pause)
{
    pause->woken = false;
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&pause->lock, NULL);
    (void)pthread_cond_init(&pause->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

void pause_fini(struct pause *pause)
{
    (void)pthread_cond_destroy(&pause->changed);
    (void)pthread_mutex_destroy(&pause->lock);
}

void pause_wait(struct pause *pause, int64_t timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (timeout_ms % 1000) * 1000000;
    until.tv_sec += (time_t)(timeout_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_mutex_lock(&pause->lock);
    int waited = 0;
    while (!pause->woken && waited == 0) {
        waited = pthread_cond_timedwait(&pause->changed, &pause->lock, &until);
    }
    pause->woken = false;
    (void)pthread_mutex_unlock(&pause->lock);
}

void pause_wake(struct pause *pause)
{
    (void)pthread_mutex_lock(&pause->lock);
    pause->woken = true;
    (void)pthread_cond_signal(&pause->changed);
    (void)pthread_mutex_unlock(&pause->lock);
}
