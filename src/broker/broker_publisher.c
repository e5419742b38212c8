/* Publisher: see broker.h. Writes a batch, then collects the broker's answers until the deadline.
 * Answers that come later belong to nobody: who published has by then been told "not confirmed" and
 * publishes again, and the duplicate dies on PostgreSQL's primary key. While such old messages are
 * unanswered the broker is stuck, and a new batch fails at once instead of waiting behind them. */
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "broker/broker_confirms.h"
#include "broker/broker_link.h"
#include "broker/broker_topology.h"

/* A broker that answers heartbeats but not for this long for a message: another connection may
 * reach a healthy node. */
#define STUCK_MS 15000
/* After a return the topology is declared again, not more often than this. */
#define REDECLARE_EVERY_MS 1000
/* An idle caller may be wanted any moment: connecting may not take longer than this then. */
#define IDLE_CONNECT_MS 1000
/* The socket is read between messages this often, so that a nack or a block ends the batch early.
 */
#define READ_EVERY 16

struct broker_publisher {
    struct broker_link link;
    struct broker_confirms confirms;
    uint64_t generation; /* of the connection that confirms and returning are about */
    bool redeclare;      /* something that was declared is gone */
    int64_t declared_ms;
    int64_t stuck_ms;     /* since when old messages have been unanswered; 0 = none are */
    uint64_t return_left; /* bytes of a returned message's body that are still to come */
    bool return_header;   /* its header, too */
};

static enum status ready(struct broker_publisher *publisher, int64_t deadline_ms,
                         struct failure *failure);
static enum status redeclare(struct broker_publisher *publisher, int64_t deadline_ms,
                             struct failure *failure);
static enum status refuse_when_stuck(struct broker_publisher *publisher, struct failure *failure);
static enum status write_all(struct broker_publisher *publisher, struct broker_message *messages,
                             size_t count, int64_t deadline_ms, struct failure *failure);
static enum status write_one(struct broker_publisher *publisher, struct broker_message *message,
                             int64_t deadline_ms, struct failure *failure);
static enum status await_answers(struct broker_publisher *publisher, size_t until_waiting,
                                 int64_t deadline_ms, struct failure *failure);
static enum status read_answers(struct broker_publisher *publisher, int64_t wait_until_ms,
                                struct failure *failure);
static enum status conclude(struct broker_publisher *publisher, struct failure *failure);

struct broker_publisher *broker_publisher_create(const struct broker_options *options)
{
    struct broker_publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher != NULL && !broker_link_init(&publisher->link, options)) {
        free(publisher);
        return NULL;
    }
    return publisher;
}

void broker_publisher_destroy(struct broker_publisher **publisher)
{
    if (*publisher == NULL) {
        return;
    }
    broker_link_fini(&(*publisher)->link);
    free(*publisher);
    *publisher = NULL;
}

enum status broker_publish(struct broker_publisher *publisher, struct broker_message *messages,
                           size_t count, int64_t deadline_ms, struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        messages[i].confirmed = false;
    }
    enum status status = ready(publisher, deadline_ms, failure);
    if (status != STATUS_OK) {
        return status;
    }
    broker_confirms_begin(&publisher->confirms);
    status = write_all(publisher, messages, count, deadline_ms, failure);
    if (status == STATUS_OK) {
        status = await_answers(publisher, 0, deadline_ms, failure);
    }
    broker_confirms_end(&publisher->confirms);
    if (publisher->confirms.waiting > 0) {
        publisher->stuck_ms = broker_link_now_ms(&publisher->link);
    }
    return status == STATUS_OK ? conclude(publisher, failure) : status;
}

void broker_publisher_idle(struct broker_publisher *publisher)
{
    (void)ready(publisher, broker_link_now_ms(&publisher->link) + IDLE_CONNECT_MS, NULL);
}

/* Rights to an exchange show only when something is published to it: under a key that nobody binds,
 * which comes back. */
enum status broker_publisher_check(struct broker_publisher *publisher, struct failure *failure)
{
    const struct clock *clock = publisher->link.options.clock;
    struct broker_message probe = {.routing_key = "order.probe", .message_id = uuid_v7(clock)};
    int64_t deadline_ms =
        broker_link_now_ms(&publisher->link) + publisher->link.options.connect_timeout_ms;
    struct failure why;
    enum status status = broker_publish(publisher, &probe, 1, deadline_ms, &why);
    if (status == STATUS_FAILED_PRECONDITION && strcmp(why.reason, "UNROUTABLE") == 0) {
        publisher->redeclare = false;
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        *failure = why;
    }
    return status;
}

bool broker_publisher_connected(const struct broker_publisher *publisher)
{
    return publisher->link.connection != NULL;
}

