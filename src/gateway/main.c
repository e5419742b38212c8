/* order-gateway: HTTP for everyone outside - Connect and JSON - in front of an order-server. */
#include "base/log.h"
#include "base/program.h"
#include "base/stop.h"
#include "gateway/order_gateway.h"

static enum status load(void *config, int argc, char *const *argv, struct failure *failure)
{
    return gateway_config_load(config, argc, argv, failure);
}

static void print(const void *config, FILE *out)
{
    gateway_config_print(config, out);
}

static enum log_level level(const void *config)
{
    return ((const struct gateway_config *)config)->log;
}

static int run(const void *state)
{
    const struct gateway_config *config = state;
    struct order_gateway *gateway;
    struct failure failure;
    if (order_gateway_start(config, &gateway, &failure) != STATUS_OK) {
        log_line(LOG_ERROR, "not started", "reason", failure.reason, "message", failure.message,
                 NULL);
        return PROGRAM_EXIT_FAILED;
    }
    log_line(LOG_INFO, "listening", "listen", config->listen, "port",
             LOG_INT(order_gateway_port(gateway)), "operations_port",
             LOG_INT(order_gateway_operations_port(gateway)), "endpoint", config->endpoint, "tls",
             config->tls_certificate_file[0] != '\0' ? "yes" : "no", "keys",
             config->keys_file[0] != '\0' ? config->keys_file : NULL, "jwks",
             config->jwks_file[0] != '\0' ? config->jwks_file : NULL, NULL);
    (void)stop_wait(-1);
    log_line(LOG_INFO, "stopping", NULL);
    order_gateway_stop(&gateway);
    log_line(LOG_INFO, "stopped", NULL);
    return 0;
}

int main(int argc, char **argv)
{
    static struct gateway_config config;
    static const struct program program = {
        .name = "order-gateway",
        .purpose =
            "Serves the contracts over HTTP: the Connect protocol and REST, JSON or protobuf.",
        .config = &config,
        .load = load,
        .help = gateway_config_help,
        .print = print,
        .log_level = level,
        .run = run,
    };
    return program_main(&program, argc, argv);
}
