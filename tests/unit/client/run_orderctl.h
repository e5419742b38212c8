/* orderctl inside the test program. */
#pragma once

/* What a run gave; texts for free(). */
struct run {
    int code;
    char *out, *err;
};
/* Runs a command line, split at spaces, with the endpoint as the environment's. */
struct run run_orderctl(const char *endpoint, const char *line);
void run_free(struct run *run);
