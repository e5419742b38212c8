/* order-server: takes orders over nng, decides them in Redis, makes them durable in RabbitMQ. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/stop.h"
#include "server/order_server.h"

#define EXIT_USAGE 2 /* settings that cannot be used; 1 is a start that failed */

static void print_help(void)
{
    (void)printf("Usage: order-server [--key=value]...\n"
                 "\n"
                 "Takes orders: decides them in Redis, makes them durable in RabbitMQ, answers.\n"
                 "SIGTERM drains and ends it; a second one ends it at once.\n"
                 "\n"
                 "  --help  --version  --print-config\n"
                 "\n"
                 "Settings, from the environment or the command line:\n");
    server_config_help(stdout);
}

/* Takes the flag out of argv. */
static int take_flag(int *argc, char **argv, const char *flag)
{
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], flag) == 0) {
            for (int j = i; j < *argc; j++) {
                argv[j] = argv[j + 1];
            }
            (*argc)--;
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (take_flag(&argc, argv, "--help") || take_flag(&argc, argv, "-h")) {
        print_help();
        return 0;
    }
    if (take_flag(&argc, argv, "--version")) {
        (void)printf("order-server %s\n", ORDER_VERSION);
        return 0;
    }
    int print_config = take_flag(&argc, argv, "--print-config");
    static struct server_config config;
    struct failure failure;
    if (server_config_load(&config, argc, argv, &failure) != STATUS_OK) {
        (void)fprintf(stderr, "order-server: %s\n", failure.message);
        return EXIT_USAGE;
    }
    if (print_config) {
        server_config_print(&config, stdout);
        return 0;
    }
    log_init("order-server", config.log);
    if (!stop_init()) {
        (void)fprintf(stderr, "order-server: the system does not let it handle signals\n");
        return 1;
    }
    if (order_server_run(&config, &failure) != STATUS_OK) {
        log_line(LOG_ERROR, "not started", "reason", failure.reason, "message", failure.message,
                 NULL);
        return 1;
    }
    return 0;
}
