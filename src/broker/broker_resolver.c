/* See broker_resolver.h. The lookup runs on a thread of its own; whoever comes last, it or the
 * resolver, frees it. */
#include "broker/broker_resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/wait.h"

struct broker_lookup {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *host;
    bool done, abandoned;
    int answer; /* of getaddrinfo */
};

static struct broker_lookup *start(const char *host);
static bool wait_until_done(struct broker_lookup *lookup, int64_t timeout_ms);
static void abandon(struct broker_resolver *resolver);
static void release(struct broker_lookup *lookup);
static void *look_up(void *argument);

static bool is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

enum status broker_resolver_check(struct broker_resolver *resolver, const char *host,
                                  int64_t deadline_ms, const struct clock *clock,
                                  struct failure *failure)
{
    if (is_address(host)) {
        return STATUS_OK;
    }
    if (resolver->running == NULL) {
        resolver->running = start(host);
    }
    if (resolver->running == NULL) {
        return failure_set(failure, STATUS_UNAVAILABLE, "OUT_OF_MEMORY",
                           "out of memory or threads");
    }
    if (!wait_until_done(resolver->running, deadline_ms - clock_monotonic_ms(clock))) {
        return failure_set(failure, STATUS_UNAVAILABLE, "BROKER_UNAVAILABLE",
                           "RabbitMQ: its host name has not resolved in time");
    }
    int answer = resolver->running->answer;
    abandon(resolver);
    if (answer != 0) {
        return failure_set(failure, STATUS_UNAVAILABLE, "BROKER_UNAVAILABLE",
                           "RabbitMQ: its host name does not resolve: %s", gai_strerror(answer));
    }
    return STATUS_OK;
}

void broker_resolver_fini(struct broker_resolver *resolver)
{
    if (resolver->running != NULL) {
        abandon(resolver);
    }
}

static struct broker_lookup *start(const char *host)
{
    struct broker_lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL) {
        return NULL;
    }
    (void)pthread_mutex_init(&lookup->lock, NULL);
    wait_init(&lookup->changed);
    lookup->host = strdup(host);
    pthread_t thread;
    if (lookup->host == NULL || pthread_create(&thread, NULL, look_up, lookup) != 0) {
        release(lookup);
        return NULL;
    }
    (void)pthread_detach(thread);
    return lookup;
}

static void *look_up(void *argument)
{
    struct broker_lookup *lookup = argument;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int answer = getaddrinfo(lookup->host, NULL, &hints, &found);
    if (found != NULL) {
        freeaddrinfo(found);
    }
    (void)pthread_mutex_lock(&lookup->lock);
    lookup->answer = answer;
    lookup->done = true;
    bool last = lookup->abandoned;
    (void)pthread_cond_signal(&lookup->changed);
    (void)pthread_mutex_unlock(&lookup->lock);
    if (last) {
        release(lookup);
    }
    return NULL;
}

static bool wait_until_done(struct broker_lookup *lookup, int64_t timeout_ms)
{
    struct timespec until = wait_deadline(timeout_ms);
    (void)pthread_mutex_lock(&lookup->lock);
    int result = 0;
    while (!lookup->done && result == 0) {
        result = pthread_cond_timedwait(&lookup->changed, &lookup->lock, &until);
    }
    bool done = lookup->done;
    (void)pthread_mutex_unlock(&lookup->lock);
    return done;
}

static void abandon(struct broker_resolver *resolver)
{
    struct broker_lookup *lookup = resolver->running;
    (void)pthread_mutex_lock(&lookup->lock);
    lookup->abandoned = true;
    bool last = lookup->done;
    (void)pthread_mutex_unlock(&lookup->lock);
    if (last) {
        release(lookup);
    }
    resolver->running = NULL;
}

static void release(struct broker_lookup *lookup)
{
    (void)pthread_mutex_destroy(&lookup->lock);
    (void)pthread_cond_destroy(&lookup->changed);
    free(lookup->host);
    free(lookup);
}
