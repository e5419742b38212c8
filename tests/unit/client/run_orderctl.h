/* orderctl inside the test program. */
#pragma once

/* What a run gave; texts for free(). */
struct run {
    int code;
    char *out, *err;
};
/* Runs a command line, split at spaces, with the endpoint as the environment's. */
struct run run_orderctl(const char *endpoint, const char *line);
/* The same with a standard input. */
struct run run_orderctl_with(const char *endpoint, const char *line, const char *input);
void run_free(struct run *run);
