/* Progress: one line that is drawn over and over, on a terminal only.
 *     orders.csv  [=========>          ]  47%  1234 orders  820/s  3 s left  */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"

#define PROGRESS_NAME_BYTES 40

struct progress {
    FILE *out;
    bool enabled, drawn;
    const struct clock *clock;
    char name[PROGRESS_NAME_BYTES];
    const char *noun;
    uint64_t total; /* 0: not known, no bar and no end */
    int64_t begun_us, drawn_us;
};

void progress_begin(struct progress *progress, FILE *out, bool enabled, const struct clock *clock,
                    const char *name, const char *noun, uint64_t total);
/* `done` of `total`, and how many of the noun that was. Draws at most ten times a second. */
void progress_show(struct progress *progress, uint64_t done, uint64_t count);
/* Takes the line away, before something else is printed. */
void progress_clear(struct progress *progress);