enum status broker_queue_depth(struct broker_publisher *publisher, int64_t *ready_out,
                               int64_t *consumers_out, struct failure *failure)
{
    struct broker_link *link = &publisher->link;
    int64_t deadline_ms = broker_link_now_ms(link) + link->options.connect_timeout_ms;
    enum status status = broker_link_open(link, deadline_ms, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct timeval timeout = broker_link_left(link, deadline_ms);
    (void)amqp_set_rpc_timeout(link->connection, &timeout);
    broker_link_arm(link, deadline_ms);
    const amqp_queue_declare_ok_t *depth =
        amqp_queue_declare(link->connection, BROKER_CHANNEL, broker_text(link->options.queue), 1, 1,
                           0, 0, amqp_empty_table);
    broker_link_disarm(link);
    status = broker_link_replied(link, "asking for the queue's depth", failure);
    if (status == STATUS_OK) {
        *ready_out = depth->message_count;
        *consumers_out = depth->consumer_count;
    }
    return status;
}

/* Connected, in confirm mode, all that the broker has said so far is heard, and it is willing. */
static enum status ready(struct broker_publisher *publisher, int64_t deadline_ms,
                         struct failure *failure)
{
    struct broker_link *link = &publisher->link;
    enum status status = broker_link_open(link, deadline_ms, failure);
    if (status == STATUS_OK && publisher->generation != link->generation) {
        broker_link_arm(link, deadline_ms);
        (void)amqp_confirm_select(link->connection, BROKER_CHANNEL);
        broker_link_disarm(link);
        status = broker_link_replied(link, "asking for confirms", failure);
        publisher->generation = link->generation;
        publisher->stuck_ms = 0;
        publisher->redeclare = false;
        publisher->return_header = false;
        publisher->return_left = 0;
        broker_confirms_reset(&publisher->confirms);
    }
    if (status == STATUS_OK) {
        status = redeclare(publisher, deadline_ms, failure);
    }
    if (status == STATUS_OK) {
        status = read_answers(publisher, 0, failure);
    }
    return status == STATUS_OK ? refuse_when_stuck(publisher, failure) : status;
}

/* Somebody has deleted an exchange or a binding while we run: make it again. */
static enum status redeclare(struct broker_publisher *publisher, int64_t deadline_ms,
                             struct failure *failure)
{
    struct broker_link *link = &publisher->link;
    int64_t now_ms = broker_link_now_ms(link);
    if (!publisher->redeclare || now_ms - publisher->declared_ms < REDECLARE_EVERY_MS) {
        return STATUS_OK;
    }
    publisher->redeclare = false;
    publisher->declared_ms = now_ms;
    struct timeval timeout = broker_link_left(link, deadline_ms);
    (void)amqp_set_rpc_timeout(link->connection, &timeout);
    broker_link_arm(link, deadline_ms);
    enum status status = broker_topology_declare(link, failure);
    broker_link_disarm(link);
    return status;
}

static enum status refuse_when_stuck(struct broker_publisher *publisher, struct failure *failure)
{
    struct broker_link *link = &publisher->link;
    if (link->blocked) {
        return failure_set(failure, STATUS_UNAVAILABLE, "BROKER_BLOCKED",
                           "RabbitMQ takes no messages for now: it is short of memory or disk");
    }
    if (publisher->confirms.waiting == 0) {
        publisher->stuck_ms = 0;
        return STATUS_OK;
    }
    struct failure why;
    (void)failure_set(&why, STATUS_UNAVAILABLE, "BROKER_STUCK",
                      "RabbitMQ has not answered for messages published before");
    if (failure != NULL) {
        *failure = why;
    }
    if (broker_link_now_ms(link) - publisher->stuck_ms >= STUCK_MS) {
        return broker_link_break(link, &why);
    }
    return why.code;
}

static enum status write_all(struct broker_publisher *publisher, struct broker_message *messages,
                             size_t count, int64_t deadline_ms, struct failure *failure)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (!broker_confirms_has_room(&publisher->confirms)) {
            status = await_answers(publisher, BROKER_CONFIRMS_WINDOW / 2, deadline_ms, failure);
        } else if (i % READ_EVERY == READ_EVERY - 1) {
            status = read_answers(publisher, 0, failure);
        }
        if (status == STATUS_OK && publisher->link.blocked) {
            return refuse_when_stuck(publisher, failure);
        }
        if (status == STATUS_OK) {
            status = write_one(publisher, &messages[i], deadline_ms, failure);
        }
    }
    return status;
}

