/* Watch: a command that shows something, shown again and again until Ctrl-C. */
#pragma once

#include "client/cli/cli.h"

struct watch_options {
    bool on;
    int64_t interval_ms;
};

#define WATCH_OPTION_ENTRIES(VALUES, WATCH)                                               \
    {.name = "watch",                                                                     \
     .letter = 'w',                                                                       \
     .type = OPTION_FLAG,                                                                 \
     .offset = offsetof(VALUES, WATCH) + offsetof(struct watch_options, on),              \
     .help = "show it again and again, until Ctrl-C"},                                    \
        {.name = "interval",                                                              \
         .type = OPTION_DURATION,                                                         \
         .offset = offsetof(VALUES, WATCH) + offsetof(struct watch_options, interval_ms), \
         .value = "TIME",                                                                 \
         .fallback = "2s",                                                                \
         .least = 100,                                                                    \
         .most = 3600000,                                                                 \
         .help = "with --watch: how long between two looks (default 2s)"}

/* Runs `show` once, or as watched: on a terminal in its place, elsewhere one after the other with
 * an empty line between. A server that does not answer is asked again; what it refuses ends it.
 * Returns the exit code. */
int watch_run(struct cli *cli, const struct watch_options *watch,
              int (*show)(struct cli *cli, const void *values), const void *values);
