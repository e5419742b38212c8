/* See server_config.h. */
#include "server/server_config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "broker/broker_settings.h"

#define TEXT(member) CONFIG_TEXT, offsetof(struct server_config, member)
#define INT(member)  CONFIG_INT, offsetof(struct server_config, member)
#define BOOL(member) CONFIG_BOOL, offsetof(struct server_config, member)

static const struct config_entry TABLE[] = {
    {"listen", "ORDER_SERVER_LISTEN", TEXT(listen), "tcp://127.0.0.1:7400", 0, 0, "", false,
     "where callers connect, comma separated: tcp://host:port, tls+tcp://host:port, ipc:///path"},
    {"database-url", "DATABASE_URL", TEXT(database_url), "postgresql://localhost/orders", 0, 0, "",
     true, "PostgreSQL: any libpq connection string"},
    {"redis-url", "REDIS_URL", TEXT(redis_url), "redis://localhost:6379", 0, 0, "", true,
     "Redis that holds stock and outbox"},
    {"cache-redis-url", "CACHE_REDIS_URL", TEXT(cache_redis_url), "", 0, 0, "", true,
     "Redis that caches products; empty: the same"},
    BROKER_SETTINGS(struct server_config),
    {"shard", "ORDER_SHARD", TEXT(shard), "s0", 0, 0, "", false, "tag of the keys in Redis"},
    {"heartbeat", "ORDER_SERVER_HEARTBEAT_S", INT(broker.heartbeat_s), BROKER_DEFAULT_HEARTBEAT_S,
     2, 600, "s", false, "RabbitMQ notices a dead server after twice this"},
    {"server-id", "ORDER_SERVER_ID", TEXT(server_id), "", 0, 0, "", false,
     "name in answers and logs; empty: host and process"},
    {"write-lanes", "ORDER_SERVER_WRITE_LANES", INT(write_lanes), "2", 1, 64, "lanes", false,
     "threads that take commands, each with its own connections"},
    {"read-lanes", "ORDER_SERVER_READ_LANES", INT(read_lanes), "2", 1, 64, "lanes", false,
     "threads that answer queries"},
    {"bulk-lanes", "ORDER_SERVER_BULK_LANES", INT(bulk_lanes), "1", 1, 64, "lanes", false,
     "threads for lists and catalogue changes"},
    {"batch", "ORDER_SERVER_BATCH", INT(batch_max), "256", 1, 256, "calls", false,
     "calls a lane takes at once"},
    {"queue-length", "ORDER_SERVER_QUEUE_LENGTH", INT(queue_max), "4096", 1, 1000000, "calls",
     false, "calls that wait for a kind of lane at most; more are refused"},
    {"max-inflight", "ORDER_SERVER_MAX_INFLIGHT", INT(inflight_max), "8192", 1, 1000000, "calls",
     false, "calls inside the server at most; more are refused"},
    {"connect-timeout-ms", "ORDER_SERVER_CONNECT_TIMEOUT_MS", INT(connect_timeout_ms), "1000", 10,
     60000, "ms", false, "to connect to a store"},
    {"redis-timeout-ms", "ORDER_SERVER_REDIS_TIMEOUT_MS", INT(redis_timeout_ms), "500", 10, 60000,
     "ms", false, "for one exchange of a batch with Redis"},
    {"cache-timeout-ms", "ORDER_SERVER_CACHE_TIMEOUT_MS", INT(cache_timeout_ms), "100", 1, 60000,
     "ms", false, "for one with the cache; then PostgreSQL is asked"},
    {"postgres-timeout-ms", "ORDER_SERVER_POSTGRES_TIMEOUT_MS", INT(postgres_timeout_ms), "1000",
     10, 60000, "ms", false, "for one with PostgreSQL"},
    {"publish-timeout-ms", "ORDER_SERVER_PUBLISH_TIMEOUT_MS", INT(publish_timeout_ms), "2000", 100,
     4000, "ms", false,
     "from the decision to RabbitMQ's confirm, the same for all servers; later: RESERVED"},
    {"outbox-max", "ORDER_SERVER_OUTBOX_MAX", INT(outbox_max), "200000", 1, 100000000, "events",
     false, "events that may wait for a worker; then orders are refused"},
    {"confirm-grace-ms", "ORDER_SERVER_CONFIRM_GRACE_MS", INT(confirm_grace_ms), "5000", 100,
     600000, "ms", false, "until the relay publishes an unconfirmed event again"},
    {"persist-grace-ms", "ORDER_SERVER_PERSIST_GRACE_MS", INT(persist_grace_ms), "60000", 100,
     3600000, "ms", false, "until the relay looks for an event in PostgreSQL"},
    {"settled-retention-ms", "ORDER_SERVER_SETTLED_RETENTION_MS", INT(settled_retention_ms),
     "600000", 0, 86400000, "ms", false,
     "how long events stay in Redis after PostgreSQL has them: it may fail over to before them"},
    {"settled-bytes-max", "ORDER_SERVER_SETTLED_BYTES_MAX", INT(settled_bytes_max), "536870912",
     1048576, 1LL << 40, "bytes", false,
     "of Redis' memory for them; then the oldest go before their time"},
    {"refusal-ttl-ms", "ORDER_SERVER_REFUSAL_TTL_MS", INT(refusal_ttl_ms), "600000", 1000, 86400000,
     "ms", false, "how long a refusal is remembered"},
    {"product-ttl-ms", "ORDER_SERVER_PRODUCT_TTL_MS", INT(product_ttl_ms), "60000", 1, 86400000,
     "ms", false, "how long a product stays in the cache"},
    {"missing-product-ttl-ms", "ORDER_SERVER_MISSING_PRODUCT_TTL_MS", INT(missing_product_ttl_ms),
     "2000", 1, 86400000, "ms", false, "how long the cache knows that there is no such product"},
    {"allow-plain-tcp", "ORDER_SERVER_ALLOW_PLAIN_TCP", BOOL(allow_plain_tcp), "false", 0, 0, "",
     false, "listen on tcp:// beyond the loopback: only in a network that is private by itself"},
    {"allow-volatile-redis", "ORDER_SERVER_ALLOW_VOLATILE_REDIS", BOOL(allow_volatile_redis),
     "false", 0, 0, "", false,
     "start with a Redis that has no append-only file: its restart loses what is only RESERVED"},
    {"drain-timeout-ms", "ORDER_SERVER_DRAIN_TIMEOUT_MS", INT(drain_timeout_ms), "10000", 0, 600000,
     "ms", false, "for the calls under way when the server is stopped"},
    {"tls-cert-file", "ORDER_SERVER_TLS_CERT_FILE", TEXT(tls_cert_file), "", 0, 0, "", false,
     "PEM file with the server's certificate and key, for tls+tcp"},
    {"tls-ca-file", "ORDER_SERVER_TLS_CA_FILE", TEXT(tls_ca_file), "", 0, 0, "", false,
     "PEM file with the CA that signs callers' certificates; each caller needs one"},
    {"ipc-mode", "ORDER_SERVER_IPC_MODE", TEXT(ipc_mode_text), "0600", 0, 0, "", false,
     "who may connect to ipc sockets: 0600, 0660 or 0666"},
    {"policy-file", "ORDER_SERVER_POLICY_FILE", TEXT(policy_file), "", 0, 0, "", false,
     "who may call what (docs/SECURITY.md); empty: all may all"},
    {"ops-listen", "ORDER_SERVER_OPS_LISTEN", TEXT(ops_listen), "", 0, 0, "", false,
     "address of /metrics, /healthz and /readyz, such as 127.0.0.1:7490; empty: none"},
    {"log-level", "ORDER_LOG_LEVEL", TEXT(log_level), "info", 0, 0, "", false,
     "debug, info, warn or error"},
};
#define TABLE_COUNT (sizeof TABLE / sizeof TABLE[0])

