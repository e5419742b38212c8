/* A publisher that confirms what the test lets it. There is one, shared by all struct
 * broker_publisher a program makes. Linked in place of broker/broker_publisher.c. */
#pragma once

#include "broker/broker.h"

#define FAKE_PUBLISHER_MESSAGES_MAX 64

struct fake_publisher {
    /* What the test sets. */
    size_t confirm_first;     /* messages confirmed of each call; SIZE_MAX = all */
    void (*on_publish)(void); /* runs in each publish, before it confirms */
    bool disconnected;
    int64_t queue_ready, queue_consumers;
    enum status queue_depth;

    /* What it was given. */
    int calls, idle_calls;
    int64_t deadline_ms; /* of the last call */
    size_t message_count;
    struct {
        char routing_key[64], traceparent[64];
        size_t events, bytes;
    } messages[FAKE_PUBLISHER_MESSAGES_MAX];
};
extern struct fake_publisher fake_publisher;

/* Confirms all. */
void fake_publisher_reset(void);
/* Events in all messages so far. */
size_t fake_publisher_events(void);
