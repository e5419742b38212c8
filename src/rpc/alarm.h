/* Alarm: calls back once after a time, or at once when it is woken. Used by a channel's calls and
 * targets for what they wait for. Implemented by alarm_nng.c; runs on nng's threads.
 * Always: an alarm that was started calls back exactly once. */
#pragma once

#include <stdint.h>

struct alarm;

/* NULL when memory is out. on_time must not block. */
struct alarm *alarm_create(void (*on_time)(void *context), void *context);
/* Wakes it and waits for the end of on_time, which must not start it again. NULL-safe; nulls the
 * caller's pointer. Not from on_time. */
void alarm_destroy(struct alarm **alarm);
/* Not while it is set. on_time never runs inside this call, so locks may be held. */
void alarm_start(struct alarm *alarm, int64_t ms);
/* Does nothing to one that is not set. Likewise. */
void alarm_wake(struct alarm *alarm);
