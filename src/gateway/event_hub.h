/* Event hub: who follows orders' events, and the one thread that asks a server for them.
 * Called by watch.c. A server is asked for new events once a round, however many follow: all that
 * stand at the same cursor share the question; who lags behind (came back with an old cursor, or
 * reads slowly) is brought up by questions of its own until it stands where the others do.
 * Always: a follower gets each event that passes its filter once, in the feed's order, from its
 * cursor on; while the servers are away it waits, and misses nothing. Who leaves much untaken gets
 * nothing more until there is room, and is cut off when that takes too long. A stream ends when the
 * key or the token that it was opened with does.
 * Threads: any; the hub's own does the asking and the writing. */
#pragma once

#include "gateway/callers.h"
#include "http/http.h"
#include "rpc/channel.h"

#define EVENT_CURSOR_BYTES 32 /* shop.v1 FollowOrderEvents has 25 */

struct event_hub;

struct event_hub_options {
    struct rpc_channel *channel;
    const struct clock *clock;
    size_t streams_max;            /* in all */
    size_t streams_per_caller_max; /* of callers that are told apart */
    int64_t poll_ms;               /* between two questions when nothing happens */
    int64_t heartbeat_ms;          /* a comment line, so that proxies and peers see that it lives */
    int64_t slow_ms;               /* how long a follower may leave no room */
    struct callers *callers;       /* NULL: callers are not told apart */
};

/* What a follower wants; "" = no condition. Copied, but for `credential` and `method`. */
struct event_interest {
    const struct caller *caller; /* who stands for a customer gets that customer's events */
    const char *credential;      /* what it was admitted by; lives as long as the request */
    const struct method *method; /* and for */
    const char *order_id;        /* one order's: its whole timeline first, behind `after_version` */
    int32_t after_version;
    const char *cursor; /* "" = from now on; not for one order */
    struct bytes first; /* written before all else */
};

enum status event_hub_start(const struct event_hub_options *options, struct event_hub **hub_out,
                            struct failure *failure);
/* Answers with a stream of server-sent events. RESOURCE_EXHAUSTED (TOO_MANY_STREAMS), UNAVAILABLE
 * (DRAINING): not answered. */
enum status event_hub_join(struct event_hub *hub, struct http_request *request,
                           const struct event_interest *interest, struct failure *failure);
size_t event_hub_streams(struct event_hub *hub);
/* Ends all streams, refuses new ones, and asks the servers no more. */
void event_hub_drain(struct event_hub *hub);
/* When no stream is left. NULL-safe; nulls the caller's pointer. */
void event_hub_stop(struct event_hub **hub);