static enum status write_one(struct broker_publisher *publisher, struct broker_message *message,
                             int64_t deadline_ms, struct failure *failure)
{
    struct broker_link *link = &publisher->link;
    char message_id[UUID_TEXT_BYTES];
    uuid_print(&message->message_id, message_id);
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                  AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG,
        .content_type = broker_text(BROKER_CONTENT_TYPE),
        .delivery_mode = AMQP_DELIVERY_PERSISTENT,
        .message_id = broker_text(message_id),
        .type = broker_text(BROKER_EVENT_TYPE),
    };
    amqp_table_entry_t header;
    if (message->traceparent != NULL && message->traceparent[0] != '\0') {
        header = (amqp_table_entry_t){.key = broker_text("traceparent"),
                                      .value = {.kind = AMQP_FIELD_KIND_UTF8,
                                                .value.bytes = broker_text(message->traceparent)}};
        properties._flags |= AMQP_BASIC_HEADERS_FLAG;
        properties.headers = (amqp_table_t){.num_entries = 1, .entries = &header};
    }
    amqp_bytes_t body = {.len = message->body.size, .bytes = (void *)(uintptr_t)message->body.data};
    broker_confirms_add(&publisher->confirms, message);
    broker_link_arm(link, deadline_ms);
    int mandatory = !message->optional && !CANARY("not_mandatory");
    int result =
        amqp_basic_publish(link->connection, BROKER_CHANNEL, broker_text(link->options.exchange),
                           broker_text(message->routing_key), mandatory, 0, &properties, body);
    broker_link_disarm(link);
    return broker_link_sent(link, result, "publishing", failure);
}

static enum status await_answers(struct broker_publisher *publisher, size_t until_waiting,
                                 int64_t deadline_ms, struct failure *failure)
{
    while (publisher->confirms.waiting > until_waiting) {
        if (broker_link_now_ms(&publisher->link) >= deadline_ms) {
            return failure_set(failure, STATUS_DEADLINE_EXCEEDED, "CONFIRM_TIMEOUT",
                               "RabbitMQ has not confirmed in time");
        }
        enum status status = read_answers(publisher, deadline_ms, failure);
        if (status != STATUS_OK) {
            return status;
        }
        if (publisher->link.blocked) {
            return refuse_when_stuck(publisher, failure);
        }
    }
    return STATUS_OK;
}

static void take_method(struct broker_publisher *publisher, const amqp_method_t *method)
{
    if (method->id == AMQP_BASIC_ACK_METHOD) {
        const amqp_basic_ack_t *ack = method->decoded;
        broker_confirms_ack(&publisher->confirms, ack->delivery_tag, ack->multiple != 0);
    } else if (method->id == AMQP_BASIC_NACK_METHOD) {
        const amqp_basic_nack_t *nack = method->decoded;
        broker_confirms_nack(&publisher->confirms, nack->delivery_tag, nack->multiple != 0);
    } else if (method->id == AMQP_BASIC_RETURN_METHOD) {
        publisher->return_header = true;
    }
}

static void take_returned(struct broker_publisher *publisher, const amqp_frame_t *frame)
{
    const amqp_basic_properties_t *properties = frame->payload.properties.decoded;
    publisher->return_header = false;
    publisher->return_left = frame->payload.properties.body_size;
    char text[UUID_TEXT_BYTES] = {0};
    struct uuid message_id;
    if (properties->message_id.len == sizeof text - 1) {
        memcpy(text, properties->message_id.bytes, sizeof text - 1);
    }
    if (uuid_parse(text, &message_id)) {
        broker_confirms_return(&publisher->confirms, &message_id);
    }
}

/* Waits for the first frame, then takes what else is there. */
static enum status read_answers(struct broker_publisher *publisher, int64_t wait_until_ms,
                                struct failure *failure)
{
    for (;;) {
        amqp_frame_t frame;
        bool got;
        enum status status =
            broker_link_frame(&publisher->link, wait_until_ms, &frame, &got, failure);
        if (status != STATUS_OK || !got) {
            return status;
        }
        wait_until_ms = 0;
        if (frame.frame_type == AMQP_FRAME_METHOD) {
            take_method(publisher, &frame.payload.method);
        } else if (frame.frame_type == AMQP_FRAME_HEADER && publisher->return_header) {
            take_returned(publisher, &frame);
        } else if (frame.frame_type == AMQP_FRAME_BODY &&
                   frame.payload.body_fragment.len <= publisher->return_left) {
            publisher->return_left -= frame.payload.body_fragment.len;
        }
    }
}

/* All are answered for. */
static enum status conclude(struct broker_publisher *publisher, struct failure *failure)
{
    struct broker_confirms *confirms = &publisher->confirms;
    if (confirms->returned > 0) {
        publisher->redeclare = true;
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "UNROUTABLE",
                           "no queue is bound to exchange %s for %zu message(s)",
                           publisher->link.options.exchange, confirms->returned);
    }
    if (confirms->refused > 0) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "QUEUE_FULL",
                           "RabbitMQ refused %zu message(s): queue %s is full", confirms->refused,
                           publisher->link.options.queue);
    }
    return STATUS_OK;
}
