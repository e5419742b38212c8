/* Stock gate: whether stock can be sold now, and in which epoch; what the opener tells the lanes.
 * Opened by stock_opener.c alone; closed by it and by any lane that met the fence. Reading it takes
 * no lock, so every batch asks. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct stock_gate {
    _Atomic int64_t epoch;            /* 0 = closed */
    _Atomic int64_t records_since_us; /* valid for `epoch` */
    pthread_mutex_t lock;             /* of `woken`, for the opener's sleep only */
    pthread_cond_t changed;
    bool woken;
};

/* What a lane works by for one batch. */
struct stock_pass {
    int64_t epoch;            /* >= 1 */
    int64_t records_since_us; /* unix: what was decided before may be missing in Redis' records */
};

void stock_gate_init(struct stock_gate *gate);
void stock_gate_fini(struct stock_gate *gate);
void stock_gate_open(struct stock_gate *gate, const struct stock_pass *pass);
void stock_gate_close(struct stock_gate *gate);
/* False when closed. */
bool stock_gate_enter(struct stock_gate *gate, struct stock_pass *pass_out);
/* A lane met the fence while it worked by `epoch`: closes the gate for all, unless it has been
 * opened for another epoch meanwhile, and wakes the opener. */
void stock_gate_suspect(struct stock_gate *gate, int64_t epoch);
/* For the opener: waits until somebody suspects or wakes it, or timeout_ms passed. */
void stock_gate_wait(struct stock_gate *gate, int64_t timeout_ms);
void stock_gate_wake(struct stock_gate *gate);
