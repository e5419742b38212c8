/* Shop lane: what one lane's thread works with - its own connections, its own memory, nothing
 * shared but the stock gate. A write lane also publishes. Opened and closed by rpc's lane threads
 * (rpc_lane_kind.open/close); handed to every handler. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "broker/broker.h"
#include "postgres/postgres_fitness.h"
#include "postgres/postgres_link.h"
#include "redis/book.h"
#include "rpc/call.h"
#include "server/audit_walk.h"
#include "server/failover.h"
#include "server/find_products.h"
#include "server/outage.h"
#include "server/stock_gate.h"

struct persist_waiter;
struct store_fitness;
struct redis_link;

/* What all lanes are opened with; read only. */
struct lane_options {
    const struct clock *clock;
    struct stock_gate *gate;
    struct audit_gauges *audit;
    struct store_fitness *fitness;
    struct persist_waiter *waiter; /* NULL: nobody waits for PERSISTED */
    const char *shard;
    struct book_limits limits;
    struct book_retention retention; /* of events that are settled */
    const char *redis_url;
    const char *cache_url;
    const char *database_url;
    struct broker_options broker;
    int64_t connect_timeout_ms;
    int64_t redis_timeout_ms; /* of one exchange */
    int64_t cache_timeout_ms;
    int64_t postgres_timeout_ms; /* of one exchange */
    int64_t publish_timeout_ms;  /* T_pub: from before the decision to the confirm */
    int64_t product_ttl_ms;
    int64_t missing_product_ttl_ms;
};

struct shop_lane {
    const struct lane_options *options;
    const struct clock *clock;
    struct arena arena; /* of the batch; whoever starts a batch resets it */
    struct redis_link *redis;
    struct book *book;
    struct redis_link *cache_redis;
    struct product_cache *cache;
    struct postgres_link *postgres;
    struct broker_publisher *publisher; /* NULL in a read lane */
    struct product_source products;
    struct outage redis_outage, postgres_outage, rabbitmq_outage;
    struct failover failover; /* of the relay's lane */
    struct audit_walk walk;   /* of the auditor's */
    struct postgres_fitness fitness;
    struct stock_pass pass; /* of the batch at hand, in a write lane */
    bool rabbitmq_slow;     /* the last batch was not confirmed in time: wait less for the next */
};

/* For struct rpc_lane_kind; context is a struct lane_options. Connections are made by their first
 * use. */
void *shop_lane_open_write(void *context, struct failure *failure);
void *shop_lane_open_read(void *context, struct failure *failure);
void shop_lane_close(void *state);
/* Of a write lane: answers RabbitMQ's heartbeats. */
void shop_lane_idle(void *state);

/* Of a lane's connection to PostgreSQL, and of one that somebody needs besides. */
struct postgres_link_options shop_lane_postgres(const struct lane_options *options);

/* When the last of these calls expires, at most `most_ms` from now: how long one exchange of the
 * batch may take. */
int64_t shop_lane_deadline_ms(const struct shop_lane *lane, struct rpc_call *const *calls,
                              size_t count, int64_t most_ms);
/* Asked last, after what was read from Redis: whether that was of stock in force. Redis that holds
 * this epoch and its scripts now has held them all the while, for they are loaded once an epoch;
 * one that was restarted or emptied may have lost decisions. UNAVAILABLE, STOCK_FENCED when not;
 * the gate is closed then. */
enum status shop_lane_still_open(struct shop_lane *lane, int64_t epoch, struct failure *failure);
/* Notes the failure of a store and puts into *failure what the caller is told. */
enum status shop_lane_blame(struct shop_lane *lane, struct outage *outage,
                            const struct failure *cause, struct failure *failure);
