/* Watchdog: ends a call into rabbitmq-c that outlives its deadline.
 * rabbitmq-c's sends know no timeout: to a broker that has stopped reading (memory alarm, frozen
 * process) they wait for ever. The watchdog's thread shuts the socket down instead, the call
 * returns with an error, and the connection is dropped like any broken one. Used by broker_link.c
 * around every such call. One thread a watchdog, asleep unless a deadline that was armed has come
 * near. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct broker_watchdog;

/* NULL when memory or threads are out. */
struct broker_watchdog *broker_watchdog_create(void);
void broker_watchdog_destroy(struct broker_watchdog **watchdog);
/* The socket that arming is about. Keeps a duplicate, so that a number the library has closed and
 * the system has given to another is never shut down. False when the system says no. */
bool broker_watchdog_watch(struct broker_watchdog *watchdog, int socket);
void broker_watchdog_forget(struct broker_watchdog *watchdog);
void broker_watchdog_arm(struct broker_watchdog *watchdog, int64_t remaining_ms);
/* True when it has shut the socket down since it was armed. */
bool broker_watchdog_disarm(struct broker_watchdog *watchdog);
