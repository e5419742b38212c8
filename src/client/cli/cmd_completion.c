/* orderctl completion: scripts for bash and zsh, made from the table of commands, so that they know
 * what this orderctl knows. */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/help.h"

static int print_completion(struct cli *cli, const void *values);
static void print_bash(FILE *out);
static void print_zsh(FILE *out);
static void put_valued(FILE *out);
static void put_tables(FILE *out);

const struct cli_command COMMAND_COMPLETION = {
    .name = "completion",
    .arguments = "bash|zsh",
    .summary = "Prints a script that completes commands and options in a shell.",
    .details = "  source <(orderctl completion bash)          # in ~/.bashrc\n"
               "  source <(orderctl completion zsh)           # in ~/.zshrc, after compinit",
    .words_least = 1,
    .words_most = 1,
    .run = print_completion,
};

static int print_completion(struct cli *cli, const void *values)
{
    (void)values;
    if (strcmp(cli->words[0], "bash") == 0) {
        print_bash(cli->out);
        return CLI_OK;
    }
    if (strcmp(cli->words[0], "zsh") == 0) {
        print_zsh(cli->out);
        return CLI_OK;
    }
    return cli_usage(cli, "'%s' is neither bash nor zsh", cli->words[0]);
}

/* ---- what both say of the commands ---- */

typedef void put_option(FILE *out, const struct cli_command *command, const struct option *option);

/* Calls `each` for the options of the program (command NULL) and of every command. */
static void each_option(FILE *out, put_option *each)
{
    for (size_t i = 0; i < CLI_GLOBAL_OPTION_COUNT; i++) {
        each(out, NULL, &CLI_GLOBAL_OPTIONS[i]);
    }
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        for (size_t at = 0; at < CLI_COMMANDS[i]->option_count; at++) {
            each(out, CLI_COMMANDS[i], &CLI_COMMANDS[i]->options[at]);
        }
    }
}

static void put_pattern(FILE *out, const struct option *option)
{
    fprintf(out, "--%s", option->name);
    if (option->letter != '\0') {
        fprintf(out, "|-%c", option->letter);
    }
}

static void put_if_valued(FILE *out, const struct cli_command *command, const struct option *option)
{
    (void)command;
    if (option->type != OPTION_FLAG) {
        fputc('|', out);
        put_pattern(out, option);
    }
}

static void put_if_file(FILE *out, const struct cli_command *command, const struct option *option)
{
    if (option->value != NULL && strcmp(option->value, "FILE") == 0) {
        put_if_valued(out, command, option);
    }
}

/* "-e|--endpoint|...": those that take a value. Some names stand there more than once. */
static void put_valued(FILE *out)
{
    fputs("--", out); /* ends the options */
    each_option(out, put_if_valued);
}

static void put_files(FILE *out)
{
    fputs("--", out);
    each_option(out, put_if_file);
}

static void put_words(FILE *out, const char *choices)
{
    for (; *choices != '\0'; choices++) {
        fputc(*choices == '|' ? ' ' : *choices, out);
    }
}

/* A pattern of "$first $second": what stands behind a command of one word is any, and so is the
 * command of an option that all have (NULL). */
static void put_command(FILE *out, const struct cli_command *command)
{
    char name[64];
    if (command == NULL) {
        fputc('*', out);
        return;
    }
    fprintf(out, "'%s%s'%s", help_name(command, name, sizeof name),
            command->group == NULL ? " " : "", command->group == NULL ? "*" : "");
}

/* A case of "$first $second $previous": commands may give one name to different options. */
static void put_choice(FILE *out, const struct cli_command *command, const struct option *option,
                       const char *before, const char *after)
{
    if (option->type == OPTION_CHOICE) {
        fputs("    ", out);
        put_command(out, command);
        fprintf(out, "' --%s'", option->name);
        if (option->letter != '\0') {
            fputc('|', out);
            put_command(out, command);
            fprintf(out, "' -%c'", option->letter);
        }
        fputs(before, out);
        put_words(out, option->value);
        fputs(after, out);
    }
}

static void put_option_names(FILE *out, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(out, " --%s", options[i].name);
    }
}

/* A case for each command that has options. */
static void put_command_options(FILE *out)
{
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        const struct cli_command *command = CLI_COMMANDS[i];
        if (command->option_count > 0) {
            fputs("    ", out);
            put_command(out, command);
            fputs(") options=(", out);
            put_option_names(out, command->options, command->option_count);
            fputs(") ;;\n", out);
        }
    }
}

static bool is_first_of_group(size_t index)
{
    const char *group = CLI_COMMANDS[index]->group;
    for (size_t i = 0; group != NULL && i < index; i++) {
        if (CLI_COMMANDS[i]->group != NULL && strcmp(CLI_COMMANDS[i]->group, group) == 0) {
            return false;
        }
    }
    return true;
}

static void put_first_words(FILE *out)
{
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        if (is_first_of_group(i)) {
            const struct cli_command *command = CLI_COMMANDS[i];
            fprintf(out, " %s", command->group != NULL ? command->group : command->name);
        }
    }
}

