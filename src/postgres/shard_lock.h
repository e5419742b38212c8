/* Shard locks: the advisory locks of PostgreSQL that server and worker agree on, as SQL; $1 is the
 * shard ("s0").
 *
 * Stock: whoever changes stock rows or writes stock_deltas takes it shared, first thing in the
 * transaction, and reads control.epoch in a later statement. Whoever starts a new epoch takes it
 * alone. So a delta carries the epoch whose sums do not contain its change, and no other.
 *
 * Opener: held by a session, for as long as it loads stock into Redis. */
#pragma once

#define SHARD_LOCK_STOCK_SHARED_SQL \
    "SELECT pg_advisory_xact_lock_shared(740100, hashtext($1::text))"
#define SHARD_LOCK_STOCK_ALONE_SQL  "SELECT pg_advisory_xact_lock(740100, hashtext($1::text))"
#define SHARD_LOCK_OPENER_TRY_SQL   "SELECT pg_try_advisory_lock(740101, hashtext($1::text))::int4"
#define SHARD_LOCK_OPENER_LEAVE_SQL "SELECT pg_advisory_unlock(740101, hashtext($1::text))::int4"
/* 1 when this very session holds it: a connection that was made anew does not. */
#define SHARD_LOCK_OPENER_HELD_SQL                                                         \
    "SELECT count(*)::int4 FROM pg_locks WHERE locktype = 'advisory' AND granted AND "     \
    "classid = 740101 AND objid = (hashtext($1::text)::int8 & 4294967295)::oid AND pid = " \
    "pg_backend_pid()"
