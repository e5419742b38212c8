/* Event hub inside: who follows, as event_hub.c lets them in and out and event_hub_rounds.c serves
 * them; nobody else includes it. */
#pragma once

#include <pthread.h>

#include "base/arena.h"
#include "gateway/callers.h"
#include "gateway/event_hub.h"

#define EVENT_REASON_BYTES 32
#define EVENT_ID_BYTES     65 /* of a customer or an order, with the NUL */

struct follower {
    struct follower *next;
    struct event_hub *hub;
    struct http_stream *stream; /* NULL: cut off or ended, about to be closed */
    char caller[CALLER_NAME_BYTES];
    char customer_id[EVENT_ID_BYTES], order_id[EVENT_ID_BYTES], cursor[EVENT_CURSOR_BYTES];
    int32_t after_version;
    bool needs_timeline;
    char reset[EVENT_REASON_BYTES]; /* why it cannot go on; told once it is known from where it can
                                     */
    int64_t written_ms;
};

struct event_hub {
    struct event_hub_options options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct follower *followers;
    size_t count;
    bool is_draining;
    bool is_joined; /* the thread; whoever drains knows */

    /* The thread's own. */
    struct arena arena; /* of the round */
    bool is_away;       /* the servers */
    bool has_more;
};

/* The thread. Argument: the hub. */
void *event_hub_run(void *hub);
/* Writes, unless the follower is about to be closed. Under the lock. */
void event_hub_put(struct follower *follower, struct bytes bytes);
