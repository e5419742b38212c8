/* See progress.h. */
#include "client/cli/progress.h"

#include <inttypes.h>
#include <string.h>

#include "client/cli/text.h"

#define BAR_WIDTH  20
#define REDRAW_US  100000
#define ERASE_LINE "\r\033[K"
#define WARM_UP_US 500000 /* before that, a rate says nothing */

static void draw_bar(FILE *out, double part);

void progress_begin(struct progress *progress, FILE *out, bool enabled, const struct clock *clock,
                    const char *name, const char *noun, uint64_t total)
{
    *progress = (struct progress){.out = out,
                                  .enabled = enabled,
                                  .clock = clock,
                                  .noun = noun,
                                  .total = total,
                                  .begun_us = clock_monotonic_us(clock)};
    const char *slash = strrchr(name, '/');
    snprintf(progress->name, sizeof(progress->name), "%s", slash == NULL ? name : slash + 1);
    text_disarm(progress->name);
}

void progress_show(struct progress *progress, uint64_t done, uint64_t count)
{
    if (!progress->enabled) {
        return;
    }
    int64_t now_us = clock_monotonic_us(progress->clock);
    if (progress->drawn && now_us - progress->drawn_us < REDRAW_US) {
        return;
    }
    double seconds = (double)(now_us - progress->begun_us) / 1e6;
    bool warm = now_us - progress->begun_us >= WARM_UP_US;
    fprintf(progress->out, ERASE_LINE "%s", progress->name);
    if (progress->total > 0) {
        draw_bar(progress->out, (double)done / (double)progress->total);
    }
    fprintf(progress->out, "  %" PRIu64 " %s", count, progress->noun);
    if (warm) {
        fprintf(progress->out, "  %.0f/s", (double)count / seconds);
    }
    if (warm && progress->total >= done && done > 0) {
        double left = seconds * (double)(progress->total - done) / (double)done;
        fprintf(progress->out, left < 120 ? "  %.0f s left" : "  %.0f min left",
                left < 120 ? left : left / 60);
    }
    fflush(progress->out);
    progress->drawn = true;
    progress->drawn_us = now_us;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn) {
        fputs(ERASE_LINE, progress->out);
        fflush(progress->out);
        progress->drawn = false;
    }
}

static void draw_bar(FILE *out, double part)
{
    int filled = part >= 1 ? BAR_WIDTH : (int)(part * BAR_WIDTH);
    fprintf(out, "  [%.*s%s%*s] %3.0f%%", filled,
            "====================", filled < BAR_WIDTH ? ">" : "",
            filled < BAR_WIDTH ? BAR_WIDTH - filled - 1 : 0, "", part * 100);
}
