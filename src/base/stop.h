/* Stop: SIGTERM and SIGINT become one flag that threads can wait for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Once, in main, before threads: blocks the two signals in all threads and starts the one that
 * waits for them. A second signal ends the process at once. False when the system says no. */
bool stop_init(void);
/* A stop was asked for. Any thread. */
bool stop_requested(void);
/* Waits for it; false after timeout_ms (negative = no limit). */
bool stop_wait(int64_t timeout_ms);
/* Asks for it from within. */
void stop_request(void);
