/* See http_watch.h. A list under a lock, looked over four times a second: thousands of connections
 * take microseconds. */
#include "http/http_watch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/wait.h"

#define ROUND_MS 250 /* how late a cut may be */

struct http_watched {
    struct http_watch *watch;
    struct http_watched *next, *previous;
    int socket;
    int64_t deadline_ms; /* 0 = none */
};

struct http_watch {
    const struct clock *clock;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool is_stopping;
    struct http_watched *list;
};

static void *run(void *watch);
static void cut_overdue(struct http_watch *watch);

enum status http_watch_start(const struct clock *clock, struct http_watch **watch_out,
                             struct failure *failure)
{
    struct http_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    watch->clock = clock;
    (void)pthread_mutex_init(&watch->lock, NULL);
    wait_init(&watch->stopped);
    if (pthread_create(&watch->thread, NULL, run, watch) != 0) {
        free(watch);
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_THREADS", "no thread");
    }
    *watch_out = watch;
    return STATUS_OK;
}

void http_watch_stop(struct http_watch **watch)
{
    if (*watch == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&(*watch)->lock);
    (*watch)->is_stopping = true;
    (void)pthread_cond_signal(&(*watch)->stopped);
    (void)pthread_mutex_unlock(&(*watch)->lock);
    (void)pthread_join((*watch)->thread, NULL);
    (void)pthread_cond_destroy(&(*watch)->stopped);
    (void)pthread_mutex_destroy(&(*watch)->lock);
    free(*watch);
    *watch = NULL;
}

struct http_watched *http_watch_add(struct http_watch *watch, int socket, int64_t limit_ms)
{
    struct http_watched *watched = malloc(sizeof *watched);
    if (watched == NULL) {
        return NULL;
    }
    *watched = (struct http_watched){.watch = watch, .socket = socket};
    watched->deadline_ms = clock_monotonic_ms(watch->clock) + limit_ms;
    (void)pthread_mutex_lock(&watch->lock);
    watched->next = watch->list;
    if (watched->next != NULL) {
        watched->next->previous = watched;
    }
    watch->list = watched;
    (void)pthread_mutex_unlock(&watch->lock);
    return watched;
}

void http_watch_remove(struct http_watched *watched)
{
    struct http_watch *watch = watched->watch;
    (void)pthread_mutex_lock(&watch->lock);
    if (watched->previous != NULL) {
        watched->previous->next = watched->next;
    } else {
        watch->list = watched->next;
    }
    if (watched->next != NULL) {
        watched->next->previous = watched->previous;
    }
    (void)pthread_mutex_unlock(&watch->lock);
    free(watched);
}

void http_watch_limit(struct http_watched *watched, int64_t limit_ms)
{
    struct http_watch *watch = watched->watch;
    int64_t deadline_ms = limit_ms == 0 ? 0 : clock_monotonic_ms(watch->clock) + limit_ms;
    (void)pthread_mutex_lock(&watch->lock);
    watched->deadline_ms = deadline_ms;
    (void)pthread_mutex_unlock(&watch->lock);
}

static void *run(void *state)
{
    struct http_watch *watch = state;
    (void)pthread_mutex_lock(&watch->lock);
    while (!watch->is_stopping) {
        cut_overdue(watch);
        struct timespec until = wait_deadline(ROUND_MS);
        (void)pthread_cond_timedwait(&watch->stopped, &watch->lock, &until);
    }
    (void)pthread_mutex_unlock(&watch->lock);
    return NULL;
}

/* Shut down, not closed: the socket is libmicrohttpd's, which sees the end of it and closes. */
static void cut_overdue(struct http_watch *watch)
{
    int64_t now_ms = clock_monotonic_ms(watch->clock);
    for (struct http_watched *watched = watch->list; watched != NULL; watched = watched->next) {
        if (watched->deadline_ms != 0 && watched->deadline_ms <= now_ms) {
            watched->deadline_ms = 0;
            (void)shutdown(watched->socket, SHUT_RDWR);
        }
    }
}
