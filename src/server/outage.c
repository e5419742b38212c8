/* See outage.h. */
#include "server/outage.h"

#include <stddef.h>

#include "base/log.h"

void outage_note(struct outage *outage, const struct clock *clock, const struct failure *cause)
{
    outage->failures++;
    if (outage->away) {
        return;
    }
    outage->away = true;
    outage->since_ms = clock_monotonic_ms(clock);
    log_line(LOG_WARN, "store away", "store", store_name(outage->store), "status",
             status_name(cause->code), "reason", cause->reason, "message", cause->message, NULL);
}

void outage_over(struct outage *outage, const struct clock *clock)
{
    if (!outage->away) {
        return;
    }
    log_line(LOG_INFO, "store back", "store", store_name(outage->store), "away_ms",
             LOG_INT(clock_monotonic_ms(clock) - outage->since_ms), "failures",
             LOG_INT(outage->failures), NULL);
    outage->away = false;
    outage->failures = 0;
}
