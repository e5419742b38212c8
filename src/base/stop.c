/* See stop.h. */
#include "base/stop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static bool requested;

static void *wait_for_signals(void *signals)
{
    int signal_number;
    (void)sigwait(signals, &signal_number);
    stop_request();
    (void)sigwait(signals, &signal_number);
    _exit(128 + signal_number);
}

bool stop_init(void)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);

    static sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0) {
        return false;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_signals, &signals) != 0) {
        return false;
    }
    (void)pthread_detach(thread);
    return true;
}

bool stop_requested(void)
{
    (void)pthread_mutex_lock(&lock);
    bool answer = requested;
    (void)pthread_mutex_unlock(&lock);
    return answer;
}

void stop_request(void)
{
    (void)pthread_mutex_lock(&lock);
    requested = true;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

bool stop_wait(int64_t timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (timeout_ms % 1000) * 1000000;
    until.tv_sec += (time_t)(timeout_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_mutex_lock(&lock);
    int waited = 0;
    while (!requested && waited != ETIMEDOUT) {
        waited = timeout_ms < 0 ? pthread_cond_wait(&changed, &lock)
                                : pthread_cond_timedwait(&changed, &lock, &until);
    }
    bool answer = requested;
    (void)pthread_mutex_unlock(&lock);
    return answer;
}
