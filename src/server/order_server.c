/* See order_server.h. */
#include "server/order_server.h"

#include <embedded/CONTRACTS.h>

#include "base/log.h"
#include "base/stop.h"
#include "http/ops_port.h"
#include "server/access_log.h"
#include "server/auditor.h"
#include "server/expire_holds.h"
#include "server/persist_waiter.h"
#include "server/policy.h"
#include "server/relay.h"
#include "server/server_metrics.h"
#include "server/services.h"
#include "server/shop_lane.h"
#include "server/stock_opener.h"
#include "server/store_fitness.h"

/* ErrorInfo.domain of all failures. */
#define ERROR_DOMAIN "shop.orders"
/* Orders of 150 bytes: a full batch of calls with one each, or three with a thousand. */
#define BATCH_BYTES_MAX (512 * 1024)

/* A batch of commands costs the three stores some milliseconds of CPU by itself, an order a tenth
 * of one: few large batches are cheaper, and with a busy machine also sooner done, than many small
 * ones. One lane does as long as it gets half of what it can take; another joins when there is
 * more, or when that one is held up, as by a store that does not answer. docs/decisions/0018. */
static const struct queue_pace WRITE_PACE = {
    .join_from = 128,
    .join_ms = 20,
    .gather_from = 8,
    .gather_us_max = 3000,
};

struct parts {
    struct access_log access;
    struct policy *policy;
    struct stock_gate gate;
    struct audit_gauges audit;
    struct store_fitness fitness;
    struct lane_options lanes;
    struct rpc_server *rpc;
    struct relay *relay, *expiry, *auditor;
    struct server_metrics metrics;
    struct ops_port *ops;
    struct stock_opener *opener;
};

static void fill_lane_options(const struct server_config *config, struct stock_gate *gate,
                              struct lane_options *lanes_out);
static enum status check(struct parts *parts, struct failure *failure);
static enum status start(const struct server_config *config, struct parts *parts,
                         struct failure *failure);
static enum status start_rpc(const struct server_config *config, struct parts *parts,
                             struct failure *failure);
static enum status start_ops(const struct server_config *config, struct parts *parts,
                             struct failure *failure);
static void stop(const struct server_config *config, struct parts *parts);
static void on_stock(void *context, bool is_open);

enum status order_server_run(const struct server_config *config, bool *refused_out,
                             struct failure *failure)
{
    struct parts parts = {0};
    stock_gate_init(&parts.gate);
    fill_lane_options(config, &parts.gate, &parts.lanes);
    parts.lanes.audit = &parts.audit;
    parts.lanes.fitness = &parts.fitness;
    parts.fitness.may_forget = config->allow_volatile_redis;
    enum status status = check(&parts, failure);
    if (status == STATUS_OK) {
        status = start(config, &parts, failure);
    }
    if (status == STATUS_OK) {
        for (size_t i = 0; i < config->endpoint_count; i++) {
            log_line(LOG_INFO, "listening", "endpoint", config->endpoints[i], "server_id",
                     config->server_id, NULL);
        }
        (void)stop_wait(-1);
        log_line(LOG_INFO, "stopping", NULL);
    }
    stop(config, &parts);
    if (parts.fitness.refused) {
        *failure = parts.fitness.why;
        status = failure->code;
    }
    *refused_out = parts.fitness.refused;
    stock_gate_fini(&parts.gate);
    return status;
}

static void fill_lane_options(const struct server_config *config, struct stock_gate *gate,
                              struct lane_options *lanes_out)
{
    struct book_limits limits = BOOK_LIMITS_DEFAULT;
    limits.outbox_max = config->outbox_max;
    limits.confirm_grace_ms = config->confirm_grace_ms;
    limits.persist_grace_ms = config->persist_grace_ms;
    limits.refusal_ttl_ms = config->refusal_ttl_ms;
    *lanes_out = (struct lane_options){
        .clock = clock_system(),
        .gate = gate,
        .shard = config->shard,
        .limits = limits,
        .retention = {.age_ms = config->settled_retention_ms,
                      .bytes_max = config->settled_bytes_max},
        .redis_url = config->redis_url,
        .cache_url = config->cache_redis_url,
        .database_url = config->database_url,
        .broker = config->broker,
        .connect_timeout_ms = config->connect_timeout_ms,
        .redis_timeout_ms = config->redis_timeout_ms,
        .cache_timeout_ms = config->cache_timeout_ms,
        .postgres_timeout_ms = config->postgres_timeout_ms,
        .publish_timeout_ms = config->publish_timeout_ms,
        .product_ttl_ms = config->product_ttl_ms,
        .missing_product_ttl_ms = config->missing_product_ttl_ms,
    };
    lanes_out->broker.connect_timeout_ms = config->connect_timeout_ms;
    lanes_out->broker.connection_name = config->server_id;
    lanes_out->broker.clock = lanes_out->clock;
}

/* What must be right before anything is served. */
static enum status check(struct parts *parts, struct failure *failure)
{
    enum status status = rpc_server_check_library(failure);
    if (status != STATUS_OK) {
        parts->fitness.refused = true;
        parts->fitness.why = *failure;
        return status;
    }
    return store_fitness_begin(&parts->lanes, failure);
}

