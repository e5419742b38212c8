/* The worker's settings: one table, see worker_config.c. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/status.h"

struct worker_config {
    const char *database_url, *redis_url, *rabbitmq_url;
    const char *exchange, *queue, *parked_exchange, *parked_queue;
    const char *shard;
    const char *log_level, *ops_listen;
    int64_t queue_bytes_max;
    int64_t heartbeat_s;
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
