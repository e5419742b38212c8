/* See program.h. */
#include "base/program.h"

#include <string.h>

#include "base/stop.h"

static bool take_flag(int *argc, char **argv, const char *flag);
static void print_help(const struct program *program);

int program_main(const struct program *program, int argc, char **argv)
{
    if (take_flag(&argc, argv, "--help") || take_flag(&argc, argv, "-h")) {
        print_help(program);
        return 0;
    }
    if (take_flag(&argc, argv, "--version")) {
        (void)printf("%s %s\n", program->name, ORDER_VERSION);
        return 0;
    }
    bool print_config = take_flag(&argc, argv, "--print-config");
    struct failure failure;
    if (program->load(program->config, argc, argv, &failure) != STATUS_OK) {
        (void)fprintf(stderr, "%s: %s\n", program->name, failure.message);
        return PROGRAM_EXIT_USAGE;
    }
    if (print_config) {
        program->print(program->config, stdout);
        return 0;
    }
    log_init(program->name, program->log_level(program->config));
    if (!stop_init()) {
        log_line(LOG_ERROR, "not started", "message", "the system does not let it handle signals",
                 NULL);
        return PROGRAM_EXIT_FAILED;
    }
    return program->run(program->config);
}

/* Takes the flag out of argv, which ends with NULL. */
static bool take_flag(int *argc, char **argv, const char *flag)
{
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], flag) == 0) {
            memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof argv[0]);
            (*argc)--;
            return true;
        }
    }
    return false;
}

static void print_help(const struct program *program)
{
    (void)printf("Usage: %s [--key=value]...\n"
                 "\n"
                 "%s\n"
                 "SIGTERM lets it finish and end; a second one ends it at once.\n"
                 "\n"
                 "  --help  --version  --print-config\n"
                 "\n"
                 "Settings, from the environment or the command line:\n",
                 program->name, program->purpose);
    program->help(stdout);
}
