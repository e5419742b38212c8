/* order-gateway: HTTP for everyone outside - Connect and JSON - in front of an order-server. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/stop.h"
#include "gateway/order_gateway.h"

#define EXIT_USAGE 2 /* settings that cannot be used; 1 is a start that failed */

static void print_help(void)
{
    (void)printf("Usage: order-gateway [--key=value]...\n"
                 "\n"
                 "Serves the contracts over HTTP: the Connect protocol, JSON or protobuf.\n"
                 "SIGTERM drains and ends it; a second one ends it at once.\n"
                 "\n"
                 "  --help  --version  --print-config\n"
                 "\n"
                 "Settings, from the environment or the command line:\n");
    gateway_config_help(stdout);
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

static int run(const struct gateway_config *config)
{
    struct order_gateway *gateway;
    struct failure failure;
    if (order_gateway_start(config, &gateway, &failure) != STATUS_OK) {
        log_line(LOG_ERROR, "not started", "reason", failure.reason, "message", failure.message,
                 NULL);
        return 1;
    }
    log_line(LOG_INFO, "listening", "listen", config->listen, "port",
             LOG_INT(order_gateway_port(gateway)), "operations_port",
             LOG_INT(order_gateway_operations_port(gateway)), "endpoint", config->endpoint, "tls",
             config->tls_certificate_file[0] != '\0' ? "yes" : "no", "keys",
             config->keys_file[0] != '\0' ? config->keys_file : NULL, NULL);
    (void)stop_wait(-1);
    log_line(LOG_INFO, "stopping", NULL);
    order_gateway_stop(&gateway);
    log_line(LOG_INFO, "stopped", NULL);
    return 0;
}

int main(int argc, char **argv)
{
    if (take_flag(&argc, argv, "--help") || take_flag(&argc, argv, "-h")) {
        print_help();
        return 0;
    }
    if (take_flag(&argc, argv, "--version")) {
        (void)printf("order-gateway %s\n", ORDER_VERSION);
        return 0;
    }
    int print_config = take_flag(&argc, argv, "--print-config");
    static struct gateway_config config;
    struct failure failure;
    if (gateway_config_load(&config, argc, argv, &failure) != STATUS_OK) {
        (void)fprintf(stderr, "order-gateway: %s\n", failure.message);
        return EXIT_USAGE;
    }
    if (print_config) {
        gateway_config_print(&config, stdout);
        return 0;
    }
    log_init("order-gateway", config.log);
    if (!stop_init()) {
        (void)fprintf(stderr, "order-gateway: the system does not let it handle signals\n");
        return 1;
    }
    return run(&config);
}
