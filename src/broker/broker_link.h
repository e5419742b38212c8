/* Broker link: one connection with one channel, as publisher and consumer both need it.
 * Connects, declares the topology, answers heartbeats, notes connection.blocked, turns rabbitmq-c's
 * replies into statuses. Internal to this folder.
 * Always: every call into rabbitmq-c that may write is under the watchdog; any error drops the
 * connection, and the next one is made not before the backoff has passed - until then opening fails
 * at once with what went wrong before.
 * Not here: what is published or consumed. */
#pragma once

#include <rabbitmq-c/amqp.h>
#include <sys/time.h>

#include "broker/broker.h"
#include "broker/broker_resolver.h"
#include "broker/broker_watchdog.h"

#define BROKER_CHANNEL 1

struct broker_link {
    struct broker_options options;
    struct broker_watchdog *watchdog;
    struct broker_resolver resolver;
    amqp_connection_state_t connection; /* NULL: none */
    uint64_t generation;                /* connections made so far */
    bool blocked;                       /* the broker has said so: it reads no more */
    int64_t connected_ms;
    unsigned attempts; /* that failed, or soon broke, in a row */
    int64_t next_attempt_ms;
    struct failure last; /* what broke the last one */
};

/* False when memory or threads are out. */
bool broker_link_init(struct broker_link *link, const struct broker_options *options);
void broker_link_fini(struct broker_link *link);

/* A connection with an open channel and the topology in place; at most until deadline_ms. */
enum status broker_link_open(struct broker_link *link, int64_t deadline_ms,
                             struct failure *failure);
/* Says goodbye for at most a second; the next open may connect at once. */
void broker_link_close(struct broker_link *link);
/* Drops the connection for what *failure says, and lets the backoff begin. Returns its code. */
enum status broker_link_break(struct broker_link *link, const struct failure *failure);

/* The next frame of the channel, or *got_out = false at wait_until_ms or when the broker has just
 * blocked the connection. What it points to is valid until the next call. */
enum status broker_link_frame(struct broker_link *link, int64_t wait_until_ms,
                              amqp_frame_t *frame_out, bool *got_out, struct failure *failure);

/* Around a call into rabbitmq-c: ends it when it takes longer. */
void broker_link_arm(struct broker_link *link, int64_t deadline_ms);
void broker_link_disarm(struct broker_link *link);
/* What rabbitmq-c returned: OK, or the connection is dropped. `doing`: "declaring queue x". */
enum status broker_link_sent(struct broker_link *link, int result, const char *doing,
                             struct failure *failure);
enum status broker_link_replied(struct broker_link *link, const char *doing,
                                struct failure *failure);

static inline int64_t broker_link_now_ms(const struct broker_link *link)
{
    return clock_monotonic_ms(link->options.clock);
}
/* Not negative. */
static inline struct timeval broker_link_left(const struct broker_link *link, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - broker_link_now_ms(link);
    left_ms = left_ms > 0 ? left_ms : 0;
    return (struct timeval){.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
}
static inline amqp_bytes_t broker_text(const char *text)
{
    return (amqp_bytes_t){.len = strlen(text), .bytes = (void *)(uintptr_t)text};
}
