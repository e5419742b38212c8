/* See stock_gate.h. records_since_us is written before the epoch that it belongs to: whoever sees
 * the epoch sees it. One who reads across a change works by an epoch that is gone, and the fence in
 * Redis refuses that. */
#include "server/stock_gate.h"

#include <time.h>

void stock_gate_init(struct stock_gate *gate)
{
    atomic_init(&gate->epoch, 0);
    atomic_init(&gate->records_since_us, 0);
    gate->woken = false;
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&gate->lock, NULL);
    (void)pthread_cond_init(&gate->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

void stock_gate_fini(struct stock_gate *gate)
{
    (void)pthread_cond_destroy(&gate->changed);
    (void)pthread_mutex_destroy(&gate->lock);
}

void stock_gate_open(struct stock_gate *gate, const struct stock_pass *pass)
{
    atomic_store(&gate->records_since_us, pass->records_since_us);
    atomic_store(&gate->epoch, pass->epoch);
}

void stock_gate_close(struct stock_gate *gate)
{
    atomic_store(&gate->epoch, 0);
}

bool stock_gate_enter(struct stock_gate *gate, struct stock_pass *pass_out)
{
    int64_t epoch = atomic_load(&gate->epoch);
    if (epoch == 0) {
        return false;
    }
    pass_out->epoch = epoch;
    pass_out->records_since_us = atomic_load(&gate->records_since_us);
    return true;
}

void stock_gate_suspect(struct stock_gate *gate, int64_t epoch)
{
    if (atomic_compare_exchange_strong(&gate->epoch, &epoch, 0)) {
        stock_gate_wake(gate);
    }
}

void stock_gate_wake(struct stock_gate *gate)
{
    (void)pthread_mutex_lock(&gate->lock);
    gate->woken = true;
    (void)pthread_cond_signal(&gate->changed);
    (void)pthread_mutex_unlock(&gate->lock);
}

void stock_gate_wait(struct stock_gate *gate, int64_t timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (timeout_ms % 1000) * 1000000;
    until.tv_sec += (time_t)(timeout_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_mutex_lock(&gate->lock);
    int waited = 0;
    while (!gate->woken && waited == 0) {
        waited = pthread_cond_timedwait(&gate->changed, &gate->lock, &until);
    }
    gate->woken = false;
    (void)pthread_mutex_unlock(&gate->lock);
}
