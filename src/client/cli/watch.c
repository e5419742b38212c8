/* See watch.h. */
#include "client/cli/watch.h"

#include "base/stop.h"

#define CLEAR_SCREEN "\033[H\033[2J"

int watch_run(struct cli *cli, const struct watch_options *watch,
              int (*show)(struct cli *cli, const void *values), const void *values)
{
    if (!watch->on) {
        return show(cli, values);
    }
    if (cli->environment->stop_init != NULL) {
        (void)cli->environment->stop_init();
    }
    for (bool again = false;; again = true) {
        if (cli->environment->out_is_terminal) {
            fputs(CLEAR_SCREEN, cli->out);
        } else if (again) {
            fputc('\n', cli->out);
        }
        int code = show(cli, values);
        arena_reset(&cli->arena);
        bool is_written = fflush(cli->out) == 0;
        if ((code != CLI_OK && code != CLI_UNAVAILABLE) || !is_written) {
            return code;
        }
        if (stop_wait(watch->interval_ms)) {
            return CLI_OK;
        }
    }
}
