/* order-worker: settings -> lanes -> wait for a stop -> finish the batches and leave. */
#include <stdlib.h>

#include "base/log.h"
#include "base/program.h"
#include "base/stop.h"
#include "worker/worker_lane.h"

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

static int run(const void *state)
{
    const struct worker_config *config = state;
    struct worker_lane *lanes[64] = {0}; /* the table's most */
    bool good = true;
    log_line(LOG_INFO, "starting", "lanes", LOG_INT(config->lanes), "queue", config->queue, "shard",
             config->shard, "batch_events", LOG_INT(config->batch_events), "prefetch",
             LOG_INT(config->prefetch), NULL);
    for (int64_t i = 0; i < config->lanes && good; i++) {
        struct failure failure;
        lanes[i] = worker_lane_start(config, i, &failure);
        if (lanes[i] == NULL) {
            log_line(LOG_ERROR, "cannot start", "reason", failure.reason, "message",
                     failure.message, NULL);
            stop_request();
            good = false;
        }
    }
    (void)stop_wait(-1);
    for (int64_t i = 0; i < config->lanes; i++) {
        good = worker_lane_join(&lanes[i]) && good;
    }
    log_line(LOG_INFO, "stopped", NULL);
    return good ? EXIT_SUCCESS : PROGRAM_EXIT_FAILED;
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
