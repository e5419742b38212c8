/* See alarm.h. */
#include <nng/nng.h>
#include <stdlib.h>

#include "rpc/alarm.h"
#include "rpc/tune_nng.h"

struct alarm {
    nng_aio *aio;
    void (*on_time)(void *context);
    void *context;
};

static void on_completion(void *argument);

struct alarm *alarm_create(void (*on_time)(void *context), void *context)
{
    struct alarm *alarm = calloc(1, sizeof *alarm);
    if (alarm == NULL) {
        return NULL;
    }
    alarm->on_time = on_time;
    alarm->context = context;
    tune_nng();
    if (nng_aio_alloc(&alarm->aio, on_completion, alarm) != 0) {
        free(alarm);
        return NULL;
    }
    return alarm;
}

static void on_completion(void *argument)
{
    struct alarm *alarm = argument;
    alarm->on_time(alarm->context);
}

void alarm_destroy(struct alarm **alarm)
{
    if (*alarm == NULL) {
        return;
    }
    nng_aio_stop((*alarm)->aio);
    nng_aio_free((*alarm)->aio);
    free(*alarm);
    *alarm = NULL;
}

void alarm_start(struct alarm *alarm, int64_t ms)
{
    nng_sleep_aio((nng_duration)(ms > 0 ? ms : 0), alarm->aio);
}

void alarm_wake(struct alarm *alarm)
{
    nng_aio_abort(alarm->aio, NNG_ECANCELED);
}
