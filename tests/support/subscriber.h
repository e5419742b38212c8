/* Subscriber: a program of somebody else that follows the system's events as docs/EVENTS.md says -
 * a durable queue of its own on the exchange, acknowledgements, nothing of ours but the contract. A
 * thread takes what comes and connects again for as long as it must. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SUBSCRIBER_EVENTS_MAX 262144
#define SUBSCRIBER_TRACES_MAX 16
#define SUBSCRIBER_LEVELS_MAX 256

struct subscriber_level { /* of stock.low and stock.back */
    char key[16], product_id[64], event_id[40];
    int64_t available;
};

struct subscriber {
    const char *url;
    char exchange[96], queue[96];
    pthread_t thread;
    atomic_bool is_stopping;
    atomic_size_t count;            /* of events, copies too */
    atomic_size_t connections;      /* made so far */
    atomic_size_t messages, packed; /* packed: messages of several events */
    char complaint[256];  /* what the contract does not allow; "" = nothing. After the stop */
    atomic_size_t traced; /* messages with a traceparent; the first of them follow */
    struct {
        char routing_key[32], traceparent[64];
    } traces[SUBSCRIBER_TRACES_MAX];
    char event_ids[SUBSCRIBER_EVENTS_MAX][40];
    atomic_size_t level_count;
    struct subscriber_level levels[SUBSCRIBER_LEVELS_MAX];
};

/* Declares and binds its queue <prefix>.outside on <prefix>.events, then takes. */
void subscriber_start(struct subscriber *subscriber, const char *url, const char *prefix);
/* Ends the thread and deletes the queue. */
void subscriber_stop(struct subscriber *subscriber);
