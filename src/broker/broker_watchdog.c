/* See broker_watchdog.h. */
#include "broker/broker_watchdog.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/wait.h"

#define NEVER INT64_MAX

struct broker_watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int socket;          /* -1: none */
    int64_t deadline_ns; /* NEVER: not armed */
    int64_t wake_ns;     /* when the thread looks again by itself */
    bool fired, ending;
};

static void *watch(void *argument);

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct broker_watchdog *broker_watchdog_create(void)
{
    struct broker_watchdog *watchdog = calloc(1, sizeof *watchdog);
    if (watchdog == NULL) {
        return NULL;
    }
    watchdog->socket = -1;
    watchdog->deadline_ns = NEVER;
    watchdog->wake_ns = NEVER;
    wait_init(&watchdog->changed);
    (void)pthread_mutex_init(&watchdog->lock, NULL);
    if (pthread_create(&watchdog->thread, NULL, watch, watchdog) != 0) {
        (void)pthread_mutex_destroy(&watchdog->lock);
        (void)pthread_cond_destroy(&watchdog->changed);
        free(watchdog);
        return NULL;
    }
    return watchdog;
}

void broker_watchdog_destroy(struct broker_watchdog **watchdog_at)
{
    struct broker_watchdog *watchdog = *watchdog_at;
    if (watchdog == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&watchdog->lock);
    watchdog->ending = true;
    (void)pthread_cond_signal(&watchdog->changed);
    (void)pthread_mutex_unlock(&watchdog->lock);
    (void)pthread_join(watchdog->thread, NULL);
    broker_watchdog_forget(watchdog);
    (void)pthread_mutex_destroy(&watchdog->lock);
    (void)pthread_cond_destroy(&watchdog->changed);
    free(watchdog);
    *watchdog_at = NULL;
}

bool broker_watchdog_watch(struct broker_watchdog *watchdog, int socket)
{
    broker_watchdog_forget(watchdog);
    int duplicate = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    (void)pthread_mutex_lock(&watchdog->lock);
    watchdog->socket = duplicate;
    (void)pthread_mutex_unlock(&watchdog->lock);
    return duplicate >= 0;
}

void broker_watchdog_forget(struct broker_watchdog *watchdog)
{
    (void)pthread_mutex_lock(&watchdog->lock);
    if (watchdog->socket >= 0) {
        (void)close(watchdog->socket);
    }
    watchdog->socket = -1;
    watchdog->deadline_ns = NEVER;
    (void)pthread_mutex_unlock(&watchdog->lock);
}

/* The thread is woken only when it would otherwise look too late; a batch that is done in time
 * costs two uncontended locks. */
void broker_watchdog_arm(struct broker_watchdog *watchdog, int64_t remaining_ms)
{
    (void)pthread_mutex_lock(&watchdog->lock);
    watchdog->fired = false;
    watchdog->deadline_ns = now_ns() + (remaining_ms > 0 ? remaining_ms : 0) * 1000000;
    if (watchdog->deadline_ns < watchdog->wake_ns) {
        watchdog->wake_ns = watchdog->deadline_ns;
        (void)pthread_cond_signal(&watchdog->changed);
    }
    (void)pthread_mutex_unlock(&watchdog->lock);
}

bool broker_watchdog_disarm(struct broker_watchdog *watchdog)
{
    (void)pthread_mutex_lock(&watchdog->lock);
    watchdog->deadline_ns = NEVER;
    bool fired = watchdog->fired;
    (void)pthread_mutex_unlock(&watchdog->lock);
    return fired;
}

static void *watch(void *argument)
{
    struct broker_watchdog *watchdog = argument;
    (void)pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->ending) {
        if (watchdog->deadline_ns <= now_ns()) {
            watchdog->fired = true;
            watchdog->deadline_ns = NEVER;
            (void)shutdown(watchdog->socket, SHUT_RDWR);
        }
        watchdog->wake_ns = watchdog->deadline_ns;
        if (watchdog->wake_ns == NEVER) {
            (void)pthread_cond_wait(&watchdog->changed, &watchdog->lock);
            continue;
        }
        struct timespec until = {.tv_sec = watchdog->wake_ns / 1000000000,
                                 .tv_nsec = watchdog->wake_ns % 1000000000};
        (void)pthread_cond_timedwait(&watchdog->changed, &watchdog->lock, &until);
    }
    (void)pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}
