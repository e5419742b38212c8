/* See stock_gate.h. records_since_us is written before the epoch that it belongs to: whoever sees
 * the epoch sees it. One who reads across a change works by an epoch that is gone, and the fence in
 * Redis refuses that. */
#include "server/stock_gate.h"

void stock_gate_init(struct stock_gate *gate)
{
    atomic_init(&gate->epoch, 0);
    atomic_init(&gate->records_since_us, 0);
    pause_init(&gate->opener);
}

void stock_gate_fini(struct stock_gate *gate)
{
    pause_fini(&gate->opener);
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
        pause_wake(&gate->opener);
    }
}
