/* See tune_nng.h. nng starts two task threads a core. Nothing of ours blocks one, and waking an
 * idle one costs more than most of what it does then: with one a core a call takes a third less. */
#include "rpc/tune_nng.h"

#include <nng/nng.h>
#include <pthread.h>
#include <unistd.h>

#define TASK_THREADS_MIN 2 /* nng's own least */
#define TASK_THREADS_MAX 8

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
