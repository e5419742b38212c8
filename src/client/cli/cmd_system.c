/* orderctl health, help, version. */
#include <grpc/health/v1/health.pb-c.h>
#include <string.h>

#include "client/cli/cells.h"
#include "client/cli/commands.h"
#include "client/cli/help.h"

static int ask_health(struct cli *cli, const void *values);
static int show_help(struct cli *cli, const void *values);
static int show_version(struct cli *cli, const void *values);

const struct cli_command COMMAND_HEALTH = {
    .name = "health",
    .arguments = "[SERVICE]",
    .summary = "Asks the server whether it serves; exit code 0 only if so.",
    .words_most = 1,
    .run = ask_health,
};

const struct cli_command COMMAND_HELP = {
    .name = "help",
    .arguments = "[COMMAND...]",
    .summary = "Explains a command, or all; `help exit-codes` the exit codes.",
    .words_most = 2,
    .run = show_help,
};

const struct cli_command COMMAND_VERSION = {
    .name = "version",
    .arguments = "",
    .summary = "Says which version this is.",
    .run = show_version,
};

static int ask_health(struct cli *cli, const void *values)
{
    (void)values;
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    request.service = cli_text(cli, cli->word_count == 0 ? NULL : cli->words[0]);
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, &grpc__health__v1__health__descriptor, "Check", &request.base, &response,
                 &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    const Grpc__Health__V1__HealthCheckResponse *health =
        (const Grpc__Health__V1__HealthCheckResponse *)response;
    bool serves =
        health->status == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    int code = CLI_OK;
    if (cli->globals.output == CLI_JSON) {
        code = cli_print_json(cli, response);
    } else {
        fprintf(cli->out, "%s\n",
                cell_enum(&cli->arena,
                          &grpc__health__v1__health_check_response__serving_status__descriptor,
                          (int)health->status));
    }
    return serves || code != CLI_OK ? code : CLI_UNAVAILABLE;
}

static int show_help(struct cli *cli, const void *values)
{
    (void)values;
    if (cli->word_count == 0) {
        help_program(cli->out);
        return CLI_OK;
    }
    if (strcmp(cli->words[0], "exit-codes") == 0) {
        help_exit_codes(cli->out);
        return CLI_OK;
    }
    const char *last = cli->words[cli->word_count - 1];
    const char *group = cli->word_count == 2 ? cli->words[0] : NULL;
    const struct cli_command *command = cli_find(group, last);
    if (command != NULL) {
        help_command(cli->out, command);
        return CLI_OK;
    }
    if (group == NULL && cli_is_group(last)) {
        help_group(cli->out, last);
        return CLI_OK;
    }
    return cli_usage(cli, "there is no command '%s%s%s'", group == NULL ? "" : group,
                     group == NULL ? "" : " ", last);
}

static int show_version(struct cli *cli, const void *values)
{
    (void)values;
    fprintf(cli->out, "orderctl %s\n", ORDER_VERSION);
    return CLI_OK;
}
