/* Audit: whether Redis and PostgreSQL agree about stock. Called by auditor.c (a slice a second, all
 * the time) and admin_stock.c (all of it, when asked).
 *
 *     Redis' available = on_hand - reserved - safety_stock - what undecided dead letters hold
 *                      - what events took that wait for their predecessors (decisions/0008)
 *                      - what is in flight (out of Redis, not in PostgreSQL yet)
 *                      - what Redis has not been told yet (stock_deltas)
 *
 * The stores are not read at one moment, so a look is PostgreSQL, Redis, PostgreSQL, and what
 * counts is what no order of events in between can explain:
 *
 *     too high   above what PostgreSQL would allow both times, in three looks. What is in flight
 *                makes Redis lower, never higher; only units that come back, and more of them sold
 *                and stored within the same milliseconds, three times, could look like it.
 *     too low    below what PostgreSQL would allow both times, less what Redis has not been told,
 *                while the outbox is empty before and after: then nothing is in flight.
 *
 * Last, a look asks whether Redis has the epoch and its scripts. One that was restarted and has
 * lost the end of its file has too much, but the fence is up already: what was read then is no
 * finding. Not here: what follows from it. */
#pragma once

#include "server/shop_lane.h"

#define AUDIT_SLICE_MAX 500
#define AUDIT_LOOKS     3
/* A change overtakes the one before it by milliseconds, by seconds when RabbitMQ is away. */
#define AUDIT_WAITING_AGE_MS 60000
#define AUDIT_WAITING_MAX    100

struct audit_product {
    const char *product_id;
    int64_t most;      /* as PostgreSQL sees it: Redis must not have more */
    int64_t least;     /* nor less, when nothing is in flight */
    int64_t available; /* in Redis; 0 where it has no entry */
    int64_t high, low; /* units too many, too few; least of all looks */
};

struct audit_slice {
    struct audit_product *products;
    size_t count;
    bool idle; /* nothing was in flight in the last look, so `low` is known */
};

/* The next products behind `after` ("" = the first), in the lane's arena; fewer than `most` only at
 * the end. UNAVAILABLE, STOCK_FENCED while stock is not open; a gate that does not know it yet is
 * closed. */
enum status audit_slice(struct shop_lane *lane, const char *after, size_t most,
                        struct audit_slice *slice_out, struct failure *failure);
/* Only this product, with one more than looks enough to act on. count 0: there is no such product.
 */
enum status audit_one(struct shop_lane *lane, const char *product_id, struct audit_slice *slice_out,
                      struct failure *failure);

/* What PostgreSQL says of a slice: most and least. Implemented in audit_postgres.c. */
enum status audit_read(struct postgres_link *link, const char *shard, const char *after,
                       const char *only, size_t most, struct arena *arena, int64_t deadline_ms,
                       struct audit_product **products_out, size_t *count_out,
                       struct failure *failure);
/* An order whose changes wait for one before them (decisions/0008), longer than on any usual way.
 */
struct audit_waiting {
    struct uuid order_id;
    int32_t version; /* the last applied; 0: there is no such order */
    int32_t waiting_version;
    int64_t waiting_count, since_us;
};
/* Those that wait longest first. Implemented in audit_postgres.c. */
enum status audit_read_waiting(struct postgres_link *link, size_t most, struct arena *arena,
                               int64_t deadline_ms, struct audit_waiting **waiting_out,
                               size_t *count_out, struct failure *failure);
/* Units that Redis lacks come back by way of stock_deltas, once; a row of stock_repairs says who
 * asked. False in *done_out: another epoch is in force. */
enum status audit_repair(struct postgres_link *link, const char *shard, int64_t epoch,
                         const char *product_id, int64_t quantity, const char *actor,
                         struct arena *arena, int64_t deadline_ms, bool *done_out,
                         struct failure *failure);
