/* orderctl: finds the command, parses its options, runs it. See cli.h. */
#include "client/cli/cli.h"

#include <stdarg.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/help.h"

#define ENDPOINT_DEFAULT "tcp://127.0.0.1:7400"
#define ARENA_CHUNK      (64 * 1024)

static int run_line(struct cli *cli, int argc, char *const *argv, const char **words);
static int find_command(struct cli *cli, int argc, char *const *argv, int *at);
static int run_command(struct cli *cli, int argc, char *const *argv, int at, const char **words);
static int finish_output(struct cli *cli, int code);

int cli_run(const struct cli_environment *environment, int argc, char *const *argv)
{
    struct cli cli = {.environment = environment, .out = environment->out, .err = environment->err};
    struct arena arena;
    arena_init(&arena, ARENA_CHUNK, CLI_ARENA_BYTES);
    arena_init(&cli.arena, ARENA_CHUNK, CLI_ARENA_BYTES);
    const char **words = arena_calloc(&arena, (size_t)argc + 1, sizeof(*words));
    int code = words == NULL ? CLI_BROKEN : run_line(&cli, argc, argv, words);
    rpc_channel_close(&cli.channel);
    arena_fini(&cli.arena);
    arena_fini(&arena);
    return finish_output(&cli, code);
}

int cli_usage(struct cli *cli, const char *format, ...)
{
    char name[64] = "";
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    bool known = cli->command != NULL;
    fprintf(cli->err, "orderctl: %s\nSee: orderctl %s%s--help\n", message,
            known ? help_name(cli->command, name, sizeof(name)) : "", known ? " " : "");
    return CLI_USAGE;
}

/* Options of the program may stand before the command's words, too. */
static int run_line(struct cli *cli, int argc, char *const *argv, const char **words)
{
    struct option_table globals = {CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT, &cli->globals};
    const char *given = cli->environment->endpoint;
    options_default(&globals);
    cli->globals.endpoint = given == NULL || given[0] == '\0' ? ENDPOINT_DEFAULT : given;
    cli->globals.tls = cli->environment->tls;

    struct failure failure;
    struct option_words none = {.items = words};
    int at = 1;
    if (options_parse(&globals, 1, argc, argv, &at, true, &none, &failure) != STATUS_OK) {
        return cli_usage(cli, "%s", failure.message);
    }
    if (at == argc) {
        help_program(cli->globals.help ? cli->out : cli->err);
        return cli->globals.help ? CLI_OK : CLI_USAGE;
    }
    int code = find_command(cli, argc, argv, &at);
    return cli->command == NULL ? code : run_command(cli, argc, argv, at, words);
}

/* Sets cli->command, or returns what the program ends with. */
static int find_command(struct cli *cli, int argc, char *const *argv, int *at)
{
    const char *first = argv[(*at)++];
    if (!cli_is_group(first)) {
        cli->command = cli_find(NULL, first);
        return cli->command != NULL ? CLI_OK : cli_usage(cli, "there is no command '%s'", first);
    }
    struct option_table globals = {CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT, &cli->globals};
    struct option_words none = {.items = NULL};
    struct failure failure;
    if (options_parse(&globals, 1, argc, argv, at, true, &none, &failure) != STATUS_OK) {
        return cli_usage(cli, "%s", failure.message);
    }
    if (*at == argc) {
        help_group(cli->globals.help ? cli->out : cli->err, first);
        return cli->globals.help ? CLI_OK : CLI_USAGE;
    }
    const char *second = argv[(*at)++];
    cli->command = cli_find(first, second);
    return cli->command != NULL ? CLI_OK
                                : cli_usage(cli, "there is no command '%s %s'", first, second);
}

static int run_command(struct cli *cli, int argc, char *const *argv, int at, const char **words)
{
    const struct cli_command *command = cli->command;
    _Alignas(max_align_t) char values[CLI_VALUES_BYTES_MAX] = {0};
    struct option_table tables[OPTIONS_TABLES_MAX] = {
        {CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT, &cli->globals},
        {command->options, command->option_count, values},
    };
    struct option_words found = {.items = words};
    struct failure failure;
    options_default(&tables[1]);
    enum status status =
        options_parse(tables, OPTIONS_TABLES_MAX, argc, argv, &at, false, &found, &failure);
    if (cli->globals.help) {
        help_command(cli->out, command);
        return CLI_OK;
    }
    if (status != STATUS_OK || options_check_required(&tables[1], &failure) != STATUS_OK) {
        return cli_usage(cli, "%s", failure.message);
    }
    if (found.count < command->words_least) {
        return cli_usage(cli, "%s is missing", command->arguments);
    }
    if (found.count > command->words_most) {
        return cli_usage(cli, "'%s' is one argument too many", words[command->words_most]);
    }
    cli->words = words;
    cli->word_count = found.count;
    return command->run(cli, values);
}

/* A full disk must not look like success. */
static int finish_output(struct cli *cli, int code)
{
    bool failed = fflush(cli->out) != 0 || ferror(cli->out) != 0;
    fflush(cli->err);
    if (failed && code == CLI_OK) {
        fputs("orderctl: the output could not be written\n", cli->err);
        return CLI_BROKEN;
    }
    return code;
}
