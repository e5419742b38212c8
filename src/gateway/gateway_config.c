/* See gateway_config.h. */
#include "gateway/gateway_config.h"

#include <stddef.h>

#include "base/config.h"

#define TEXT(key, env, field, fallback, help) \
    {key, env, CONFIG_TEXT, offsetof(struct gateway_config, field), fallback, 0, 0, "", false, help}
#define NUMBER(key, env, field, fallback, least, most, unit, help)                           \
    {key,  env,   CONFIG_INT, offsetof(struct gateway_config, field), fallback, least, most, \
     unit, false, help}

/* clang-format off */
static const struct config_entry table[] = {
    TEXT("listen", "ORDER_GATEWAY_LISTEN", listen, "127.0.0.1:8080",
         "where to listen for HTTP: host:port, [::]:port for all addresses"),
    TEXT("operations-listen", "ORDER_GATEWAY_OPERATIONS_LISTEN", operations_listen, "127.0.0.1:9080",
         "where /healthz, /readyz and /metrics are; not for the outside"),
    TEXT("endpoint", "ORDER_ENDPOINT", endpoint, "tcp://127.0.0.1:7400", "the order-servers to call, comma separated: tcp://host:port, tls+tcp://host:port, ipc:///path"),
    TEXT("server-ca", "ORDER_TLS_CA_FILE", server_ca_file, "",
         "for tls+tcp: PEM file with who signs the certificates of order-servers"),
    TEXT("server-cert", "ORDER_TLS_CERT_FILE", server_cert_file, "",
         "for tls+tcp: PEM file with the gateway's certificate for them and its key"),
    TEXT("server-name", "ORDER_TLS_SERVER_NAME", server_name, "",
         "for tls+tcp: the name in their certificates; empty: the endpoint's host"),
    TEXT("tls-certificate", "ORDER_GATEWAY_TLS_CERTIFICATE", tls_certificate_file, "",
         "file with the certificate chain in PEM; empty: plain HTTP, as behind a proxy"),
    TEXT("tls-key", "ORDER_GATEWAY_TLS_KEY", tls_key_file, "", "file with its private key in PEM"),
    TEXT("keys", "ORDER_GATEWAY_KEYS", keys_file, "",
         "file of API keys; without it and jwks whoever reaches the gateway may call everything"),
    TEXT("jwks", "ORDER_GATEWAY_JWKS", jwks_file, "",
         "file with the public keys (JWKS) of whoever issues tokens; empty: no tokens are taken"),
    TEXT("jwt-algorithm", "ORDER_GATEWAY_JWT_ALGORITHM", jwt_algorithm, "RS256",
         "the only algorithm of tokens: RS256, PS256, ES256 or EdDSA"),
    TEXT("jwt-issuer", "ORDER_GATEWAY_JWT_ISSUER", jwt_issuer, "", "the only iss of tokens"),
    TEXT("jwt-audience", "ORDER_GATEWAY_JWT_AUDIENCE", jwt_audience, "",
         "what aud of tokens must name"),
    TEXT("jwt-customer-claim", "ORDER_GATEWAY_JWT_CUSTOMER_CLAIM", jwt_customer_claim, "sub",
         "claim with the customer that a token stands for"),
    TEXT("jwt-scope-claim", "ORDER_GATEWAY_JWT_SCOPE_CLAIM", jwt_scope_claim, "scope",
         "claim with a token's scopes: a text with spaces, or an array"),
    NUMBER("jwt-leeway", "ORDER_GATEWAY_JWT_LEEWAY_S", jwt_leeway_s, "30", 0, JWT_LEEWAY_S_MAX, "s",
           "by which the clock of the issuer may differ"),
    TEXT("cors-origins", "ORDER_GATEWAY_CORS_ORIGINS", cors_origins, "",
         "origins whose pages may call, comma separated; * for all, empty for none"),
    TEXT("trusted-proxies", "ORDER_GATEWAY_TRUSTED_PROXIES", trusted_proxies, "",
         "addresses and networks whose X-Forwarded-For is believed: 10.0.0.0/8,::1; empty: nobody's"),
    TEXT("log-level", "ORDER_GATEWAY_LOG_LEVEL", log_level, "info", "debug, info, warn or error"),
    NUMBER("threads", "ORDER_GATEWAY_THREADS", threads, "2", 1, 64, "threads",
           "threads that read and write HTTP"),
    NUMBER("connections", "ORDER_GATEWAY_CONNECTIONS", connections_max, "4096", 1, 1000000,
           "connections", "connections at once; more are closed"),
    NUMBER("connections-per-address", "ORDER_GATEWAY_CONNECTIONS_PER_ADDRESS",
           connections_per_address_max, "0", 0, 1000000, "connections",
           "connections of one address at once; 0: no limit, as behind a proxy"),
    NUMBER("calls", "ORDER_GATEWAY_CALLS", calls_max, "4096", 1, 1000000, "calls",
           "calls under way at once; more are refused with 429"),
    NUMBER("caller-rate", "ORDER_GATEWAY_CALLER_RATE", caller_rate, "1000", 0, 100000,
           "calls a second", "of one caller's keys in the long run; more are refused with 429; 0: no limit"),
    NUMBER("caller-burst", "ORDER_GATEWAY_CALLER_BURST", caller_burst, "2000", 1, 1000000, "calls",
           "of one caller's keys at once"),
    NUMBER("address-rate", "ORDER_GATEWAY_ADDRESS_RATE", address_rate, "0", 0, 100000,
           "calls a second", "of one address (IPv6: /64); 0: no limit; behind a proxy name it in trusted-proxies"),
    NUMBER("address-burst", "ORDER_GATEWAY_ADDRESS_BURST", address_burst, "200", 1, 1000000,
           "calls", "of one address at once"),
    NUMBER("header-bytes", "ORDER_GATEWAY_HEADER_BYTES", header_bytes_max, "32768", 4096, 1048576,
           "bytes", "request line and headers; more is refused with 431 or 414"),
    NUMBER("body-bytes", "ORDER_GATEWAY_BODY_BYTES", body_bytes_max, "1048576", 1024, 16777216,
           "bytes", "body of a request; more is refused with 413"),
    NUMBER("idle", "ORDER_GATEWAY_IDLE_MS", idle_ms, "30000", 100, 3600000, "ms",
           "until the headers of the next request must be there"),
    NUMBER("transfer", "ORDER_GATEWAY_TRANSFER_MS", transfer_ms, "20000", 100, 3600000, "ms",
           "until a body must be there, and until an answer must be taken"),
    NUMBER("streams", "ORDER_GATEWAY_STREAMS", streams_max, "1024", 0, 100000, "streams",
           "followers of events at once; more are refused with 429"),
    NUMBER("streams-per-caller", "ORDER_GATEWAY_STREAMS_PER_CALLER", streams_per_caller_max, "32",
           1, 100000, "streams", "of one caller's keys at once"),
    NUMBER("events-poll", "ORDER_GATEWAY_EVENTS_POLL_MS", events_poll_ms, "200", 10, 60000, "ms",
           "how often a server is asked for new events while somebody follows them"),
    NUMBER("events-heartbeat", "ORDER_GATEWAY_EVENTS_HEARTBEAT_MS", events_heartbeat_ms, "15000",
           100, 600000, "ms", "until a silent stream gets a comment line"),
    NUMBER("timeout", "ORDER_GATEWAY_TIMEOUT_MS", timeout_ms, "2000", 1, 30000, "ms",
           "time for a call whose caller names none"),
    NUMBER("drain-timeout", "ORDER_GATEWAY_DRAIN_TIMEOUT_MS", drain_timeout_ms, "25000", 0, 600000,
           "ms", "time for what is under way when the gateway is told to stop"),
};
/* clang-format on */
#define TABLE_COUNT (sizeof table / sizeof *table)

