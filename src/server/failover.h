/* Failover: PostgreSQL may be replaced by one that lacks the last commits - a standby that was
 * promoted, a backup. What workers settled is kept in Redis for a while, so nothing that was
 * accepted is lost with them. Part of the relay, on its lane. The name of the PostgreSQL that has
 * what was settled - cluster, timeline, start of the server - is kept beside it. When another one
 * answers, every batch that is kept is looked for in it, the newest first: what it lacks goes back
 * into the outbox, and stock is fenced and loaded anew. A restart that lost nothing costs the
 * looking. Any server does it, two at once are harmless; who dies in between leaves the old name,
 * and the next one begins again. */
#pragma once

#include "redis/book.h"

struct shop_lane;

/* Who has asked PostgreSQL settles within this time or not at all; so do workers behind their
 * commit (SETTLE_MOST_MS of worker/persist_events.c). */
#define FAILOVER_SETTLE_MS 5000
/* So a batch of the old PostgreSQL is kept no later than this: the walk looks at what has come
 * since it began once more after that time. */
#define FAILOVER_LATE_MS 15000

struct failover {
    int64_t next_ms;             /* when to look again, or to go on */
    bool comparing;              /* a walk is under way */
    bool again;                  /* the second one */
    char name[BOOK_STORE_BYTES]; /* of the PostgreSQL that is compared */
    struct book_walk walk;
    int64_t compared, lost; /* events */
};

/* A step, a short one. True when the next one should follow at once. */
bool failover_step(struct shop_lane *lane);
