/* Failpoints: places where a test makes the process die, stop or wait. Only in builds with
 * ORDER_FAILPOINTS; elsewhere FAILPOINT() is nothing.
 *     ORDER_FAIL=after_reserve:kill@3     SIGKILL at the third passing
 *     ORDER_FAIL=after_commit:exit@1,...  several, comma separated; also :stop (SIGSTOP)  */
#pragma once

#ifdef ORDER_FAILPOINTS
#include <stdbool.h>
void failpoint_reached(const char *name);
#define FAILPOINT(name) failpoint_reached(name)
/* Canaries: mistakes made on purpose, ORDER_CANARY=ack_before_commit. The chaos suite must notice
 * each, or it would not notice a real one. */
bool failpoint_is_canary(const char *name);
#define CANARY(name) failpoint_is_canary(name)
#else
#define FAILPOINT(name) ((void)0)
#define CANARY(name)    0
#endif
