/* Options: --name VALUE, --name=VALUE, -o VALUE, -oVALUE, by tables like base/config's, because
 * help and completion come from them. Words (what is no option) are collected in order.
 * "--" ends the options; "-" and negative numbers are words.
 * Pure; failures are INVALID_ARGUMENT with a sentence for the user. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define OPTIONS_TABLES_MAX 2  /* the program's and the command's */
#define OPTIONS_LIST_MAX   32 /* as many metadata as a call may have */

enum option_type {
    OPTION_FLAG,     /* bool, takes no value */
    OPTION_TEXT,     /* const char *; NULL when not given and without fallback */
    OPTION_INT,      /* int64_t, least to most */
    OPTION_DURATION, /* int64_t in ms, from "500ms", "2s", "1.5s", "1m"; least to most */
    OPTION_CHOICE,   /* int64_t: the index in value, "table|json" */
    OPTION_LIST,     /* struct option_list: each time it is given, one more */
};

struct option_list {
    const char *items[OPTIONS_LIST_MAX];
    size_t count;
};

struct option {
    const char *name;
    enum option_type type;
    char letter; /* 0 = none */
    bool required;
    size_t offset;
    const char *value;    /* what help calls it; the choices of OPTION_CHOICE */
    const char *fallback; /* as text; NULL = not set (NULL, 0, false) */
    int64_t least, most;
    const char *help;
};

struct option_table {
    const struct option *options;
    size_t count;
    void *values; /* a struct whose members `offset` names */
};

struct option_words {
    const char **items; /* room for argc */
    size_t count;
};

/* Writes every fallback. Fallbacks are ours: a bad one is a bug (assert). */
void options_default(const struct option_table *table);
/* From argv[*at] on; `first_word_only` stops before the second word so that the caller can look at
 * the first. *at moves behind what was taken. */
enum status options_parse(const struct option_table *tables, size_t table_count, int argc,
                          char *const *argv, int *at, bool first_word_only,
                          struct option_words *words, struct failure *failure);
/* That every required option was given (texts only). */
enum status options_check_required(const struct option_table *table, struct failure *failure);
/* Whole text, decimal. */
bool options_parse_int(const char *text, int64_t *value_out);
