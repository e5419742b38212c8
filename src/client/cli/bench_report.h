/* Bench report: what a run found, for people or as JSON. */
#pragma once

#include "client/cli/bench_load.h"
#include "client/cli/cli.h"

struct bench_run {
    const char *method;
    int64_t outstanding, connections, rate;
    int64_t batch; /* orders a call; 0 = it is not about many at once */
    const struct bench_result *result;
    bool waited;              /* for the orders to be in PostgreSQL, */
    bool persisted;           /* and they all were */
    double persisted_seconds; /* from the first call on */
};

void bench_report(struct cli *cli, const struct bench_run *run);