static enum status start(const struct server_config *config, struct parts *parts,
                         struct failure *failure)
{
    enum status status = STATUS_OK;
    if (config->policy_file[0] != '\0') {
        status = policy_load(config->policy_file, &parts->policy, failure);
    }
    if (status == STATUS_OK) {
        status = persist_waiter_start(&parts->lanes, &parts->lanes.waiter, failure);
    }
    if (status == STATUS_OK) {
        status = start_rpc(config, parts, failure);
    }
    if (status == STATUS_OK) {
        status = relay_start(&parts->lanes, relay_round, &parts->relay, failure);
    }
    if (status == STATUS_OK) {
        status = relay_start(&parts->lanes, expire_holds_round, &parts->expiry, failure);
    }
    if (status == STATUS_OK) {
        status = relay_start(&parts->lanes, auditor_round, &parts->auditor, failure);
    }
    if (status == STATUS_OK) {
        status = stock_opener_start(&parts->lanes, on_stock, parts->rpc, &parts->opener, failure);
    }
    if (status == STATUS_OK && config->ops_listen[0] != '\0') {
        status = start_ops(config, parts, failure);
    }
    return status;
}

static enum status start_ops(const struct server_config *config, struct parts *parts,
                             struct failure *failure)
{
    parts->metrics = (struct server_metrics){
        .rpc = parts->rpc,
        .gate = &parts->gate,
        .audit = &parts->audit,
        .fitness = &parts->fitness,
        .clock = clock_system(),
    };
    const struct ops_port_options options = {
        .listen = config->ops_listen,
        .ask_ready = server_metrics_ready,
        .print = server_metrics_print,
        .context = &parts->metrics,
        .clock = clock_system(),
    };
    return ops_port_start(&options, &parts->ops, failure);
}

static const char *none_if_empty(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static enum status start_rpc(const struct server_config *config, struct parts *parts,
                             struct failure *failure)
{
    struct rpc_lane_kind lanes[SERVICE_LANE_COUNT] = {
        [SERVICE_LANE_WRITE] = {.name = "write",
                                .threads = (size_t)config->write_lanes,
                                .open = shop_lane_open_write,
                                .idle = shop_lane_idle},
        [SERVICE_LANE_READ] = {.name = "read",
                               .threads = (size_t)config->read_lanes,
                               .open = shop_lane_open_read},
        [SERVICE_LANE_BULK] = {.name = "bulk",
                               .threads = (size_t)config->bulk_lanes,
                               .open = shop_lane_open_read},
    };
    for (size_t i = 0; i < SERVICE_LANE_COUNT; i++) {
        lanes[i].queue_max = (size_t)config->queue_max;
        lanes[i].batch_max = (size_t)config->batch_max;
        lanes[i].batch_bytes_max = BATCH_BYTES_MAX;
        lanes[i].close = shop_lane_close;
        lanes[i].context = &parts->lanes;
    }
    lanes[SERVICE_LANE_WRITE].pace = WRITE_PACE;
    struct rpc_server_options options = {
        .endpoints = config->endpoints,
        .endpoint_count = config->endpoint_count,
        .server_id = config->server_id,
        .error_domain = ERROR_DOMAIN,
        .allow_plain_tcp = config->allow_plain_tcp,
        .max_inflight = (size_t)config->inflight_max,
        .lanes = lanes,
        .lane_count = SERVICE_LANE_COUNT,
        .program = "order-server",
        .version = ORDER_VERSION,
        .contracts = bytes_of(CONTRACTS, sizeof CONTRACTS - 1),
        .clock = clock_system(),
        .security = {.ipc_mode = config->ipc_mode,
                     .tls_cert_file = none_if_empty(config->tls_cert_file),
                     .tls_ca_file = none_if_empty(config->tls_ca_file),
                     .authorize = parts->policy != NULL ? policy_authorize : NULL,
                     .context = parts->policy},
        .on_access = access_log_write,
        .access_context = &parts->access,
        .access_all = log_is_on(LOG_DEBUG),
    };
    parts->access.clock = options.clock;
    options.services = services_table(&options.service_count);
    return rpc_server_start(&options, &parts->rpc, failure);
}

/* New calls are refused first, so that health checkers and clients turn away; what is inside gets
 * its answer; the relay goes on until then. */
static void stop(const struct server_config *config, struct parts *parts)
{
    if (parts->rpc != NULL) {
        rpc_server_set_serving(parts->rpc, false);
        rpc_server_drain(parts->rpc, config->drain_timeout_ms);
    }
    persist_waiter_stop(parts->lanes.waiter);
    stock_opener_stop(&parts->opener);
    relay_stop(&parts->auditor);
    relay_stop(&parts->expiry);
    relay_stop(&parts->relay);
    ops_port_stop(&parts->ops);
    rpc_server_stop(&parts->rpc);
    persist_waiter_destroy(&parts->lanes.waiter);
    policy_destroy(&parts->policy);
}

static void on_stock(void *context, bool is_open)
{
    rpc_server_set_serving(context, is_open && !stop_requested());
}
