/* Configuration: one table a program, from the environment and from --key=value.
 * A setting is one line of the table; help, range checks, `--print-config` and
 * docs/CONFIGURATION.md come from it. The command line wins over the environment.
 * Always: nothing starts with a setting out of range or with an unknown one. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

enum config_type {
    CONFIG_TEXT, /* const char *, never NULL */
    CONFIG_INT,  /* int64_t, between least and most */
    CONFIG_BOOL, /* bool: true false 1 0 yes no on off */
};

struct config_entry {
    const char *key;         /* on the command line: --write-lanes=2 */
    const char *environment; /* ORDER_SERVER_WRITE_LANES */
    enum config_type type;
    size_t offset;        /* of the value in the program's struct */
    const char *fallback; /* the default, as text */
    int64_t least, most;  /* CONFIG_INT only */
    const char *unit;     /* "ms", "calls", ... or "" */
    bool secret;          /* not printed (URLs with passwords) */
    const char *help;
};

/* Fills `values` from defaults, environment and argv (argv[1..]). Texts are borrowed from the
 * table, the environment or argv. Fails with CONFIG_INVALID and a sentence that says what to do. */
enum status config_load(const struct config_entry *table, size_t count, void *values, int argc,
                        char *const *argv, struct failure *failure);
/* One aligned row a setting: key, environment name, default, range, help. */
void config_help(const struct config_entry *table, size_t count, FILE *out);
/* key=value with what is in force; secrets as "***". */
void config_print(const struct config_entry *table, size_t count, const void *values, FILE *out);
