/* Broker settings: what RabbitMQ takes in a program's table of settings (base/config.h). The same
 * lines in every program: RabbitMQ refuses to declare a queue that exists with other limits. */
#pragma once

#include <stddef.h>

#include "base/config.h"
#include "broker/broker.h"

#define BROKER_DEFAULT_EXCHANGE        "shop.events"
#define BROKER_DEFAULT_QUEUE_BYTES_MAX "2147483648" /* 2 GiB are about five million orders */
#define BROKER_DEFAULT_HEARTBEAT_S     "10"

#define BROKER_TEXT(config, key, environment, member, fallback, secret, help)        \
    {key, environment, CONFIG_TEXT, offsetof(config, broker.member), fallback, 0, 0, \
     "",  secret,      help}
#define BROKER_BYTES(config, key, environment, member, fallback, least, most, help)            \
    {key,     environment, CONFIG_INT, offsetof(config, broker.member), fallback, least, most, \
     "bytes", false,       help}

/* config: a struct with a `struct broker_options broker`. Left to the program: heartbeat_s, which
 * has a name of its own in each, and what is no setting. */
#define BROKER_SETTINGS(config)                                                                    \
    BROKER_TEXT(config, "rabbitmq-url", "RABBITMQ_URL", url, "amqp://guest:guest@localhost:5672/", \
                true, "RabbitMQ: amqp[s]://user:password@host:port/vhost"),                        \
        BROKER_TEXT(config, "exchange", "ORDER_EXCHANGE", exchange, BROKER_DEFAULT_EXCHANGE,       \
                    false, "exchange of the events"),                                              \
        BROKER_TEXT(config, "queue", "ORDER_QUEUE", queue, "orders.persist", false,                \
                    "queue that the workers share"),                                               \
        BROKER_TEXT(config, "parked-exchange", "ORDER_PARKED_EXCHANGE", parked_exchange,           \
                    "shop.parked", false, "exchange of what was given back too often"),            \
        BROKER_TEXT(config, "parked-queue", "ORDER_PARKED_QUEUE", parked_queue, "orders.parked",   \
                    false, "its queue"),                                                           \
        BROKER_BYTES(config, "queue-bytes-max", "ORDER_QUEUE_BYTES_MAX", queue_bytes_max,          \
                     BROKER_DEFAULT_QUEUE_BYTES_MAX, 65536, 1LL << 46,                             \
                     "a fuller queue refuses; the same for all programs")
