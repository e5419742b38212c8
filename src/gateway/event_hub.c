/* See event_hub.h. Joining and leaving; what followers get is event_hub_rounds.c's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wait.h"
#include "gateway/event_hub_inside.h"

#define ROUND_BYTES_FIRST (64 * 1024)
#define ROUND_BYTES_LIMIT (64 * 1024 * 1024)
#define ROOM_RETRY_MS     1000 /* when a stream may have ended */

static void on_closed(void *follower);
static enum status check_room(struct event_hub *hub, const char *caller, struct failure *failure);

enum status event_hub_start(const struct event_hub_options *options, struct event_hub **hub_out,
                            struct failure *failure)
{
    struct event_hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    hub->options = *options;
    arena_init(&hub->arena, ROUND_BYTES_FIRST, ROUND_BYTES_LIMIT);
    (void)pthread_mutex_init(&hub->lock, NULL);
    wait_init(&hub->changed);
    if (pthread_create(&hub->thread, NULL, event_hub_run, hub) != 0) {
        arena_fini(&hub->arena);
        free(hub);
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no thread");
    }
    *hub_out = hub;
    return STATUS_OK;
}

void event_hub_drain(struct event_hub *hub)
{
    (void)pthread_mutex_lock(&hub->lock);
    hub->is_draining = true;
    for (struct follower *one = hub->followers; one != NULL; one = one->next) {
        event_hub_end(one);
    }
    (void)pthread_cond_signal(&hub->changed);
    (void)pthread_mutex_unlock(&hub->lock);
    if (!hub->is_joined) {
        hub->is_joined = true;
        (void)pthread_join(hub->thread, NULL);
    }
}

void event_hub_end(struct follower *follower)
{
    if (follower->stream != NULL) {
        http_stream_end(follower->stream);
        follower->stream = NULL;
    }
}

void event_hub_stop(struct event_hub **hub)
{
    if (*hub == NULL) {
        return;
    }
    event_hub_drain(*hub);
    (void)pthread_cond_destroy(&(*hub)->changed);
    (void)pthread_mutex_destroy(&(*hub)->lock);
    arena_fini(&(*hub)->arena);
    free(*hub);
    *hub = NULL;
}

size_t event_hub_streams(struct event_hub *hub)
{
    (void)pthread_mutex_lock(&hub->lock);
    size_t count = hub->count;
    (void)pthread_mutex_unlock(&hub->lock);
    return count;
}

enum status event_hub_join(struct event_hub *hub, struct http_request *request,
                           const struct event_interest *interest, struct failure *failure)
{
    struct follower *follower = calloc(1, sizeof *follower);
    if (follower == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    follower->hub = hub;
    follower->caller = *interest->caller;
    follower->credential = interest->credential;
    follower->method = interest->method;
    follower->after_version = interest->after_version;
    follower->needs_timeline = interest->order_id[0] != '\0';
    follower->written_ms = follower->checked_ms = clock_monotonic_ms(hub->options.clock);
    (void)snprintf(follower->order_id, EVENT_ID_BYTES, "%s", interest->order_id);
    (void)snprintf(follower->cursor, EVENT_CURSOR_BYTES, "%s", interest->cursor);
    (void)pthread_mutex_lock(&hub->lock);
    enum status status = check_room(hub, interest->caller->name, failure);
    if (status == STATUS_OK) {
        http_add_header(request, "Cache-Control", "no-store");
        http_add_header(request, "X-Accel-Buffering", "no"); /* nginx would keep events back */
        follower->stream = http_stream_start(request, "text/event-stream", on_closed, follower);
        status = follower->stream != NULL ? STATUS_OK
                                          : failure_set(failure, STATUS_RESOURCE_EXHAUSTED,
                                                        "OUT_OF_MEMORY", "no memory");
    }
    if (status == STATUS_OK) {
        event_hub_put(follower, interest->first);
        follower->next = hub->followers;
        hub->followers = follower;
        hub->count++;
        follower->number = ++hub->joined;
        (void)pthread_cond_signal(&hub->changed);
    } else {
        free(follower);
    }
    (void)pthread_mutex_unlock(&hub->lock);
    return status;
}

static enum status check_room(struct event_hub *hub, const char *caller, struct failure *failure)
{
    size_t own = 0;
    for (const struct follower *one = hub->followers; one != NULL; one = one->next) {
        own += caller[0] != '\0' && strcmp(one->caller.name, caller) == 0 ? 1 : 0;
    }
    if (hub->is_draining) {
        return failure_set(failure, STATUS_UNAVAILABLE, "DRAINING",
                           "the gateway is stopping; nothing was done");
    }
    if (hub->count >= hub->options.streams_max || own >= hub->options.streams_per_caller_max) {
        (void)failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS",
                          "%s follow events already", own > 0 ? "too many of yours" : "too many");
        failure->retry_delay_ms = ROOM_RETRY_MS;
        return failure->code;
    }
    return STATUS_OK;
}

/* On a thread of the HTTP server's; the stream is gone behind it. */
static void on_closed(void *state)
{
    struct follower *follower = state;
    struct event_hub *hub = follower->hub;
    (void)pthread_mutex_lock(&hub->lock);
    struct follower **link = &hub->followers;
    while (*link != follower) {
        link = &(*link)->next;
    }
    *link = follower->next;
    hub->count--;
    (void)pthread_mutex_unlock(&hub->lock);
    free(follower);
}
