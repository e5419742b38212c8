/* The drain's witness: a consumer that is alone when the test says so. Linked in place of
 * broker/broker_consumer.c. */
#pragma once

#include "broker/broker.h"

struct fake_consumer {
    enum status alone;      /* of the question */
    int accompanied;        /* so many times somebody else consumes; then nobody */
    int gets;               /* messages that come to it */
    void (*on_alone)(void); /* runs at each question */
    int questions, releases, alive;
};
extern struct fake_consumer fake_consumer;

void fake_consumer_reset(void);
