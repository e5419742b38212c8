/* Audit walk: how far the auditor is, and what it has found. Parts of a lane and of its options. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "shop/limits.h"

/* What metrics say of it. */
struct audit_gauges {
    _Atomic int64_t oversold_units; /* found too many in Redis, since the start */
    _Atomic int64_t drift_units;    /* too few in Redis, or reserved wrongly: of the last walk */
    _Atomic int64_t outbox, unpublished_ms, unpersisted_ms; /* of the book, a second ago at most */
    _Atomic int64_t walked_ms; /* when the last walk over all products ended; 0 = none yet */
};

/* Of the auditor's lane: where the walk is. */
struct audit_walk {
    char after[SHOP_ID_BYTES_MAX + 1];
    int64_t next_ms, books_ms; /* monotonic */
    int64_t drift_units;
};
