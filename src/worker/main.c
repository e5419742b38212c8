/* order-worker: settings -> lanes -> wait for a stop -> finish the batches and leave. */
#include <stdlib.h>

#include "base/log.h"
#include "base/program.h"
#include "base/stop.h"
#include "http/ops_port.h"
#include "worker/worker_config.h"
#include "worker/worker_metrics.h"

static enum status load(void *config, int argc, char *const *argv, struct failure *failure)
{
    return worker_config_load(argc, argv, config, failure);
}

static void print(const void *config, FILE *out)
{
    worker_config_print(config, out);
}

static enum log_level level(const void *config)
{
    return (enum log_level)log_level_parse(((const struct worker_config *)config)->log_level);
}

static bool start_threads(const struct worker_config *config, struct worker_metrics *metrics,
                          struct failure *failure)
{
    for (int64_t i = 0; i < config->lanes; i++) {
        metrics->lanes[i] = worker_lane_start(config, i, failure);
        if (metrics->lanes[i] == NULL) {
            return false;
        }
        metrics->count++;
    }
    metrics->teller = stock_teller_start(config, failure);
    return metrics->teller != NULL;
}

static int run(const void *state)
{
    const struct worker_config *config = state;
    struct worker_metrics metrics = {.count = 0};
    struct ops_port *ops = NULL;
    struct failure failure;
    log_line(LOG_INFO, "starting", "lanes", LOG_INT(config->lanes), "queue", config->broker.queue,
             "shard", config->shard, "batch_events", LOG_INT(config->batch_events), "prefetch",
             LOG_INT(config->prefetch), NULL);
    const struct ops_port_options options = {
        .listen = config->ops_listen,
        .ask_ready = worker_metrics_ready,
        .print = worker_metrics_print,
        .context = &metrics,
        .clock = clock_system(),
    };
    bool started =
        start_threads(config, &metrics, &failure) &&
        (config->ops_listen[0] == '\0' || ops_port_start(&options, &ops, &failure) == STATUS_OK);
    if (!started) {
        log_line(LOG_ERROR, "cannot start", "reason", failure.reason, "message", failure.message,
                 NULL);
        stop_request();
    }
    (void)stop_wait(-1);
    ops_port_stop(&ops);
    bool refused = false;
    for (size_t i = 0; i < metrics.count; i++) {
        refused = !worker_lane_join(&metrics.lanes[i]) || refused;
    }
    stock_teller_join(&metrics.teller);
    log_line(LOG_INFO, "stopped", NULL);
    if (refused) {
        return PROGRAM_EXIT_REFUSED;
    }
    return started ? EXIT_SUCCESS : PROGRAM_EXIT_FAILED;
}

int main(int argc, char **argv)
{
    static struct worker_config config;
    static const struct program program = {
        .name = "order-worker",
        .purpose = "Writes the events of the queue to PostgreSQL, each once.",
        .config = &config,
        .load = load,
        .help = worker_config_help,
        .print = print,
        .log_level = level,
        .run = run,
    };
    return program_main(&program, argc, argv);
}