/* A case for each group: the names of its commands. */
static void put_groups(FILE *out)
{
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        const char *group = CLI_COMMANDS[i]->group;
        if (group == NULL || !is_first_of_group(i)) {
            continue;
        }
        fprintf(out, "    '%s ') candidates=(", group);
        for (size_t at = i; at < CLI_COMMAND_COUNT; at++) {
            if (CLI_COMMANDS[at]->group != NULL && strcmp(CLI_COMMANDS[at]->group, group) == 0) {
                fprintf(out, " %s", CLI_COMMANDS[at]->name);
            }
        }
        fputs(") ;;\n", out);
    }
    fputs("    ' ') candidates=(", out);
    put_first_words(out);
    fputs(") ;;\n    'help ') candidates=(exit-codes", out);
    put_first_words(out);
    fputs(") ;;\n    'completion ') candidates=(bash zsh) ;;\n", out);
}

/* A case of the commands whose words are files. */
static void put_file_commands(FILE *out)
{
    fputs("    case \"$first $second\" in\n    --", out);
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        if (strncmp(CLI_COMMANDS[i]->arguments, "FILE", 4) == 0) {
            fputc('|', out);
            put_command(out, CLI_COMMANDS[i]);
        }
    }
    fputs(") files=1 ;;\n    esac\n", out);
}

static void put_tables(FILE *out)
{
    fputs("    case \"$first $second\" in\n", out);
    put_command_options(out);
    fputs("    esac\n    options+=(", out);
    put_option_names(out, CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT);
    fputs(")\n    case \"$first $second\" in\n", out);
    put_groups(out);
    fputs("    esac\n", out);
    put_file_commands(out);
}

/* ---- the two shells ---- */

static void put_bash_choice(FILE *out, const struct cli_command *command,
                            const struct option *option)
{
    put_choice(out, command, option, ") mapfile -t COMPREPLY < <(compgen -W '",
               "' -- \"$current\"); return ;;\n");
}

static void put_zsh_choice(FILE *out, const struct cli_command *command,
                           const struct option *option)
{
    put_choice(out, command, option, ") candidates=(", "); compadd -a candidates; return ;;\n");
}

/* bash takes `--name=value` apart into three words. */
static void print_bash(FILE *out)
{
    fputs("# bash completion of orderctl: source <(orderctl completion bash)\n"
          "_orderctl() {\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local first='' second='' files='' word i\n"
          "    COMPREPLY=()\n"
          "    local -a options=() candidates=()\n"
          "    if [[ $current == '=' ]]; then current=''; fi\n"
          "    if [[ $previous == '=' ]]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        word=${COMP_WORDS[i]}\n"
          "        case $word in\n"
          "        ",
          out);
    put_valued(out);
    fputs(") if [[ ${COMP_WORDS[i + 1]} == '=' ]]; then ((i += 2)); else ((i++)); fi ;;\n"
          "        -*|=) ;;\n"
          "        *) if [[ -z $first ]]; then first=$word; elif [[ -z $second ]]; then "
          "second=$word; fi ;;\n"
          "        esac\n"
          "    done\n"
          "    case \"$first $second $previous\" in\n",
          out);
    each_option(out, put_bash_choice);
    fputs("    esac\n"
          "    case $previous in\n"
          "    ",
          out);
    put_files(out);
    fputs(") mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return ;;\n"
          "    ",
          out);
    put_valued(out);
    fputs(") return ;;\n"
          "    esac\n",
          out);
    put_tables(out);
    fputs("    if [[ $current == -* ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"${options[*]}\" -- \"$current\")\n"
          "    elif ((${#candidates[@]} > 0)); then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"${candidates[*]}\" -- \"$current\")\n"
          "    elif [[ -n $files ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
          "    fi\n"
          "}\n"
          "complete -F _orderctl orderctl\n",
          out);
}

static void print_zsh(FILE *out)
{
    fputs("#compdef orderctl\n"
          "# zsh completion of orderctl: source <(orderctl completion zsh), after compinit\n"
          "_orderctl() {\n"
          "    local first='' second='' files='' word previous=${words[CURRENT-1]}\n"
          "    local -a options candidates\n"
          "    integer i\n"
          "    if [[ $PREFIX == --*=* ]]; then previous=${PREFIX%%=*}; compset -P '*='; fi\n"
          "    for ((i = 2; i < CURRENT; i++)); do\n"
          "        word=${words[i]}\n"
          "        case $word in\n"
          "        (",
          out);
    put_valued(out);
    fputs(") ((i++)) ;;\n"
          "        (-*) ;;\n"
          "        (*) if [[ -z $first ]]; then first=$word; elif [[ -z $second ]]; then "
          "second=$word; fi ;;\n"
          "        esac\n"
          "    done\n"
          "    case \"$first $second $previous\" in\n",
          out);
    each_option(out, put_zsh_choice);
    fputs("    esac\n"
          "    case $previous in\n"
          "    ",
          out);
    put_files(out);
    fputs(") _files; return ;;\n"
          "    ",
          out);
    put_valued(out);
    fputs(") return ;;\n"
          "    esac\n",
          out);
    put_tables(out);
    fputs("    if [[ $PREFIX == -* ]]; then\n"
          "        compadd -a options\n"
          "    elif ((${#candidates} > 0)); then\n"
          "        compadd -a candidates\n"
          "    elif [[ -n $files ]]; then\n"
          "        _files\n"
          "    fi\n"
          "}\n"
          "if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then\n"
          "    _orderctl \"$@\"\n"
          "else\n"
          "    compdef _orderctl orderctl\n"
          "fi\n",
          out);
}
