/* See relay.h. The thread and its pace; the work is in relay_round.c. */
#include "server/relay.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/pause.h"
#include "server/relay_round.h"

#define IDLE_MS         250 /* nothing is due before confirm_grace_ms, which is seconds */
#define BACKOFF_BASE_MS 250
#define BACKOFF_MOST_MS 5000
#define KEEP_ALIVE_MS   2000 /* RabbitMQ's heartbeats want an answer */

struct relay {
    struct shop_lane *lane;
    pthread_t thread;
    struct pause pause;
    atomic_bool stopping;
};

static void *run(void *state);

enum status relay_start(struct lane_options *options, struct relay **relay_out,
                        struct failure *failure)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    pause_init(&relay->pause);
    atomic_init(&relay->stopping, false);
    relay->lane = shop_lane_open_write(options, failure);
    if (relay->lane == NULL) {
        pause_fini(&relay->pause);
        free(relay);
        return failure != NULL ? failure->code : STATUS_INTERNAL;
    }
    if (pthread_create(&relay->thread, NULL, run, relay) != 0) {
        shop_lane_close(relay->lane);
        pause_fini(&relay->pause);
        free(relay);
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_THREADS",
                           "no thread for the relay");
    }
    *relay_out = relay;
    return STATUS_OK;
}

void relay_stop(struct relay **relay)
{
    if (*relay == NULL) {
        return;
    }
    atomic_store(&(*relay)->stopping, true);
    pause_wake(&(*relay)->pause);
    (void)pthread_join((*relay)->thread, NULL);
    shop_lane_close((*relay)->lane);
    pause_fini(&(*relay)->pause);
    free(*relay);
    *relay = NULL;
}

static void *run(void *state)
{
    struct relay *relay = state;
    const struct clock *clock = relay->lane->clock;
    unsigned failures = 0;
    int64_t kept_alive_ms = clock_monotonic_ms(clock);
    while (!atomic_load(&relay->stopping)) {
        int64_t wait_ms = 0;
        switch (relay_round(relay->lane)) {
        case RELAY_WORKED:
            failures = 0;
            break;
        case RELAY_IDLE:
            failures = 0;
            wait_ms = IDLE_MS;
            break;
        case RELAY_FAILED:
            wait_ms = clock_backoff_ms(clock, failures++, BACKOFF_BASE_MS, BACKOFF_MOST_MS);
            break;
        }
        if (clock_monotonic_ms(clock) - kept_alive_ms >= KEEP_ALIVE_MS) {
            broker_publisher_idle(relay->lane->publisher);
            kept_alive_ms = clock_monotonic_ms(clock);
        }
        if (wait_ms > 0) {
            pause_wait(&relay->pause, wait_ms);
        }
    }
    return NULL;
}
