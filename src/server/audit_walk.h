/* Audit walk: how far the auditor is, and what it has found. Parts of a lane and of its options. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "shop/limits.h"

/* What metrics say of it. */
struct audit_gauges {
    _Atomic int64_t oversold_units; /* found too many in Redis, since the start */
    _Atomic int64_t drift_units;    /* too few in Redis, or wrong in PostgreSQL's own books: of the
                                       last walk over each */
    _Atomic int64_t outbox, unpublished_ms, unpersisted_ms; /* of the book, a second ago at most */
    _Atomic int64_t waiting_orders; /* with changes that wait for one before them; 100 at most */
    _Atomic int64_t walked_ms;      /* when the last walk over all products ended; 0 = none yet */
    _Atomic int64_t books_ms;       /* the same of PostgreSQL's own books */
};

struct audit_books;
struct postgres_link;

/* Of the auditor's lane: where the walks are. */
struct audit_walk {
    char after[SHOP_ID_BYTES_MAX + 1];
    int64_t next_ms, next_books_ms; /* monotonic */
    int64_t drift_units;            /* of Redis, so far */
    struct audit_books *books;      /* NULL: that walk is not under way */
    struct postgres_link *books_link;
    int64_t books_found, books_drift_units;
    int64_t last_books_drift_units; /* of the one before */
};
