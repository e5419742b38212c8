/* See subscriber.h. */
#include "tests/support/subscriber.h"

#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/tcp_socket.h>
#include <shop/v1/events.pb-c.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/cmocka_all.h"

static const char *const KEYS[] = {"order.created", "order.confirmed", "order.cancelled",
                                   "order.expired", "order.fulfilled", "stock.adjusted",
                                   "stock.low",     "stock.back"};
#define KEY_COUNT (sizeof KEYS / sizeof KEYS[0])

static void *run(void *state);
static amqp_connection_state_t connect_queue(struct subscriber *subscriber);
static bool take(struct subscriber *subscriber, amqp_connection_state_t connection);
static void check(struct subscriber *subscriber, const amqp_envelope_t *envelope);
static const char *key_of(const Shop__V1__Event *event);
static void keep_level(struct subscriber *subscriber, const Shop__V1__Event *event);

void subscriber_start(struct subscriber *subscriber, const char *url, const char *prefix)
{
    memset(subscriber, 0, sizeof *subscriber);
    subscriber->url = url;
    (void)snprintf(subscriber->exchange, sizeof subscriber->exchange, "%s.events", prefix);
    (void)snprintf(subscriber->queue, sizeof subscriber->queue, "%s.outside", prefix);
    amqp_connection_state_t connection = connect_queue(subscriber);
    assert_non_null(connection);
    (void)amqp_destroy_connection(connection);
    assert_int_equal(pthread_create(&subscriber->thread, NULL, run, subscriber), 0);
}

void subscriber_stop(struct subscriber *subscriber)
{
    atomic_store(&subscriber->is_stopping, true);
    (void)pthread_join(subscriber->thread, NULL);
    amqp_connection_state_t connection = connect_queue(subscriber);
    if (connection != NULL) {
        (void)amqp_queue_delete(connection, 1, amqp_cstring_bytes(subscriber->queue), 0, 0);
        (void)amqp_destroy_connection(connection);
    }
}

static void *run(void *state)
{
    struct subscriber *subscriber = state;
    while (!atomic_load(&subscriber->is_stopping)) {
        amqp_connection_state_t connection = connect_queue(subscriber);
        if (connection == NULL) {
            (void)nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
            continue;
        }
        atomic_fetch_add(&subscriber->connections, 1);
        (void)amqp_basic_consume(connection, 1, amqp_cstring_bytes(subscriber->queue),
                                 amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
        bool is_good = amqp_get_rpc_reply(connection).reply_type == AMQP_RESPONSE_NORMAL;
        while (is_good && !atomic_load(&subscriber->is_stopping)) {
            is_good = take(subscriber, connection);
        }
        (void)amqp_destroy_connection(connection);
    }
    return NULL;
}

/* NULL when RabbitMQ does not answer. */
static amqp_connection_state_t connect_queue(struct subscriber *subscriber)
{
    char copy[512];
    struct amqp_connection_info info;
    (void)snprintf(copy, sizeof copy, "%s", subscriber->url);
    if (amqp_parse_url(copy, &info) != AMQP_STATUS_OK) {
        return NULL;
    }
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    amqp_table_entry_t entry = {
        .key = amqp_cstring_bytes("x-queue-type"),
        .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes("quorum")}};
    amqp_table_t arguments = {.num_entries = 1, .entries = &entry};
    bool is_good = amqp_socket_open(socket, info.host, info.port) == AMQP_STATUS_OK &&
                   amqp_login(connection, info.vhost[0] == '\0' ? "/" : info.vhost, 0, 131072, 0,
                              AMQP_SASL_METHOD_PLAIN, info.user, info.password)
                           .reply_type == AMQP_RESPONSE_NORMAL &&
                   amqp_channel_open(connection, 1) != NULL &&
                   amqp_queue_declare(connection, 1, amqp_cstring_bytes(subscriber->queue), 0, 1, 0,
                                      0, arguments) != NULL;
    for (size_t i = 0; is_good && i < KEY_COUNT; i++) {
        is_good = amqp_queue_bind(connection, 1, amqp_cstring_bytes(subscriber->queue),
                                  amqp_cstring_bytes(subscriber->exchange),
                                  amqp_cstring_bytes(KEYS[i]), amqp_empty_table) != NULL;
    }
    if (!is_good) {
        (void)amqp_destroy_connection(connection);
        return NULL;
    }
    return connection;
}

/* False when the connection is gone. */
static bool take(struct subscriber *subscriber, amqp_connection_state_t connection)
{
    amqp_envelope_t envelope;
    struct timeval timeout = {.tv_usec = 200 * 1000};
    amqp_maybe_release_buffers(connection);
    amqp_rpc_reply_t reply = amqp_consume_message(connection, &envelope, &timeout, 0);
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
        reply.library_error == AMQP_STATUS_TIMEOUT) {
        return true;
    }
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        return false;
    }
    check(subscriber, &envelope);
    int acknowledged = amqp_basic_ack(connection, 1, envelope.delivery_tag, 0);
    amqp_destroy_envelope(&envelope);
    return acknowledged == AMQP_STATUS_OK;
}

static bool is_text(amqp_bytes_t bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.bytes, text, bytes.len) == 0;
}

