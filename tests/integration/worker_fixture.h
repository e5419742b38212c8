/* Worker fixture: what a server would leave for the workers - reserved in a real Redis, published
 * to a real RabbitMQ - made by hand, so that a test decides what it looks like. */
#pragma once

#include "broker/broker_settings.h"
#include "redis/book.h"
#include "redis/redis_link.h"
#include "shop/event_codec.h"
#include "tests/support/system.h"

#define FIXTURE_DEADLINE_MS 30000

struct worker_fixture {
    struct system system;
    struct arena arena;
    struct redis_link *redis;
    struct book *book;
    struct broker_publisher *publisher;
    char exchange[64], queue[64], parked_exchange[64], parked_queue[64];
    int64_t epoch;
};

/* Stores, no worker; epoch 1, 1,000 units of each of the products "a" to "e". */
void worker_fixture_create(struct worker_fixture *fixture);
void worker_fixture_destroy(struct worker_fixture *fixture);
/* A new epoch: Redis is loaded anew from PostgreSQL. */
void worker_fixture_reload(struct worker_fixture *fixture);

/* An order of one line, in the epoch in force; not yet reserved or published. */
struct event worker_fixture_order(struct worker_fixture *fixture, const char *product_id,
                                  int32_t quantity);
struct event worker_fixture_adjustment(struct worker_fixture *fixture, const char *product_id,
                                       int64_t delta);
/* Takes its units, as the server would; fails the test when Redis says no. */
void worker_fixture_reserve(struct worker_fixture *fixture, const struct event *event);
/* One message, with the first one's routing key. */
void worker_fixture_publish(struct worker_fixture *fixture, const struct event *events,
                            size_t count);
void worker_fixture_publish_raw(struct worker_fixture *fixture, struct bytes body);
/* Makes, reserves and publishes `count` one-line orders, up to 10 a message. */
void worker_fixture_place(struct worker_fixture *fixture, size_t count);

/* Waits until queue, outbox and stock_deltas are empty. */
void worker_fixture_wait_settled(struct worker_fixture *fixture);
int64_t worker_fixture_count(struct worker_fixture *fixture, const char *sql);
/* Waits until the query's number is `expected`. */
void worker_fixture_wait_count(struct worker_fixture *fixture, const char *sql, int64_t expected);
