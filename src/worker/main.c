/* order-worker: settings -> lanes -> wait for a stop -> finish the batches and leave. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/stop.h"
#include "worker/worker_lane.h"

#define EXIT_REFUSED 1 /* could not start, or RabbitMQ refuses for good */
#define EXIT_USAGE   2

static int say(const char *what, const struct worker_config *config);
static int run(const struct worker_config *config);

int main(int argc, char **argv)
{
    struct worker_config config;
    struct failure failure;
    const char *what = argc == 2 ? argv[1] : "";
    bool asked = strcmp(what, "--help") == 0 || strcmp(what, "--print-config") == 0;
    if (worker_config_load(asked ? 1 : argc, argv, &config, &failure) != STATUS_OK) {
        (void)fprintf(stderr, "order-worker: %s\n", failure.message);
        return EXIT_USAGE;
    }
    if (asked) {
        return say(what, &config);
    }
    log_init("order-worker", (enum log_level)log_level_parse(config.log_level));
    if (!stop_init()) {
        log_line(LOG_ERROR, "cannot start: no threads or signals", NULL);
        return EXIT_REFUSED;
    }
    return run(&config);
}

static int say(const char *what, const struct worker_config *config)
{
    if (strcmp(what, "--help") == 0) {
        (void)puts("order-worker: writes the events of the queue to PostgreSQL, each once.\n"
                   "Stops on SIGTERM after the batch under way. Settings:\n");
        worker_config_help(stdout);
    } else {
        worker_config_print(config, stdout);
    }
    return EXIT_SUCCESS;
}

static int run(const struct worker_config *config)
{
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
    return good ? EXIT_SUCCESS : EXIT_REFUSED;
}
