/* Broker fixture: a publisher and a consumer with exchanges and queues of their own on the shared
 * RabbitMQ, reached by way of a proxy. */
#pragma once

#include "broker/broker.h"
#include "tests/support/tcp_proxy.h"

#define DEADLINE_MS 20000 /* whatever should happen has happened by then */
#define SHORT_MS    300   /* a deadline that passes */
#define SLACK_MS    5000  /* a busy machine, a sanitizer */

struct broker_fixture {
    char prefix[32], exchange[64], queue[64], parked_exchange[64], parked_queue[64];
    char proxied_url[256];
    struct tcp_proxy *proxy;
    struct broker_options options;
    struct broker_publisher *publisher;
    struct broker_consumer *consumer;
};

void broker_fixture_create(struct broker_fixture *fixture);
void broker_fixture_destroy(struct broker_fixture *fixture);
/* Publisher and consumer anew, with fixture->options as they are now. */
void broker_fixture_remake(struct broker_fixture *fixture, uint16_t prefetch);

struct broker_message broker_fixture_message(struct bytes body);
/* Fails the test when it is not confirmed. */
void broker_fixture_publish_text(struct broker_fixture *fixture, const char *text);
/* Waits until publishing works (again). */
void broker_fixture_wait_publishes(struct broker_fixture *fixture, const char *text);
/* The next delivery has this body; reconnects as often as need be. The caller frees it. */
void broker_fixture_expect_text(struct broker_fixture *fixture, const char *text,
                                struct broker_delivery *delivery_out);
void broker_fixture_expect_and_ack(struct broker_fixture *fixture, const char *text);
/* Waits until so many messages are ready in the queue. */
void broker_fixture_wait_ready(struct broker_fixture *fixture, int64_t count);
