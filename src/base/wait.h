/* Wait: condition variables that go by the monotonic clock, so that no change of the machine's time
 * ends a wait early or prolongs it. Used wherever a thread waits with a deadline. */
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <time.h>

void wait_init(pthread_cond_t *condition);
/* For pthread_cond_timedwait(): the moment in so many ms; now when they are negative. */
struct timespec wait_deadline(int64_t timeout_ms);
/* The same for a moment of the monotonic clock. */
struct timespec wait_moment(int64_t monotonic_us);
