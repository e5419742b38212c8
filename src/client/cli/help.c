/* Help: see help.h. */
#include "client/cli/help.h"

#include <stddef.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/table.h"

const struct option CLI_GLOBAL_OPTIONS[] = {
    {.name = "endpoint",
     .letter = 'e',
     .type = OPTION_TEXT,
     .offset = offsetof(struct cli_globals, endpoint),
     .value = "URL",
     .help = "where the server listens: tcp://HOST:PORT, tls+tcp://HOST:PORT or ipc://PATH; "
             "several, comma separated, share the calls (default $ORDER_ENDPOINT, else "
             "tcp://127.0.0.1:7400)"},
    {.name = "tls-ca",
     .type = OPTION_TEXT,
     .offset = offsetof(struct cli_globals, tls.ca_file),
     .value = "FILE",
     .help = "for tls+tcp: PEM with who signs servers' certificates (default $ORDER_TLS_CA_FILE)"},
    {.name = "tls-cert",
     .type = OPTION_TEXT,
     .offset = offsetof(struct cli_globals, tls.cert_file),
     .value = "FILE",
     .help = "for tls+tcp: PEM with the certificate to show and its key (default "
             "$ORDER_TLS_CERT_FILE)"},
    {.name = "tls-server-name",
     .type = OPTION_TEXT,
     .offset = offsetof(struct cli_globals, tls.server_name),
     .value = "NAME",
     .help = "the name in the server's certificate (default $ORDER_TLS_SERVER_NAME, else the "
             "endpoint's host)"},
    {.name = "timeout",
     .type = OPTION_DURATION,
     .offset = offsetof(struct cli_globals, timeout_ms),
     .value = "TIME",
     .fallback = "5s",
     .least = 1,
     .most = 30000,
     .help = "how long a call may take, such as 500ms or 2s (default 5s)"},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_CHOICE,
     .offset = offsetof(struct cli_globals, output),
     .value = "table|json",
     .fallback = "table",
     .help = "for people or for programs (proto3 JSON)"},
    {.name = "help",
     .letter = 'h',
     .type = OPTION_FLAG,
     .offset = offsetof(struct cli_globals, help),
     .help = "what you are reading"},
};
const size_t CLI_GLOBAL_OPTION_COUNT = sizeof(CLI_GLOBAL_OPTIONS) / sizeof(CLI_GLOBAL_OPTIONS[0]);

static const struct table_column PAIR[] = {{NULL, TABLE_LEFT}, {NULL, TABLE_LEFT}};

static void list_commands(FILE *out, const char *group);
static void list_options(FILE *out, const struct option *options, size_t count);
static void name_option(const struct option *option, char *out, size_t room);

void help_program(FILE *out)
{
    fputs("orderctl: the order system from the command line\n\n"
          "usage: orderctl COMMAND [ARGUMENT...] [OPTION...]\n\ncommands:\n",
          out);
    list_commands(out, NULL);
    fputs("\noptions of every command:\n", out);
    list_options(out, CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT);
    fputs("\n`orderctl COMMAND --help` says more; `orderctl help exit-codes` what scripts can "
          "rely on.\n",
          out);
}

void help_group(FILE *out, const char *group)
{
    fprintf(out, "usage: orderctl %s COMMAND [ARGUMENT...] [OPTION...]\n\ncommands:\n", group);
    list_commands(out, group);
}

void help_command(FILE *out, const struct cli_command *command)
{
    char name[64];
    fprintf(out, "usage: orderctl %s", help_name(command, name, sizeof(name)));
    for (size_t i = 0; i < command->option_count; i++) {
        if (command->options[i].required) {
            fprintf(out, " --%s %s", command->options[i].name, command->options[i].value);
        }
    }
    fprintf(out, "%s%s [OPTION...]\n\n%s\n", command->arguments[0] == '\0' ? "" : " ",
            command->arguments, command->summary);
    if (command->details != NULL) {
        fprintf(out, "\n%s\n", command->details);
    }
    if (command->option_count > 0) {
        fputs("\noptions:\n", out);
        list_options(out, command->options, command->option_count);
    }
    fputs("\noptions of every command:\n", out);
    list_options(out, CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT);
}

void help_exit_codes(FILE *out)
{
    fprintf(out,
            "exit codes:\n"
            "  %-3d  done\n"
            "  %-3d  the server refused: not found, out of stock, invalid, already there, ...\n"
            "  %-3d  the command line or the input file is wrong; nothing was sent\n"
            "  %-3d  no answer in time, or none at all; trying again may help (with the same\n"
            "       --request-id where something was to be changed: it may have been done)\n"
            "  %-3d  import: some rows were not done; the report says which and why\n"
            "  %-3d  an error inside the server or orderctl, or the output could not be written\n"
            "  %-3d  interrupted\n",
            CLI_OK, CLI_REFUSED, CLI_USAGE, CLI_UNAVAILABLE, CLI_PARTIAL, CLI_BROKEN,
            CLI_INTERRUPTED);
}

const char *help_name(const struct cli_command *command, char *out, size_t room)
{
    snprintf(out, room, "%s%s%s", command->group == NULL ? "" : command->group,
             command->group == NULL ? "" : " ", command->name);
    return out;
}

/* All of a group, or all. */
static void list_commands(FILE *out, const char *group)
{
    struct table table;
    table_init(&table, out, PAIR, 2);
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        const struct cli_command *command = CLI_COMMANDS[i];
        if (group != NULL && (command->group == NULL || strcmp(command->group, group) != 0)) {
            continue;
        }
        char name[64];
        char usage[160];
        snprintf(usage, sizeof(usage), "  %s %s", help_name(command, name, sizeof(name)),
                 command->arguments);
        table_row(&table, (const char *const[]){usage, command->summary});
    }
    table_fini(&table);
}

static void list_options(FILE *out, const struct option *options, size_t count)
{
    struct table table;
    table_init(&table, out, PAIR, 2);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        name_option(&options[i], name, sizeof(name));
        table_row(&table, (const char *const[]){name, options[i].help});
    }
    table_fini(&table);
}

static void name_option(const struct option *option, char *out, size_t room)
{
    char letter[8] = "";
    if (option->letter != '\0') {
        snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    }
    snprintf(out, room, "  %s--%s%s%s", letter, option->name, option->value == NULL ? "" : " ",
             option->value == NULL ? "" : option->value);
}
