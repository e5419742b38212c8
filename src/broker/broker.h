/* Broker: RabbitMQ as both sides use it - names, connection, publishing with confirms, consuming.
 * The only folder that knows rabbitmq-c. One thread per object; a connection either publishes or
 * consumes.
 * Topology (declared by whoever connects first, the same for all):
 *   exchange shop.events    direct, durable
 *   queue    orders.persist quorum, x-overflow=reject-publish, x-delivery-limit,
 *            dead letters (at-least-once) through exchange shop.parked to queue orders.parked
 * Always: after any protocol or socket error the connection is dropped and made anew by the next
 * use, not more often than the backoff allows. Nothing here blocks beyond its deadline, and that
 * holds for a broker that stops reading, too. */
#pragma once

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/uuid.h"

#define BROKER_ROUTING_ORDER_CREATED   "order.created"
#define BROKER_ROUTING_ORDER_CONFIRMED "order.confirmed"
#define BROKER_ROUTING_ORDER_CANCELLED "order.cancelled"
#define BROKER_ROUTING_ORDER_EXPIRED   "order.expired"
#define BROKER_ROUTING_ORDER_FULFILLED "order.fulfilled"
#define BROKER_ROUTING_STOCK_ADJUSTED  "stock.adjusted"
#define BROKER_ROUTING_STOCK_LOW       "stock.low"
#define BROKER_ROUTING_STOCK_BACK      "stock.back"
/* What the workers persist. They tell stock.low and stock.back themselves. */
#define BROKER_PERSISTED_KEYS                                                                      \
    {BROKER_ROUTING_ORDER_CREATED, BROKER_ROUTING_ORDER_CONFIRMED, BROKER_ROUTING_ORDER_CANCELLED, \
     BROKER_ROUTING_ORDER_EXPIRED, BROKER_ROUTING_ORDER_FULFILLED, BROKER_ROUTING_STOCK_ADJUSTED}
#define BROKER_CONTENT_TYPE "application/x-protobuf"
#define BROKER_EVENT_TYPE   "shop.v1.EventBatch"
/* A message carries events of one batch up to this size: large enough that the cost of a message is
 * nothing for an event, far below RabbitMQ's 16 MiB, and one redelivery stays cheap. */
#define BROKER_MESSAGE_BYTES_MAX  (256 * 1024)
#define BROKER_MESSAGE_EVENTS_MAX 256

/* Attempts to process a message before it is parked. RabbitMQ counts every return - a crashed
 * worker, a lost connection - so this is far above what a bad hour of restarts costs. */
#define BROKER_DELIVERY_LIMIT 100

struct broker_options {
    const char *url;             /* amqp://user:password@host:port/vhost */
    const char *exchange;        /* "shop.events" */
    const char *queue;           /* "orders.persist"; NULL: who only taps; declares nothing */
    const char *parked_exchange; /* "shop.parked" */
    const char *parked_queue;    /* "orders.parked" */
    int64_t queue_bytes_max;     /* x-max-length-bytes of the queue */
    int64_t connect_timeout_ms;
    int64_t heartbeat_s;
    const char *connection_name; /* shown by RabbitMQ's tools */
    const struct clock *clock;
};

/* ---- publishing ---- */
struct broker_publisher;

struct broker_message {
    const char *routing_key;
    struct bytes body; /* an encoded shop.v1.EventBatch */
    struct uuid message_id;
    const char *traceparent; /* NULL or "": none */
    bool optional; /* no queue need be bound to its key: it is confirmed then, too, and gone */

    /* out: RabbitMQ has it safely in at least one queue. False = not known: publish it again. */
    bool confirmed;
};

/* Connects lazily. NULL when memory is out. Options' texts must outlive it. */
struct broker_publisher *broker_publisher_create(const struct broker_options *options);
void broker_publisher_destroy(struct broker_publisher **publisher);
/* Publishes all (persistent; mandatory, unless optional) and waits for their confirms, at most
 * until deadline_ms (monotonic). A returned (unroutable) or refused (nack) message is not
 * confirmed. OK when all are confirmed; otherwise *failure says what stood in the way. */
