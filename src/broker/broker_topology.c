/* See broker_topology.h. Parked first: a queue must not exist before where its dead letters go. */
#include "broker/broker_topology.h"

#include <stdio.h>

#define ARGUMENTS_MAX 8

struct arguments {
    amqp_table_entry_t entries[ARGUMENTS_MAX];
    int count;
};

static enum status declare_exchange(struct broker_link *link, const char *name, const char *type,
                                    struct failure *failure);
static enum status declare_queue(struct broker_link *link, const char *name,
                                 struct arguments *arguments, struct failure *failure);
static enum status bind_queue(struct broker_link *link, const char *queue, const char *exchange,
                              const char *routing_key, struct failure *failure);

static void add_text(struct arguments *arguments, const char *key, const char *value)
{
    arguments->entries[arguments->count++] = (amqp_table_entry_t){
        .key = broker_text(key),
        .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = broker_text(value)}};
}

static void add_int(struct arguments *arguments, const char *key, int64_t value)
{
    arguments->entries[arguments->count++] = (amqp_table_entry_t){
        .key = broker_text(key), .value = {.kind = AMQP_FIELD_KIND_I64, .value.i64 = value}};
}

/* Fanout, so that what is parked keeps its routing key and no key can be forgotten here. No limit
 * of deliveries: from here nothing may be dropped, a worker writes it to dead_letters. */
static enum status declare_parked(struct broker_link *link, struct failure *failure)
{
    const struct broker_options *options = &link->options;
    struct arguments arguments = {.count = 0};
    add_text(&arguments, "x-queue-type", "quorum");
    add_int(&arguments, "x-delivery-limit", -1);
    enum status status = declare_exchange(link, options->parked_exchange, "fanout", failure);
    if (status == STATUS_OK) {
        status = declare_queue(link, options->parked_queue, &arguments, failure);
    }
    if (status == STATUS_OK) {
        status = bind_queue(link, options->parked_queue, options->parked_exchange, "", failure);
    }
    return status;
}

static enum status declare_events(struct broker_link *link, struct failure *failure)
{
    const struct broker_options *options = &link->options;
    struct arguments arguments = {.count = 0};
    add_text(&arguments, "x-queue-type", "quorum");
    add_text(&arguments, "x-overflow", "reject-publish");
    add_int(&arguments, "x-max-length-bytes", options->queue_bytes_max);
    add_int(&arguments, "x-delivery-limit", BROKER_DELIVERY_LIMIT);
    add_text(&arguments, "x-dead-letter-exchange", options->parked_exchange);
    add_text(&arguments, "x-dead-letter-strategy", "at-least-once");
    enum status status = declare_exchange(link, options->exchange, "direct", failure);
    if (status == STATUS_OK) {
        status = declare_queue(link, options->queue, &arguments, failure);
    }
    return status;
}

enum status broker_topology_declare(struct broker_link *link, struct failure *failure)
{
    static const char *const ROUTING_KEYS[] = BROKER_PERSISTED_KEYS;
    enum status status = declare_parked(link, failure);
    if (status == STATUS_OK) {
        status = declare_events(link, failure);
    }
    for (size_t i = 0; status == STATUS_OK && i < sizeof ROUTING_KEYS / sizeof *ROUTING_KEYS; i++) {
        status =
            bind_queue(link, link->options.queue, link->options.exchange, ROUTING_KEYS[i], failure);
    }
    return status;
}

static enum status declare_exchange(struct broker_link *link, const char *name, const char *type,
                                    struct failure *failure)
{
    (void)amqp_exchange_declare(link->connection, BROKER_CHANNEL, broker_text(name),
                                broker_text(type), 0, 1, 0, 0, amqp_empty_table);
    char doing[128];
    (void)snprintf(doing, sizeof doing, "declaring exchange %s", name);
    return broker_link_replied(link, doing, failure);
}

static enum status declare_queue(struct broker_link *link, const char *name,
                                 struct arguments *arguments, struct failure *failure)
{
    amqp_table_t table = {.num_entries = arguments->count, .entries = arguments->entries};
    (void)amqp_queue_declare(link->connection, BROKER_CHANNEL, broker_text(name), 0, 1, 0, 0,
                             table);
    char doing[128];
    (void)snprintf(doing, sizeof doing, "declaring queue %s", name);
    return broker_link_replied(link, doing, failure);
}

static enum status bind_queue(struct broker_link *link, const char *queue, const char *exchange,
                              const char *routing_key, struct failure *failure)
{
    (void)amqp_queue_bind(link->connection, BROKER_CHANNEL, broker_text(queue),
                          broker_text(exchange), broker_text(routing_key), amqp_empty_table);
    char doing[128];
    (void)snprintf(doing, sizeof doing, "binding queue %s", queue);
    return broker_link_replied(link, doing, failure);
}
