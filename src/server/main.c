/* order-server: takes orders over nng, decides them in Redis, makes them durable in RabbitMQ. */
#include "base/log.h"
#include "base/program.h"
#include "server/order_server.h"

static enum status load(void *config, int argc, char *const *argv, struct failure *failure)
{
    return server_config_load(config, argc, argv, failure);
}

static void print(const void *config, FILE *out)
{
    server_config_print(config, out);
}

static enum log_level level(const void *config)
{
    return ((const struct server_config *)config)->log;
}

static int run(const void *config)
{
    struct failure failure;
    bool refused;
    if (order_server_run(config, &refused, &failure) != STATUS_OK) {
        log_line(LOG_ERROR, refused ? "refused" : "not started", "reason", failure.reason,
                 "message", failure.message, NULL);
        return refused ? PROGRAM_EXIT_REFUSED : PROGRAM_EXIT_FAILED;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct server_config config;
    static const struct program program = {
        .name = "order-server",
        .purpose = "Takes orders: decides them in Redis, makes them durable in RabbitMQ, answers.",
        .config = &config,
        .load = load,
        .help = server_config_help,
        .print = print,
        .log_level = level,
        .run = run,
    };
    return program_main(&program, argc, argv);
}
