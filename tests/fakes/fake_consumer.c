/* See fake_consumer.h. */
#include "tests/fakes/fake_consumer.h"

#include <stdlib.h>
#include <string.h>

struct fake_consumer fake_consumer;

struct broker_consumer {
    int unused;
};

void fake_consumer_reset(void)
{
    memset(&fake_consumer, 0, sizeof fake_consumer);
}

struct broker_consumer *broker_consumer_create(const struct broker_options *options,
                                               uint16_t prefetch)
{
    (void)options, (void)prefetch;
    fake_consumer.alive++;
    return calloc(1, sizeof(struct broker_consumer));
}

void broker_consumer_destroy(struct broker_consumer **consumer)
{
    fake_consumer.alive -= *consumer != NULL;
    free(*consumer);
    *consumer = NULL;
}

enum status broker_consumer_alone(struct broker_consumer *consumer, bool *alone_out,
                                  struct failure *failure)
{
    (void)consumer;
    fake_consumer.questions++;
    if (fake_consumer.on_alone != NULL) {
        fake_consumer.on_alone();
    }
    if (fake_consumer.alone != STATUS_OK) {
        return failure_set(failure, fake_consumer.alone, "FAKE_RABBITMQ", "as the test says");
    }
    *alone_out = fake_consumer.accompanied == 0 && fake_consumer.gets == 0;
    fake_consumer.accompanied -= fake_consumer.accompanied > 0;
    return STATUS_OK;
}

enum status broker_consume(struct broker_consumer *consumer, int64_t timeout_ms,
                           struct broker_delivery *delivery_out, bool *got_out,
                           struct failure *failure)
{
    (void)consumer, (void)timeout_ms, (void)failure;
    *got_out = fake_consumer.gets > 0;
    if (*got_out) {
        fake_consumer.gets--;
        *delivery_out = (struct broker_delivery){.tag = 1};
    }
    return STATUS_OK;
}

void broker_delivery_free(struct broker_delivery *delivery)
{
    (void)delivery;
}

void broker_consumer_release(struct broker_consumer *consumer)
{
    (void)consumer;
    fake_consumer.releases++;
}
