/* Delays: how long the machine kept a test waiting that measures time. On each processor a thread
 * sleeps for a moment, over and over; what a sleep took too long is time that others had there.
 * So a limit is strict where the machine is idle, and grows only by what the machine took. */
#pragma once

#include <stdint.h>

struct delays;

/* One set for a test at a time; fails the test when it cannot start them. */
struct delays *delays_start(void);
void delays_stop(struct delays **delays);
/* From now on. */
void delays_begin(struct delays *delays);
/* What was taken since delays_begin, on the processor where it was most. */
int64_t delays_ms(struct delays *delays);
