/* See delays.h. */
#include "tests/support/delays.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "tests/cmocka_all.h"

#define NAP_US         10000 /* a few in a call: as often as its threads are waited for */
#define PROCESSORS_MAX 64    /* of more, these are watched */

struct watch {
    pthread_t thread;
    size_t processor;
    struct delays *delays;
    _Atomic int64_t taken_us; /* by the naps that are over */
    _Atomic int64_t due_us;   /* the end of this one */
    int64_t begun_us;         /* what was taken at delays_begin */
};

struct delays {
    struct watch watches[PROCESSORS_MAX];
    size_t count;
    atomic_bool is_stopping;
};

static void *nap(void *watch);
static int64_t taken_us(struct watch *watch);

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

struct delays *delays_start(void)
{
    struct delays *delays = calloc(1, sizeof *delays);
    assert_non_null(delays);
    cpu_set_t ours;
    assert_int_equal(sched_getaffinity(0, sizeof ours, &ours), 0);
    for (size_t i = 0; i < CPU_SETSIZE && delays->count < PROCESSORS_MAX; i++) {
        if (!CPU_ISSET(i, &ours)) {
            continue;
        }
        struct watch *watch = &delays->watches[delays->count++];
        watch->processor = i;
        watch->delays = delays;
        watch->due_us = now_us() + NAP_US;
        assert_int_equal(pthread_create(&watch->thread, NULL, nap, watch), 0);
    }
    return delays;
}

void delays_stop(struct delays **delays)
{
    if (*delays == NULL) {
        return;
    }
    (*delays)->is_stopping = true;
    for (size_t i = 0; i < (*delays)->count; i++) {
        (void)pthread_join((*delays)->watches[i].thread, NULL);
    }
    free(*delays);
    *delays = NULL;
}

static void *nap(void *watch)
{
    struct watch *self = watch;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(self->processor, &own);
    (void)pthread_setaffinity_np(pthread_self(), sizeof own, &own);
    while (!self->delays->is_stopping) {
        (void)nanosleep(&(struct timespec){.tv_nsec = NAP_US * 1000L}, NULL);
        int64_t now = now_us();
        int64_t late_us = now - self->due_us;
        self->due_us = now + NAP_US;
        self->taken_us += late_us > 0 ? late_us : 0;
    }
    return NULL;
}

void delays_begin(struct delays *delays)
{
    for (size_t i = 0; i < delays->count; i++) {
        delays->watches[i].begun_us = taken_us(&delays->watches[i]);
    }
}

int64_t delays_ms(struct delays *delays)
{
    int64_t most_us = 0;
    for (size_t i = 0; i < delays->count; i++) {
        int64_t us = taken_us(&delays->watches[i]) - delays->watches[i].begun_us;
        most_us = us > most_us ? us : most_us;
    }
    return most_us / 1000;
}

/* With the nap that lasts, where it should be over. */
static int64_t taken_us(struct watch *watch)
{
    int64_t late_us = now_us() - watch->due_us;
    return watch->taken_us + (late_us > 0 ? late_us : 0);
}
