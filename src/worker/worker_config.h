/* The worker's settings: one table, see worker_config.c. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/status.h"
#include "broker/broker.h"

struct worker_config {
    const char *database_url, *redis_url;
    const char *shard;
    const char *log_level, *ops_listen;
    struct broker_options broker; /* but connect_timeout_ms, connection_name and clock */
    int64_t lanes;
    int64_t prefetch;
    int64_t batch_events, batch_bytes, batch_age_ms;
    int64_t hold_ms;
    int64_t sweep_ms, sweep_age_ms;
};

enum status worker_config_load(int argc, char *const *argv, struct worker_config *config_out,
                               struct failure *failure);
void worker_config_help(FILE *out);
void worker_config_print(const struct worker_config *config, FILE *out);