static enum status split_endpoints(struct server_config *config, struct failure *failure);
static enum status check(struct server_config *config, struct failure *failure);

enum status server_config_load(struct server_config *config, int argc, char *const *argv,
                               struct failure *failure)
{
    memset(config, 0, sizeof *config);
    enum status status = config_load(TABLE, TABLE_COUNT, config, argc, argv, failure);
    if (status == STATUS_OK) {
        status = check(config, failure);
    }
    if (status == STATUS_OK) {
        status = split_endpoints(config, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (config->cache_redis_url[0] == '\0') {
        config->cache_redis_url = config->redis_url;
    }
    if (config->server_id[0] == '\0') {
        char host[40] = "server";
        (void)gethostname(host, sizeof host - 1);
        (void)snprintf(config->own_server_id, sizeof config->own_server_id, "%s:%ld", host,
                       (long)getpid());
        config->server_id = config->own_server_id;
    }
    return STATUS_OK;
}

static enum status check(struct server_config *config, struct failure *failure)
{
    int level = log_level_parse(config->log_level);
    if (level < 0) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "log-level must be debug, info, warn or error, not '%s'",
                           config->log_level);
    }
    config->log = (enum log_level)level;
    if (strcmp(config->ipc_mode_text, "0600") != 0 && strcmp(config->ipc_mode_text, "0660") != 0 &&
        strcmp(config->ipc_mode_text, "0666") != 0) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "ipc-mode must be 0600, 0660 or 0666, not '%s'", config->ipc_mode_text);
    }
    config->ipc_mode = (unsigned)strtoul(config->ipc_mode_text, NULL, 8);
    if (strlen(config->server_id) >= sizeof config->own_server_id) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "server-id has more than %zu bytes", sizeof config->own_server_id - 1);
    }
    return STATUS_OK;
}

static enum status split_endpoints(struct server_config *config, struct failure *failure)
{
    size_t size = strlen(config->listen);
    if (size == 0 || size >= sizeof config->endpoint_texts) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "listen must name 1 to %d endpoints", SERVER_ENDPOINTS_MAX);
    }
    memcpy(config->endpoint_texts, config->listen, size + 1);
    char *rest = config->endpoint_texts, *endpoint;
    while ((endpoint = strsep(&rest, ",")) != NULL) {
        if (endpoint[0] == '\0' || config->endpoint_count == SERVER_ENDPOINTS_MAX) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                               "listen must name 1 to %d endpoints, comma separated",
                               SERVER_ENDPOINTS_MAX);
        }
        config->endpoints[config->endpoint_count++] = endpoint;
    }
    return STATUS_OK;
}

void server_config_help(FILE *out)
{
    config_help(TABLE, TABLE_COUNT, out);
}

void server_config_print(const struct server_config *config, FILE *out)
{
    config_print(TABLE, TABLE_COUNT, config, out);
}
