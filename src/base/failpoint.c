/* See failpoint.h. The one place below main that reads the environment: a build with failpoints is
 * a test's own. */
#include "base/failpoint.h"

#ifdef ORDER_FAILPOINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static void act(const char *action, size_t size);

/* ORDER_FAIL=name:action@n,name:action@n - n counts this process' passings of that name from 1. */
void failpoint_reached(const char *name)
{
    static _Atomic long passed[16];
    const char *spec = getenv("ORDER_FAIL");
    for (size_t slot = 0; spec != NULL && *spec != '\0' && slot < 16; slot++) {
        size_t size = strcspn(spec, ",");
        const char *colon = memchr(spec, ':', size);
        const char *at = memchr(spec, '@', size);
        if (colon != NULL && at != NULL && (size_t)(colon - spec) == strlen(name) &&
            strncmp(spec, name, strlen(name)) == 0 &&
            atomic_fetch_add(&passed[slot], 1) + 1 == strtol(at + 1, NULL, 10)) {
            log_line(LOG_WARN, "failpoint", "name", name, NULL);
            act(colon + 1, (size_t)(at - colon - 1));
        }
        spec += size + (spec[size] == ',');
    }
}

bool failpoint_is_canary(const char *name)
{
    const char *canary = getenv("ORDER_CANARY");
    return canary != NULL && strcmp(canary, name) == 0;
}

static void act(const char *action, size_t size)
{
    if (size == 4 && memcmp(action, "kill", 4) == 0) {
        (void)kill(getpid(), SIGKILL);
    } else if (size == 4 && memcmp(action, "stop", 4) == 0) {
        (void)kill(getpid(), SIGSTOP);
    } else if (size == 4 && memcmp(action, "exit", 4) == 0) {
        _exit(1);
    }
}
#else
typedef int failpoint_unused; /* ISO C wants something in every file */
#endif
