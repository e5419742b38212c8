/* Gateway config: every setting of order-gateway, from the environment and --key=value. */
#pragma once

#include <stdio.h>

#include "access/jwt.h"
#include "base/log.h"
#include "base/status.h"
#include "gateway/origin.h"

struct gateway_config {
    const char *listen, *operations_listen, *endpoint, *log_level;
    const char *server_ca_file, *server_cert_file, *server_name;
    const char *tls_certificate_file, *tls_key_file, *keys_file, *cors_origins;
    const char *trusted_proxies;
    const char *jwks_file, *jwt_algorithm, *jwt_issuer, *jwt_audience;
    const char *jwt_customer_claim, *jwt_scope_claim;
    int64_t threads, connections_max, connections_per_address_max;
    int64_t header_bytes_max, body_bytes_max, calls_max;
    int64_t caller_rate, caller_burst, address_rate, address_burst;
    int64_t jwt_leeway_s;
    int64_t streams_max, streams_per_caller_max, events_poll_ms, events_heartbeat_ms;
    int64_t idle_ms, transfer_ms, timeout_ms, drain_timeout_ms;

    enum log_level log;            /* made from log_level */
    struct origin_proxies proxies; /* made from trusted_proxies */
    enum jwt_algorithm algorithm;  /* made from jwt_algorithm */
};

/* CONFIG_INVALID says what to do. */
enum status gateway_config_load(struct gateway_config *config, int argc, char *const *argv,
                                struct failure *failure);
void gateway_config_help(FILE *out);
void gateway_config_print(const struct gateway_config *config, FILE *out);
