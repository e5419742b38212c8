/* Consumer: see broker.h. Deliveries are put together frame by frame, so that no message can make a
 * caller wait longer than it said, and kept in a line until they are asked for: RabbitMQ sends the
 * next ones while the worker is busy with these. The line is never longer than the prefetch. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/broker_link.h"

/* Parked messages come one at a time: what is suspected of killing workers must not share its fate.
 */
#define PARKED_PREFETCH 1
#define ACK_MS          5000 /* for writing a few bytes; a broker that takes longer is gone */

static const char TAG_EVENTS[] = "events";
static const char TAG_PARKED[] = "parked";

struct kept {
    struct kept *next;
    struct broker_delivery delivery;
    uint8_t body[];
};

struct broker_consumer {
    struct broker_link link;
    uint16_t prefetch;
    const char *const *tap_keys; /* NULL: no tap */
    size_t tap_key_count;
    uint64_t generation; /* of the connection that all below is about */
    struct kept *first, **last;
    uint64_t given, acknowledged; /* the last tags */
    /* The delivery whose frames are coming in. */
    bool header_next;
    struct broker_delivery arriving;
    struct kept *filling; /* NULL until the header said how long it is */
    size_t filled;
};

static enum status subscribed(struct broker_consumer *consumer, int64_t deadline_ms,
                              struct failure *failure);
static enum status subscribe_queues(struct broker_consumer *consumer, struct failure *failure);
static enum status subscribe_tap(struct broker_consumer *consumer, struct failure *failure);
static enum status subscribe(struct broker_consumer *consumer, const char *queue, const char *tag,
                             uint16_t prefetch, struct failure *failure);
static enum status look_around(struct broker_consumer *consumer, const char *queue, bool *alone,
                               struct failure *failure);
static void copy_text(amqp_bytes_t from, char *to, size_t room);
static enum status pump(struct broker_consumer *consumer, int64_t wait_until_ms,
                        struct failure *failure);
static enum status take_frame(struct broker_consumer *consumer, const amqp_frame_t *frame,
                              struct failure *failure);
static void forget_all(struct broker_consumer *consumer);

struct broker_consumer *broker_consumer_create(const struct broker_options *options,
                                               uint16_t prefetch)
{
    struct broker_consumer *consumer = calloc(1, sizeof *consumer);
    if (consumer == NULL) {
        return NULL;
    }
    consumer->last = &consumer->first;
    consumer->prefetch = prefetch;
    if (!broker_link_init(&consumer->link, options)) {
        free(consumer);
        return NULL;
    }
    return consumer;
}

struct broker_consumer *broker_consumer_create_tap(const struct broker_options *options,
                                                   uint16_t prefetch, const char *const *keys,
                                                   size_t key_count)
{
    struct broker_consumer *consumer = broker_consumer_create(options, prefetch);
    if (consumer != NULL) {
        consumer->tap_keys = keys;
        consumer->tap_key_count = key_count;
    }
    return consumer;
}

void broker_consumer_destroy(struct broker_consumer **consumer)
{
    if (*consumer == NULL) {
        return;
    }
    forget_all(*consumer);
    broker_link_fini(&(*consumer)->link);
    free(*consumer);
    *consumer = NULL;
}