static void complain(struct subscriber *subscriber, const char *what, amqp_bytes_t about)
{
    if (subscriber->complaint[0] == '\0') {
        (void)snprintf(subscriber->complaint, sizeof subscriber->complaint, "%s: %.*s", what,
                       (int)(about.len < 100 ? about.len : 100), (const char *)about.bytes);
    }
}

static void note_trace(struct subscriber *subscriber, const amqp_envelope_t *envelope)
{
    const amqp_table_t *headers = &envelope->message.properties.headers;
    size_t at = atomic_load(&subscriber->traced);
    for (int i = 0; i < headers->num_entries && at < SUBSCRIBER_TRACES_MAX; i++) {
        const amqp_table_entry_t *entry = &headers->entries[i];
        if (!is_text(entry->key, "traceparent")) {
            continue;
        }
        if (entry->value.kind != AMQP_FIELD_KIND_UTF8 || entry->value.value.bytes.len != 55) {
            complain(subscriber, "traceparent", envelope->routing_key);
            return;
        }
        (void)snprintf(subscriber->traces[at].routing_key,
                       sizeof subscriber->traces[at].routing_key, "%.*s",
                       (int)envelope->routing_key.len, (const char *)envelope->routing_key.bytes);
        (void)snprintf(subscriber->traces[at].traceparent,
                       sizeof subscriber->traces[at].traceparent, "%.55s",
                       (const char *)entry->value.value.bytes.bytes);
        atomic_store(&subscriber->traced, at + 1);
    }
}

static void keep_level(struct subscriber *subscriber, const Shop__V1__Event *event)
{
    size_t at = atomic_load(&subscriber->level_count);
    if (event->change_case != SHOP__V1__EVENT__CHANGE_STOCK_LEVEL || at >= SUBSCRIBER_LEVELS_MAX) {
        return;
    }
    struct subscriber_level *level = &subscriber->levels[at];
    (void)snprintf(level->key, sizeof level->key, "%s", key_of(event));
    (void)snprintf(level->product_id, sizeof level->product_id, "%s",
                   event->stock_level->product_id);
    (void)snprintf(level->event_id, sizeof level->event_id, "%s", event->event_id);
    level->available = event->stock_level->available;
    atomic_store(&subscriber->level_count, at + 1);
}

/* All that docs/EVENTS.md says of a message. */
static void check(struct subscriber *subscriber, const amqp_envelope_t *envelope)
{
    const amqp_basic_properties_t *properties = &envelope->message.properties;
    amqp_bytes_t body = envelope->message.body;
    Shop__V1__EventBatch *batch = shop__v1__event_batch__unpack(NULL, body.len, body.bytes);
    if (!is_text(properties->content_type, "application/x-protobuf") ||
        !is_text(properties->type, "shop.v1.EventBatch") || properties->delivery_mode != 2) {
        complain(subscriber, "properties", properties->type);
    }
    if (batch == NULL || batch->n_events == 0 || batch->n_events > 256) {
        complain(subscriber, "no batch of 1 to 256 events", envelope->routing_key);
        return;
    }
    if (!is_text(properties->message_id, batch->events[0]->event_id)) {
        complain(subscriber, "message_id", properties->message_id);
    }
    note_trace(subscriber, envelope);
    atomic_fetch_add(&subscriber->messages, 1);
    atomic_fetch_add(&subscriber->packed, batch->n_events > 1 ? 1 : 0);
    for (size_t i = 0; i < batch->n_events; i++) {
        if (!is_text(envelope->routing_key, key_of(batch->events[i]))) {
            complain(subscriber, "an event of another key", envelope->routing_key);
        }
        keep_level(subscriber, batch->events[i]);
        size_t at = atomic_load(&subscriber->count);
        if (at < SUBSCRIBER_EVENTS_MAX) {
            (void)snprintf(subscriber->event_ids[at], sizeof subscriber->event_ids[at], "%s",
                           batch->events[i]->event_id);
            atomic_store(&subscriber->count, at + 1);
        }
    }
    shop__v1__event_batch__free_unpacked(batch, NULL);
}

static const char *key_of(const Shop__V1__Event *event)
{
    if (event->change_case == SHOP__V1__EVENT__CHANGE_ORDER_CREATED) {
        return event->order_created->version == 1 ? "order.created" : "?";
    }
    if (event->change_case == SHOP__V1__EVENT__CHANGE_STOCK_ADJUSTED) {
        return "stock.adjusted";
    }
    if (event->change_case == SHOP__V1__EVENT__CHANGE_STOCK_LEVEL) {
        bool is_low = event->stock_level->kind == SHOP__V1__STOCK_LEVEL__KIND__KIND_LOW;
        return is_low ? "stock.low" : "stock.back";
    }
    if (event->change_case != SHOP__V1__EVENT__CHANGE_ORDER_CHANGED ||
        event->order_changed->version < 2) {
        return "?";
    }
    switch ((int)event->order_changed->kind) {
    case SHOP__V1__ORDER_CHANGED__KIND__KIND_CONFIRMED:
        return "order.confirmed";
    case SHOP__V1__ORDER_CHANGED__KIND__KIND_CANCELLED:
        return "order.cancelled";
    case SHOP__V1__ORDER_CHANGED__KIND__KIND_EXPIRED:
        return "order.expired";
    case SHOP__V1__ORDER_CHANGED__KIND__KIND_FULFILLED:
        return "order.fulfilled";
    default:
        return "?";
    }
}
