/* Program: what each program of the system does before it does its own - help, version, settings,
 * log, signals. Called by main() and nothing else; orderctl, which has commands, has its own.
 * Always: a program that runs has valid settings and listens to SIGTERM and SIGINT (stop.h). */
#pragma once

#include <stdio.h>

#include "base/log.h"
#include "base/status.h"

#define PROGRAM_EXIT_FAILED 1 /* it could not start, or not go on */
#define PROGRAM_EXIT_USAGE  2 /* settings that cannot be used */
/* What it needs is there and not as it must be: somebody has to do what the log says, and starting
 * again before that is of no use. */
#define PROGRAM_EXIT_REFUSED 3

struct program {
    const char *name;
    const char *purpose; /* a line or two, for --help */
    void *config;        /* the program's struct, which the functions below fill in and read */
    enum status (*load)(void *config, int argc, char *const *argv, struct failure *failure);
    void (*help)(FILE *out);                      /* the settings */
    void (*print)(const void *config, FILE *out); /* what is in force */
    enum log_level (*log_level)(const void *config);
    int (*run)(const void *config); /* until a stop is asked for; the exit code */
};

/* main()'s return value. */
int program_main(const struct program *program, int argc, char **argv);