enum status broker_publish(struct broker_publisher *publisher, struct broker_message *messages,
                           size_t count, int64_t deadline_ms, struct failure *failure);
/* Answers heartbeats, closes what the broker closed and connects again (for a second at most); call
 * it when idle, every few seconds. */
void broker_publisher_idle(struct broker_publisher *publisher);
/* Whether RabbitMQ lets this user do all that publishing takes: the topology is declared, and a
 * message is sent that goes nowhere. PERMISSION_DENIED, FAILED_PRECONDITION: it does not, or a
 * queue exists otherwise, and the message says what to do. Others: not known now. */
enum status broker_publisher_check(struct broker_publisher *publisher, struct failure *failure);
/* Whether there is a connection, as far as is known. */
bool broker_publisher_connected(const struct broker_publisher *publisher);
/* Messages ready in the queue and its consumers, by passive declaration. */
enum status broker_queue_depth(struct broker_publisher *publisher, int64_t *ready_out,
                               int64_t *consumers_out, struct failure *failure);

/* ---- consuming ---- */
struct broker_consumer;

struct broker_delivery {
    uint64_t tag;
    struct bytes body; /* the delivery's own memory until broker_delivery_free */
    char routing_key[64];
    char content_type[64];
    char type[64];
    char message_id[64];
    char traceparent[64];
    bool redelivered;
    bool parked;            /* came from the parked queue: the delivery limit was reached */
    int64_t delivery_count; /* how often it was given back, as RabbitMQ counts; 0 = never */
    void *memory;           /* the consumer's */
};

struct broker_consumer *broker_consumer_create(const struct broker_options *options,
                                               uint16_t prefetch);
/* A tap: gets a copy of what the exchange carries under these keys from now on, through a queue of
 * its own that goes with the connection; what comes while there is none is missed. The exchange
 * must exist (options.queue is NULL). The keys must outlive it. */
struct broker_consumer *broker_consumer_create_tap(const struct broker_options *options,
                                                   uint16_t prefetch, const char *const *keys,
                                                   size_t key_count);
void broker_consumer_destroy(struct broker_consumer **consumer);
/* Waits up to timeout_ms (0 = only what is there) for the next delivery; connects and subscribes
 * (to queue and parked queue) when needed. OK with *got_out = false when nothing came. UNAVAILABLE
 * when there is no connection: deliveries taken before are the broker's again and must be
 * forgotten. */
enum status broker_consume(struct broker_consumer *consumer, int64_t timeout_ms,
                           struct broker_delivery *delivery_out, bool *got_out,
                           struct failure *failure);
void broker_delivery_free(struct broker_delivery *delivery);
/* Answers heartbeats and takes in, for the next consume, what RabbitMQ has sent. For whoever is
 * busy with something else for seconds. */
void broker_consumer_idle(struct broker_consumer *consumer);
/* Acknowledges this delivery and all before it that are not acknowledged. */
enum status broker_ack_up_to(struct broker_consumer *consumer, uint64_t tag,
                             struct failure *failure);
/* Whether this consumer is all there is at the queue and the parked queue: nothing is ready, nobody
 * else consumes, it has got nothing itself. Then no message is anywhere, and none was delivered
 * that is not acknowledged. RabbitMQ says 0 and 0 also when it cannot tell; that this consumer is
 * counted shows that it can. */
enum status broker_consumer_alone(struct broker_consumer *consumer, bool *alone_out,
                                  struct failure *failure);
/* Counts connections made; deliveries of an older one cannot be acknowledged any more. */
uint64_t broker_consumer_generation(const struct broker_consumer *consumer);
/* Gives back what is unacknowledged and closes the connection (PostgreSQL is away: one delivery
 * attempt for the whole outage). The next consume connects again. */
void broker_consumer_release(struct broker_consumer *consumer);
