/* See tune_nng.h. nng starts two task threads a core. Nothing of ours blocks one, and waking an
 * idle one costs more than most of what it does then: with one a core a call takes a third less. */
#include "rpc/tune_nng.h"

#include <nng/nng.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define TASK_THREADS_MIN 2 /* nng's own least */
#define TASK_THREADS_MAX 8
#define MINOR_LEAST      8

static void set_parameters(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long threads = cores < TASK_THREADS_MIN   ? TASK_THREADS_MIN
                   : cores > TASK_THREADS_MAX ? TASK_THREADS_MAX
                                              : cores;
    nng_init_set_parameter(NNG_INIT_NUM_TASK_THREADS, (uint64_t)threads);
}

void tune_nng(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, set_parameters);
}

/* What is loaded may be another nng than what was built with. cmake/RequireNng.cmake has the reason
 * for 1.8. */
enum status tune_nng_check(const char *version, struct failure *failure)
{
    char *point;
    long major = strtol(version, &point, 10);
    long minor = *point == '.' ? strtol(point + 1, NULL, 10) : 0;
    if (major < 1 || (major == 1 && minor < MINOR_LEAST)) {
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "NNG_TOO_OLD",
                           "the nng library that is installed is %.20s: install 1.%d or newer (a "
                           "Debian 13 has it)",
                           version, MINOR_LEAST);
    }
    return STATUS_OK;
}

enum status tune_nng_check_loaded(struct failure *failure)
{
    return tune_nng_check(nng_version(), failure);
}