enum status gateway_config_load(struct gateway_config *config, int argc, char *const *argv,
                                struct failure *failure)
{
    enum status status = config_load(table, TABLE_COUNT, config, argc, argv, failure);
    if (status != STATUS_OK) {
        return status;
    }
    int level = log_level_parse(config->log_level);
    if (level < 0) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "log-level: %s is not debug, info, warn or error", config->log_level);
    }
    if ((config->tls_certificate_file[0] == '\0') != (config->tls_key_file[0] == '\0')) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "tls-certificate and tls-key: give both or none");
    }
    if (config->jwks_file[0] != '\0' &&
        (config->jwt_issuer[0] == '\0' || config->jwt_audience[0] == '\0')) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "jwks: give jwt-issuer and jwt-audience, too");
    }
    if (!jwt_algorithm_parse(config->jwt_algorithm, &config->algorithm)) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "jwt-algorithm: %s is not RS256, PS256, ES256 or EdDSA",
                           config->jwt_algorithm);
    }
    if (!origin_parse_proxies(config->trusted_proxies, &config->proxies)) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "trusted-proxies: %s is no list of addresses and networks",
                           config->trusted_proxies);
    }
    config->log = (enum log_level)level;
    return STATUS_OK;
}

void gateway_config_help(FILE *out)
{
    config_help(table, TABLE_COUNT, out);
}

void gateway_config_print(const struct gateway_config *config, FILE *out)
{
    config_print(table, TABLE_COUNT, config, out);
}
