/* orderctl: the order system from the command line. Nothing here but the process around it. */
#include <stdlib.h>
#include <unistd.h>

#include "base/stop.h"
#include "client/cli/cli.h"

int main(int argc, char **argv)
{
    const struct cli_environment environment = {
        .endpoint = getenv("ORDER_ENDPOINT"),
        .rabbitmq_url = getenv("RABBITMQ_URL"),
        .keys_file = getenv("ORDER_GATEWAY_KEYS"),
        .tls = {.ca_file = getenv("ORDER_TLS_CA_FILE"),
                .cert_file = getenv("ORDER_TLS_CERT_FILE"),
                .server_name = getenv("ORDER_TLS_SERVER_NAME")},
        .in = stdin,
        .out = stdout,
        .err = stderr,
        .out_is_terminal = isatty(STDOUT_FILENO) == 1,
        .err_is_terminal = isatty(STDERR_FILENO) == 1,
        .clock = clock_system(),
        .stop_init = stop_init,
    };
    return cli_run(&environment, argc, argv);
}
