/* See server_config.h. */
#include "server/server_config.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"

#define TEXT(key, env, field, fallback, help) \
    {key, env, CONFIG_TEXT, offsetof(struct server_config, field), fallback, 0, 0, "", false, help}
#define SECRET(key, env, field, fallback, help) \
    {key, env, CONFIG_TEXT, offsetof(struct server_config, field), fallback, 0, 0, "", true, help}
#define NUMBER(key, env, field, fallback, least, most, unit, help)                          \
    {key,  env,   CONFIG_INT, offsetof(struct server_config, field), fallback, least, most, \
     unit, false, help}

/* clang-format off */
static const struct config_entry table[] = {
    TEXT("listen", "ORDER_SERVER_LISTEN", listen, "tcp://127.0.0.1:7400",
         "where to listen, comma separated: tcp://host:port, ipc:///path"),
    SECRET("database-url", "DATABASE_URL", database_url, "", "PostgreSQL"),
    SECRET("redis-url", "REDIS_URL", redis_url, "redis://127.0.0.1:6379",
           "Redis that holds stock and outbox: noeviction, appendonly"),
    SECRET("cache-redis-url", "CACHE_REDIS_URL", cache_redis_url, "",
           "Redis for the product cache; empty: the same"),
    SECRET("rabbitmq-url", "RABBITMQ_URL", rabbitmq_url, "amqp://127.0.0.1:5672", "RabbitMQ"),
    TEXT("exchange", "ORDER_EXCHANGE", exchange, "shop.events", "exchange of the events"),
    TEXT("queue", "ORDER_QUEUE", queue, "orders.persist", "queue of the workers"),
    TEXT("parked-exchange", "ORDER_PARKED_EXCHANGE", parked_exchange, "shop.parked",
         "exchange of what workers could not take"),
    TEXT("parked-queue", "ORDER_PARKED_QUEUE", parked_queue, "orders.parked", "and its queue"),
    TEXT("shard", "ORDER_SHARD", shard, "s0", "which stock this server sells"),
    TEXT("server-id", "ORDER_SERVER_ID", server_id, "", "name in answers; empty: host and process"),
    TEXT("log-level", "ORDER_SERVER_LOG_LEVEL", log_level, "info", "debug, info, warn or error"),
    NUMBER("write-lanes", "ORDER_SERVER_WRITE_LANES", write_lanes, "2", 1, 64, "threads",
           "threads that take commands, each with its own connections"),
    NUMBER("read-lanes", "ORDER_SERVER_READ_LANES", read_lanes, "2", 1, 64, "threads",
           "threads that answer queries"),
    NUMBER("bulk-lanes", "ORDER_SERVER_BULK_LANES", bulk_lanes, "1", 1, 64, "threads",
           "threads for lists and catalogue changes"),
    NUMBER("batch", "ORDER_SERVER_BATCH", batch_max, "256", 1, 256, "calls",
           "calls a lane takes at once, at most"),
    NUMBER("queue-length", "ORDER_SERVER_QUEUE_LENGTH", queue_max, "4096", 1, 1000000, "calls",
           "calls that may wait for a kind of lane; more are refused"),
    NUMBER("max-inflight", "ORDER_SERVER_MAX_INFLIGHT", inflight_max, "8192", 1, 1000000, "calls",
           "calls inside the server; more are refused"),
    NUMBER("connect-timeout", "ORDER_SERVER_CONNECT_TIMEOUT_MS", connect_timeout_ms, "1000", 10,
           60000, "ms", "to connect to a store"),
    NUMBER("redis-timeout", "ORDER_SERVER_REDIS_TIMEOUT_MS", redis_timeout_ms, "500", 10, 60000,
           "ms", "for a batch's exchange with Redis"),
    NUMBER("cache-timeout", "ORDER_SERVER_CACHE_TIMEOUT_MS", cache_timeout_ms, "100", 1, 60000,
           "ms", "for a batch's exchange with the cache; then PostgreSQL is asked"),
    NUMBER("postgres-timeout", "ORDER_SERVER_POSTGRES_TIMEOUT_MS", postgres_timeout_ms, "1000", 10,
           60000, "ms", "for a batch's query"),
    NUMBER("publish-timeout", "ORDER_SERVER_PUBLISH_TIMEOUT_MS", publish_timeout_ms, "2000", 100,
           10000, "ms", "from the decision to RabbitMQ's confirm; later, the answer is RESERVED"),
    NUMBER("drain-timeout", "ORDER_SERVER_DRAIN_TIMEOUT_MS", drain_timeout_ms, "10000", 0, 600000,
           "ms", "for calls under way when the server is stopped"),
    NUMBER("product-ttl", "ORDER_SERVER_PRODUCT_TTL_MS", product_ttl_ms, "60000", 1, 86400000, "ms",
           "how long a product stays in the cache"),
    NUMBER("missing-product-ttl", "ORDER_SERVER_MISSING_PRODUCT_TTL_MS", missing_product_ttl_ms,
           "2000", 1, 86400000, "ms", "how long the cache remembers that there is no such product"),
    NUMBER("queue-bytes", "ORDER_QUEUE_BYTES_MAX", queue_bytes_max, "1073741824", 1048576,
           1099511627776, "bytes", "what the queue holds at most; the same for server and worker"),
    NUMBER("heartbeat", "ORDER_SERVER_HEARTBEAT_S", heartbeat_s, "10", 1, 600, "s",
           "RabbitMQ's heartbeat"),
};
/* clang-format on */

#define TABLE_COUNT (sizeof table / sizeof table[0])

static enum status split_endpoints(struct server_config *config, struct failure *failure);
static enum status check(struct server_config *config, struct failure *failure);

enum status server_config_load(struct server_config *config, int argc, char *const *argv,
                               struct failure *failure)
{
    memset(config, 0, sizeof *config);
    enum status status = config_load(table, TABLE_COUNT, config, argc, argv, failure);
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
    if (config->database_url[0] == '\0') {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "DATABASE_URL is not set: give PostgreSQL's, such as "
                           "postgresql://user@host/orders");
    }
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
    config_help(table, TABLE_COUNT, out);
}

void server_config_print(const struct server_config *config, FILE *out)
{
    config_print(table, TABLE_COUNT, config, out);
}
