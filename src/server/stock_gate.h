/* Stock gate: whether stock can be sold now, and in which epoch; what the opener tells the lanes.
 * Opened by stock_opener.c alone; closed by it and by any lane that met the fence. Reading it takes
 * no lock, so every batch asks. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/pause.h"

struct stock_gate {
    _Atomic int64_t epoch;            /* 0 = closed */
    _Atomic int64_t records_since_us; /* valid for `epoch` */
    struct pause opener;              /* the opener's sleep */
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
