/* See stock_opener.h. The thread and its pace; the work is in stock_opening.c. */
#include "server/stock_opener.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/stock_opening.h"

#define CHECK_MS                                                                     \
    1000 /* open: notices within this that Redis has lost its scripts, with no order \
            to tell */
#define LOOK_AGAIN_MS 250

struct stock_opener {
    struct lane_options options; /* of its own lane */
    struct shop_lane *lane;
    pthread_t thread;
    atomic_bool stopping;
    stock_opener_listener listener;
    void *context;
    bool told; /* what the listener heard last */
};

static void *run(void *state);
static void tell(struct stock_opener *opener);

enum status stock_opener_start(struct lane_options *options, stock_opener_listener listener,
                               void *context, struct stock_opener **opener_out,
                               struct failure *failure)
{
    struct stock_opener *opener = calloc(1, sizeof *opener);
    if (opener == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    atomic_init(&opener->stopping, false);
    opener->listener = listener;
    opener->context = context;
    opener->options = *options;
    opener->options.postgres_timeout_ms = STOCK_OPENING_STATEMENT_MS;
    opener->lane = shop_lane_open_write(&opener->options, failure);
    if (opener->lane == NULL) {
        free(opener);
        return failure != NULL ? failure->code : STATUS_INTERNAL;
    }
    if (pthread_create(&opener->thread, NULL, run, opener) != 0) {
        shop_lane_close(opener->lane);
        free(opener);
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_THREADS",
                           "no thread for the opener");
    }
    *opener_out = opener;
    return STATUS_OK;
}

void stock_opener_stop(struct stock_opener **opener)
{
    if (*opener == NULL) {
        return;
    }
    struct stock_gate *gate = (*opener)->options.gate;
    atomic_store(&(*opener)->stopping, true);
    pause_wake(&gate->opener);
    (void)pthread_join((*opener)->thread, NULL);
    shop_lane_close((*opener)->lane);
    free(*opener);
    *opener = NULL;
}

static void *run(void *state)
{
    struct stock_opener *opener = state;
    struct stock_gate *gate = opener->options.gate;
    opener->listener(opener->context, false);
    while (!atomic_load(&opener->stopping)) {
        enum opening opening = stock_opening_look(opener->lane);
        tell(opener);
        if (opening == OPENING_NEEDED) {
            opening = stock_opening_lead(opener->lane, &gate->opener, &opener->stopping);
            tell(opener);
        }
        broker_publisher_idle(opener->lane->publisher);
        pause_wait(&gate->opener, opening == OPENING_OPEN ? CHECK_MS : LOOK_AGAIN_MS);
    }
    return NULL;
}

static void tell(struct stock_opener *opener)
{
    struct stock_pass pass;
    bool open = stock_gate_enter(opener->options.gate, &pass);
    if (open != opener->told) {
        opener->told = open;
        opener->listener(opener->context, open);
    }
}
