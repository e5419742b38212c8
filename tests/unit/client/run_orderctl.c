/* See run_orderctl.h. */
#include "run_orderctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"

static struct run run_line(const char *endpoint, const char *line, FILE *in)
{
    struct run run = {.code = -1};
    char copy[1024];
    char *argv[64] = {(char[]){"orderctl"}};
    int argc = 1;
    size_t out_size;
    size_t err_size;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *save = NULL, *at = strtok_r(copy, " ", &save); at != NULL;
         at = strtok_r(NULL, " ", &save)) {
        argv[argc++] = at;
    }
    struct cli_environment environment = {.endpoint = endpoint,
                                          .in = in,
                                          .out = open_memstream(&run.out, &out_size),
                                          .err = open_memstream(&run.err, &err_size),
                                          .clock = clock_system()};
    run.code = cli_run(&environment, argc, argv);
    fclose(environment.out);
    fclose(environment.err);
    return run;
}

struct run run_orderctl(const char *endpoint, const char *line)
{
    return run_line(endpoint, line, stdin);
}

struct run run_orderctl_with(const char *endpoint, const char *line, const char *input)
{
    FILE *in = tmpfile();
    fputs(input, in);
    rewind(in);
    struct run run = run_line(endpoint, line, in);
    fclose(in);
    return run;
}

void run_free(struct run *run)
{
    free(run->out);
    free(run->err);
}
