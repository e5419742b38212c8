/* See stop.h. */
#include "base/stop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/wait.h"

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
    wait_init(&changed);
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
    struct timespec until = wait_deadline(timeout_ms);
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
