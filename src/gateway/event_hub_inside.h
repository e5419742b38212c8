/* Event hub inside: who follows. event_hub.c lets them in and out, event_hub_rounds.c serves them
 * with event_hub_timelines.c, event_hub_care.c looks after them; nobody else includes it. */
#pragma once

#include <pthread.h>

#include "base/arena.h"
#include "gateway/event_frame.h"
#include "gateway/event_hub.h"

#define EVENT_REASON_BYTES 32
#define EVENT_ID_BYTES     65  /* of an order, with the NUL */
#define EVENT_TOKEN_BYTES  128 /* shop.v1 page tokens have less than 100 */

struct follower {
    struct follower *next;
    struct event_hub *hub;
    struct http_stream *stream; /* NULL: cut off or ended, about to be closed */
    uint64_t number;            /* never that of another */
    struct caller caller;
    const char *credential;
    const struct method *method;
    int64_t checked_ms; /* that the caller is still admitted */
    char order_id[EVENT_ID_BYTES], cursor[EVENT_CURSOR_BYTES];
    int32_t after_version;

    bool needs_timeline; /* nothing of the feed before that */
    char timeline_token[EVENT_TOKEN_BYTES];
    uint64_t timeline_round; /* in which it was last asked for */

    char reset[EVENT_REASON_BYTES]; /* why it cannot go on; told once it is known from where it can
                                     */
    bool is_taking;                 /* of the page that is handed out */
    int64_t behind_ms;              /* since when it had no room; 0 = it has */
    int64_t written_ms;
};

struct event_hub {
    struct event_hub_options options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct follower *followers;
    size_t count;
    uint64_t joined; /* ever */
    bool is_draining;
    bool is_joined; /* the thread; whoever drains knows */

    /* The thread's own. */
    struct arena arena; /* of one answer's frames */
    uint64_t round;
    bool is_away; /* the servers */
    bool has_more;
};

/* The thread. Argument: the hub. */
void *event_hub_run(void *hub);
/* Under the lock. Writes, unless the follower is about to be closed. */
void event_hub_put(struct follower *follower, struct bytes bytes);
/* Under the lock. What was written still goes out. */
void event_hub_end(struct follower *follower);
/* Under the lock. Hands the event out if it is for this follower; false when it has no room for it:
 * then nothing was done. */
bool event_hub_deliver(struct follower *follower, struct event_frame *frame);
/* For a question to a server, whose answer's frames get the arena; false when none is there. */
bool event_hub_prepare(struct event_hub *hub, struct rpc_stub *stub);
/* event_hub_timelines.c: a part of a round. */
void event_hub_ask_for_timelines(struct event_hub *hub);
/* event_hub_care.c, under the lock: whether there is room for one more event; notes since when not.
 */
bool event_hub_has_room(struct follower *follower);
/* What followers need between two rounds: comments in silence, an end for those who are too slow
 * or whose credential has ended; until the next round is due. Takes and releases the lock. */
void event_hub_care(struct event_hub *hub, int64_t until_ms);
