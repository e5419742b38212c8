/* Server config: every setting of order-server, from the environment and --key=value. */
#pragma once

#include <stdio.h>

#include "base/log.h"
#include "base/status.h"
#include "broker/broker.h"

#define SERVER_ENDPOINTS_MAX 8

struct server_config {
    const char *listen;
    const char *database_url, *redis_url, *cache_redis_url;
    const char *shard, *server_id, *log_level, *ops_listen;
    const char *tls_cert_file, *tls_ca_file, *ipc_mode_text, *policy_file;
    int64_t write_lanes, read_lanes, bulk_lanes;
    int64_t batch_max, queue_max, inflight_max;
    int64_t connect_timeout_ms, redis_timeout_ms, cache_timeout_ms, postgres_timeout_ms;
    int64_t publish_timeout_ms, drain_timeout_ms;
    int64_t outbox_max, confirm_grace_ms, persist_grace_ms, refusal_ttl_ms;
    int64_t settled_retention_ms, settled_bytes_max;
    int64_t product_ttl_ms, missing_product_ttl_ms;
    bool allow_plain_tcp;
    bool allow_volatile_redis;
    struct broker_options broker; /* but connect_timeout_ms, connection_name and clock */

    /* Made from the above. */
    enum log_level log;
    unsigned ipc_mode;
    const char *endpoints[SERVER_ENDPOINTS_MAX];
    size_t endpoint_count;
    char endpoint_texts[1024];
    char own_server_id[64];
};

/* CONFIG_INVALID says what to do. The config must stay where it is. */
enum status server_config_load(struct server_config *config, int argc, char *const *argv,
                               struct failure *failure);
void server_config_help(FILE *out);
void server_config_print(const struct server_config *config, FILE *out);
