/* orderctl completion, run by the real shells: what they would offer for a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "client/cli/commands.h"
#include "run_orderctl.h"
#include "tests/cmocka_all.h"

#define BASH                                                                               \
    "bash --norc -c 'set -u; source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); " \
    "_orderctl; for c in \"${COMPREPLY[@]}\"; do printf \"%s \" \"$c\"; done' "
/* What zsh offers is what it hands to compadd, narrowed by what stands there; files are its own. */
#define ZSH                                                                                     \
    "zsh -f -c 'compdef() { : }; _files() { print -n \"FILES \" }; "                            \
    "compset() { PREFIX=${PREFIX#*=} }; "                                                       \
    "compadd() { local c; for c in ${(P)2}; do [[ $c == ${PREFIX}* ]] && print -n -- \"$c \"; " \
    "done; true }; source \"$0\"; words=(\"$@\"); CURRENT=$#; PREFIX=${words[-1]}; _orderctl' "

static char paths[2][64]; /* of the two scripts */

static int make_scripts(void **state)
{
    (void)state;
    static const char *const lines[] = {"completion bash", "completion zsh"};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "/tmp/test-completion-%d-%zu", (int)getpid(), i);
        struct run run = run_orderctl("ipc:///nowhere", lines[i]);
        assert_int_equal(run.code, CLI_OK);
        assert_string_equal(run.err, "");
        FILE *file = fopen(paths[i], "w");
        assert_non_null(file);
        (void)fputs(run.out, file);
        (void)fclose(file);
        run_free(&run);
    }
    return 0;
}

static int remove_scripts(void **state)
{
    (void)state;
    (void)unlink(paths[0]);
    (void)unlink(paths[1]);
    return 0;
}

/* What the shell offers behind these words; the last one is the one being written. */
static const char *complete(size_t shell, const char *words)
{
    static char offered[16 * 1024];
    char command[2048];
    (void)snprintf(command, sizeof command, "%s%s %s 2>&1", shell == 0 ? BASH : ZSH, paths[shell],
                   words);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t size = fread(offered, 1, sizeof offered - 1, pipe);
    offered[size] = '\0';
    assert_int_equal(pclose(pipe), 0);
    return offered;
}

static void expect(const char *words, const char *offered)
{
    for (size_t shell = 0; shell < 2; shell++) {
        assert_string_equal(complete(shell, words), offered);
    }
}

static void expect_part(const char *words, const char *part)
{
    for (size_t shell = 0; shell < 2; shell++) {
        if (strstr(complete(shell, words), part) == NULL) {
            fail_msg("shell %zu offers no '%s' for %s but: %s", shell, part, words,
                     complete(shell, words));
        }
    }
}

static void completes_commands(void **state)
{
    (void)state;
    expect("orderctl or", "order ");
    expect("orderctl order cre", "create ");
    expect("orderctl -e ipc:///x --timeout 2s order conf", "confirm ");
    expect("orderctl completion ''", "bash zsh ");
    expect_part("orderctl ''", "product ");
    expect_part("orderctl help ex", "exit-codes ");
}

static void completes_options_of_the_command(void **state)
{
    (void)state;
    expect("orderctl order create --cust", "--customer ");
    expect("orderctl order create --customer anna tea=1 --conf", "--confirm ");
    expect("orderctl order cancel --write", "--write-off ");
    expect("orderctl order get --write", "");
    expect("orderctl health --end", "--endpoint ");
    expect("orderctl stats --out", "--output ");
}

static void completes_values_that_are_known(void **state)
{
    (void)state;
    expect("orderctl order list -o ''", "table json ");
    expect("orderctl order list --output j", "json ");
    expect("orderctl order create --wait-for p", "persisted ");
    expect("orderctl dead-letters list --state u", "undecided ");
    expect("orderctl order list --state ''", ""); /* the same name, but no choice */
    expect("orderctl events tail --limit ''", "");
    /* bash takes --name=value apart. */
    assert_string_equal(complete(0, "orderctl order create --wait-for = p"), "persisted ");
    assert_string_equal(complete(0, "orderctl --endpoint = ipc order cre"), "create ");
    assert_string_equal(complete(1, "orderctl order create --wait-for=p"), "persisted ");
    assert_string_equal(complete(1, "orderctl order create --file=x"), "FILES ");
    assert_string_equal(complete(1, "orderctl order list --customer=x"), "");
}

static void completes_files_only_where_one_is_meant(void **state)
{
    (void)state;
    static const char *const lines[] = {"orderctl import orders ", "orderctl export orders ",
                                        "orderctl order create --file "};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char words[160], offered[80];
        (void)snprintf(words, sizeof words, "%s%s", lines[i], paths[0]);
        (void)snprintf(offered, sizeof offered, "%s ", paths[0]);
        assert_string_equal(complete(0, words), offered);
        assert_string_equal(complete(1, words), "FILES ");
    }
    expect("orderctl stock get ''", "");
    expect("orderctl order create --customer ''", "");
}

/* No command and no option is forgotten: the scripts come from the same table. */
static void every_command_and_option_is_offered(void **state)
{
    (void)state;
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i += 3) { /* two shells a command: a third will do */
        const struct cli_command *command = CLI_COMMANDS[i];
        char words[256], part[64];
        (void)snprintf(words, sizeof words, "orderctl %s%s%s", command->group ? command->group : "",
                       command->group ? " " : "", command->name);
        (void)snprintf(part, sizeof part, "%s ", command->name);
        expect_part(words, part);
        if (command->option_count > 0) {
            (void)snprintf(words + strlen(words), sizeof words - strlen(words), " --");
            (void)snprintf(part, sizeof part, "--%s ",
                           command->options[command->option_count - 1].name);
            expect_part(words, part);
        }
    }
}

static void names_the_shells_it_knows(void **state)
{
    (void)state;
    struct run run = run_orderctl("ipc:///nowhere", "completion fish");
    assert_int_equal(run.code, CLI_USAGE);
    assert_non_null(strstr(run.err, "'fish' is neither bash nor zsh"));
    run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completes_commands),
        cmocka_unit_test(completes_options_of_the_command),
        cmocka_unit_test(completes_values_that_are_known),
        cmocka_unit_test(completes_files_only_where_one_is_meant),
        cmocka_unit_test(every_command_and_option_is_offered),
        cmocka_unit_test(names_the_shells_it_knows),
    };
    return cmocka_run_group_tests(tests, make_scripts, remove_scripts);
}
