/* See worker_config.h. */
#include "worker/worker_config.h"

#include <stddef.h>

#include "base/config.h"
#include "base/log.h"
#include "broker/broker_settings.h"

#define TEXT(member) CONFIG_TEXT, offsetof(struct worker_config, member)
#define INT(member)  CONFIG_INT, offsetof(struct worker_config, member)

static const struct config_entry TABLE[] = {
    {"database-url", "DATABASE_URL", TEXT(database_url), "postgresql://localhost/orders", 0, 0, "",
     true, "PostgreSQL: any libpq connection string"},
    {"redis-url", "REDIS_URL", TEXT(redis_url), "redis://localhost:6379", 0, 0, "", true,
     "Redis that holds stock and outbox"},
    BROKER_SETTINGS(struct worker_config),
    {"shard", "ORDER_SHARD", TEXT(shard), "s0", 0, 0, "", false, "tag of the keys in Redis"},
    {"heartbeat", "ORDER_WORKER_HEARTBEAT_S", INT(broker.heartbeat_s), BROKER_DEFAULT_HEARTBEAT_S,
     2, 600, "s", false, "RabbitMQ notices a dead worker after twice this"},
    {"lanes", "ORDER_WORKER_LANES", INT(lanes), "1", 1, 64, "lanes", false,
     "threads, each with its own connections"},
    {"prefetch", "ORDER_WORKER_PREFETCH", INT(prefetch), "512", 1, 65535, "messages", false,
     "deliveries a lane holds at most"},
    {"batch-events", "ORDER_WORKER_BATCH_EVENTS", INT(batch_events), "1024", 1, 4096, "events",
     false, "events in one transaction"},
    {"batch-bytes", "ORDER_WORKER_BATCH_BYTES", INT(batch_bytes), "2097152", 1024, 8388608, "bytes",
     false, "bytes of events in one transaction"},
    {"batch-age-ms", "ORDER_WORKER_BATCH_AGE_MS", INT(batch_age_ms), "25", 0, 1000, "ms", false,
     "how long an event waits for others under load; a fifth of it where they come one by one"},
    {"hold-ms", "ORDER_WORKER_HOLD_MS", INT(hold_ms), "60000", 100, 600000, "ms", false,
     "PostgreSQL away: how long deliveries are kept before they are given back"},
    {"sweep-ms", "ORDER_WORKER_SWEEP_MS", INT(sweep_ms), "5000", 50, 600000, "ms", false,
     "how often to look for stock changes that Redis has not been told"},
    {"sweep-age-ms", "ORDER_WORKER_SWEEP_AGE_MS", INT(sweep_age_ms), "5000", 50, 600000, "ms",
     false, "from what age on they are anybody's to tell"},
    {"ops-listen", "ORDER_WORKER_OPS_LISTEN", TEXT(ops_listen), "", 0, 0, "", false,
     "address of /metrics, /healthz and /readyz, such as 127.0.0.1:7491; empty: none"},
    {"log-level", "ORDER_LOG_LEVEL", TEXT(log_level), "info", 0, 0, "", false,
     "debug, info, warn or error"},
};
#define TABLE_COUNT (sizeof TABLE / sizeof TABLE[0])

enum status worker_config_load(int argc, char *const *argv, struct worker_config *config_out,
                               struct failure *failure)
{
    struct worker_config config = {0};
    enum status status = config_load(TABLE, TABLE_COUNT, &config, argc, argv, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (log_level_parse(config.log_level) < 0) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "ORDER_LOG_LEVEL is '%s': debug, info, warn or error", config.log_level);
    }
    *config_out = config;
    return STATUS_OK;
}

void worker_config_help(FILE *out)
{
    config_help(TABLE, TABLE_COUNT, out);
}

void worker_config_print(const struct worker_config *config, FILE *out)
{
    config_print(TABLE, TABLE_COUNT, config, out);
}