enum status broker_consume(struct broker_consumer *consumer, int64_t timeout_ms,
                           struct broker_delivery *delivery_out, bool *got_out,
                           struct failure *failure)
{
    int64_t now_ms = broker_link_now_ms(&consumer->link);
    enum status status =
        subscribed(consumer, now_ms + consumer->link.options.connect_timeout_ms, failure);
    if (status == STATUS_OK && consumer->first == NULL) {
        status = pump(consumer, now_ms + timeout_ms, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct kept *kept = consumer->first;
    *got_out = kept != NULL;
    if (kept != NULL) {
        consumer->first = kept->next;
        if (consumer->first == NULL) {
            consumer->last = &consumer->first;
        }
        *delivery_out = kept->delivery;
        consumer->given = kept->delivery.tag;
    }
    return STATUS_OK;
}

void broker_delivery_free(struct broker_delivery *delivery)
{
    free(delivery->memory);
    delivery->memory = NULL;
    delivery->body = (struct bytes){0};
}

void broker_consumer_idle(struct broker_consumer *consumer)
{
    if (consumer->link.connection != NULL && consumer->generation == consumer->link.generation) {
        (void)pump(consumer, 0, NULL);
    }
}

enum status broker_ack_up_to(struct broker_consumer *consumer, uint64_t tag,
                             struct failure *failure)
{
    struct broker_link *link = &consumer->link;
    if (link->connection == NULL) {
        return failure_set(failure, STATUS_UNAVAILABLE, "BROKER_UNAVAILABLE",
                           "the connection of these deliveries is gone");
    }
    broker_link_arm(link, broker_link_now_ms(link) + ACK_MS);
    int result = amqp_basic_ack(link->connection, BROKER_CHANNEL, tag, 1);
    broker_link_disarm(link);
    consumer->acknowledged = tag;
    return broker_link_sent(link, result, "acknowledging", failure);
}

/* What was delivered before the first look is on its way when RabbitMQ answers it, and has come by
 * the time it answers the second. */
enum status broker_consumer_alone(struct broker_consumer *consumer, bool *alone_out,
                                  struct failure *failure)
{
    struct broker_link *link = &consumer->link;
    int64_t deadline_ms = broker_link_now_ms(link) + link->options.connect_timeout_ms;
    bool alone = true;
    enum status status = subscribed(consumer, deadline_ms, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct timeval timeout = broker_link_left(link, deadline_ms);
    (void)amqp_set_rpc_timeout(link->connection, &timeout);
    broker_link_arm(link, deadline_ms);
    for (int look = 0; look < 2 && status == STATUS_OK; look++) {
        status = look_around(consumer, link->options.parked_queue, &alone, failure);
        if (status == STATUS_OK) {
            status = look_around(consumer, link->options.queue, &alone, failure);
        }
    }
    broker_link_disarm(link);
    if (status == STATUS_OK) {
        status = pump(consumer, 0, failure);
    }
    *alone_out = alone && consumer->first == NULL && consumer->filling == NULL &&
                 !consumer->header_next && consumer->given == consumer->acknowledged;
    return status;
}

static enum status look_around(struct broker_consumer *consumer, const char *queue, bool *alone,
                               struct failure *failure)
{
    struct broker_link *link = &consumer->link;
    const amqp_queue_declare_ok_t *depth = amqp_queue_declare(
        link->connection, BROKER_CHANNEL, broker_text(queue), 1, 1, 0, 0, amqp_empty_table);
    char doing[128];
    (void)snprintf(doing, sizeof doing, "asking who consumes from queue %s", queue);
    enum status status = broker_link_replied(link, doing, failure);
    *alone =
        *alone && status == STATUS_OK && depth->message_count == 0 && depth->consumer_count == 1;
    return status;
}

uint64_t broker_consumer_generation(const struct broker_consumer *consumer)
{
    return consumer->link.generation;
}

void broker_consumer_release(struct broker_consumer *consumer)
{
    forget_all(consumer);
    broker_link_close(&consumer->link);
}

static enum status subscribed(struct broker_consumer *consumer, int64_t deadline_ms,
                              struct failure *failure)
{
    struct broker_link *link = &consumer->link;
    if (link->connection == NULL) {
        forget_all(consumer);
    }
    enum status status = broker_link_open(link, deadline_ms, failure);
    if (status != STATUS_OK || consumer->generation == link->generation) {
        return status;
    }
    broker_link_arm(link, deadline_ms);
    status = consumer->tap_keys != NULL ? subscribe_tap(consumer, failure)
                                        : subscribe_queues(consumer, failure);
    broker_link_disarm(link);
    if (status == STATUS_OK) {
        consumer->generation = link->generation;
    }
    return status;
}

static enum status subscribe_queues(struct broker_consumer *consumer, struct failure *failure)
{
    const struct broker_options *options = &consumer->link.options;
    enum status status =
        subscribe(consumer, options->parked_queue, TAG_PARKED, PARKED_PREFETCH, failure);
    if (status == STATUS_OK) {
        status = subscribe(consumer, options->queue, TAG_EVENTS, consumer->prefetch, failure);
    }
    return status;
}

/* Exclusive and deleted with the connection; RabbitMQ makes up its name. */
static enum status subscribe_tap(struct broker_consumer *consumer, struct failure *failure)
{
    struct broker_link *link = &consumer->link;
    const amqp_queue_declare_ok_t *declared = amqp_queue_declare(
        link->connection, BROKER_CHANNEL, amqp_empty_bytes, 0, 0, 1, 1, amqp_empty_table);
    char queue[128] = "", doing[128];
    if (declared != NULL) {
        copy_text(declared->queue, queue, sizeof queue);
    }
    enum status status = broker_link_replied(link, "declaring a queue of its own", failure);
    for (size_t i = 0; status == STATUS_OK && i < consumer->tap_key_count; i++) {
        (void)amqp_queue_bind(link->connection, BROKER_CHANNEL, broker_text(queue),
                              broker_text(link->options.exchange),
                              broker_text(consumer->tap_keys[i]), amqp_empty_table);
        (void)snprintf(doing, sizeof doing, "binding to exchange %s", link->options.exchange);
        status = broker_link_replied(link, doing, failure);
    }
    return status == STATUS_OK ? subscribe(consumer, queue, TAG_EVENTS, consumer->prefetch, failure)
                               : status;
}

/* basic.qos holds for the consumers that come after it. */
static enum status subscribe(struct broker_consumer *consumer, const char *queue, const char *tag,
                             uint16_t prefetch, struct failure *failure)
{
    struct broker_link *link = &consumer->link;
    (void)amqp_basic_qos(link->connection, BROKER_CHANNEL, 0, prefetch, 0);
    char doing[128];
    (void)snprintf(doing, sizeof doing, "subscribing to queue %s", queue);
    enum status status = broker_link_replied(link, doing, failure);
    if (status == STATUS_OK) {
        (void)amqp_basic_consume(link->connection, BROKER_CHANNEL, broker_text(queue),
                                 broker_text(tag), 0, 0, 0, amqp_empty_table);
        status = broker_link_replied(link, doing, failure);
    }
    return status;
}

/* Takes in frames until a delivery is whole, then only what is there already. */
static enum status pump(struct broker_consumer *consumer, int64_t wait_until_ms,
                        struct failure *failure)
{
    for (;;) {
        amqp_frame_t frame;
        bool got;
        enum status status = broker_link_frame(
            &consumer->link, consumer->first == NULL ? wait_until_ms : 0, &frame, &got, failure);
        if (status == STATUS_OK && got) {
            status = take_frame(consumer, &frame, failure);
        }
        if (status != STATUS_OK) {
            forget_all(consumer);
            return status;
        }
        if (!got) {
            return STATUS_OK;
        }
    }
}

static void copy_text(amqp_bytes_t from, char *to, size_t room)
{
    size_t size = from.len < room - 1 ? from.len : room - 1;
    if (size > 0) {
        memcpy(to, from.bytes, size);
    }
    to[size] = '\0';
}

static void take_deliver(struct broker_consumer *consumer, const amqp_basic_deliver_t *deliver)
{
    consumer->arriving = (struct broker_delivery){
        .tag = deliver->delivery_tag,
        .redelivered = deliver->redelivered != 0,
        .parked = deliver->consumer_tag.len == sizeof TAG_PARKED - 1 &&
                  memcmp(deliver->consumer_tag.bytes, TAG_PARKED, sizeof TAG_PARKED - 1) == 0,
    };
    copy_text(deliver->routing_key, consumer->arriving.routing_key,
              sizeof consumer->arriving.routing_key);
    consumer->header_next = true;
}

static void take_table(const amqp_table_t *headers, struct broker_delivery *delivery)
{
    for (int i = 0; i < headers->num_entries; i++) {
        const amqp_table_entry_t *entry = &headers->entries[i];
        char key[32];
        copy_text(entry->key, key, sizeof key);
        if (strcmp(key, "traceparent") == 0 && entry->value.kind == AMQP_FIELD_KIND_UTF8) {
            copy_text(entry->value.value.bytes, delivery->traceparent,
                      sizeof delivery->traceparent);
        }
        if (strcmp(key, "x-delivery-count") == 0 && entry->value.kind == AMQP_FIELD_KIND_I64) {
            delivery->delivery_count = entry->value.value.i64;
        }
    }
}

static bool take_header(struct broker_consumer *consumer, const amqp_frame_t *frame)
{
    struct broker_delivery *delivery = &consumer->arriving;
    const amqp_basic_properties_t *properties = frame->payload.properties.decoded;
    if (properties->_flags & AMQP_BASIC_CONTENT_TYPE_FLAG) {
        copy_text(properties->content_type, delivery->content_type, sizeof delivery->content_type);
    }
    if (properties->_flags & AMQP_BASIC_TYPE_FLAG) {
        copy_text(properties->type, delivery->type, sizeof delivery->type);
    }
    if (properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) {
        copy_text(properties->message_id, delivery->message_id, sizeof delivery->message_id);
    }
    if (properties->_flags & AMQP_BASIC_HEADERS_FLAG) {
        take_table(&properties->headers, delivery);
    }
    uint64_t size = frame->payload.properties.body_size;
    struct kept *kept = size < SIZE_MAX / 2 ? malloc(sizeof *kept + (size_t)size) : NULL;
    if (kept == NULL) {
        return false;
    }
    kept->next = NULL;
    kept->delivery = *delivery;
    kept->delivery.memory = kept;
    kept->delivery.body = bytes_of(kept->body, (size_t)size);
    consumer->filling = kept;
    consumer->filled = 0;
    consumer->header_next = false;
    return true;
}

static bool take_body(struct broker_consumer *consumer, amqp_bytes_t part)
{
    struct kept *kept = consumer->filling;
    if (kept == NULL || part.len > kept->delivery.body.size - consumer->filled) {
        return false;
    }
    memcpy(kept->body + consumer->filled, part.bytes, part.len);
    consumer->filled += part.len;
    return true;
}

static enum status take_frame(struct broker_consumer *consumer, const amqp_frame_t *frame,
                              struct failure *failure)
{
    bool fits = true;
    if (frame->frame_type == AMQP_FRAME_METHOD) {
        if (frame->payload.method.id == AMQP_BASIC_DELIVER_METHOD) {
            take_deliver(consumer, frame->payload.method.decoded);
        } else if (frame->payload.method.id == AMQP_BASIC_CANCEL_METHOD) {
            /* The queue was deleted; a new connection declares it. */
            return broker_link_sent(&consumer->link, AMQP_STATUS_CONNECTION_CLOSED,
                                    "consuming: the queue is gone", failure);
        }
    } else if (frame->frame_type == AMQP_FRAME_HEADER) {
        fits = consumer->header_next && take_header(consumer, frame);
    } else if (frame->frame_type == AMQP_FRAME_BODY) {
        fits = take_body(consumer, frame->payload.body_fragment);
    }
    if (!fits) {
        return broker_link_sent(&consumer->link, AMQP_STATUS_BAD_AMQP_DATA, "taking a message in",
                                failure);
    }
    if (consumer->filling != NULL && consumer->filled == consumer->filling->delivery.body.size) {
        *consumer->last = consumer->filling;
        consumer->last = &consumer->filling->next;
        consumer->filling = NULL;
    }
    return STATUS_OK;
}

/* What has come over a connection that is gone will come again. */
static void forget_all(struct broker_consumer *consumer)
{
    while (consumer->first != NULL) {
        struct kept *kept = consumer->first;
        consumer->first = kept->next;
        free(kept);
    }
    consumer->last = &consumer->first;
    consumer->given = consumer->acknowledged = 0;
    free(consumer->filling);
    consumer->filling = NULL;
    consumer->header_next = false;
}
