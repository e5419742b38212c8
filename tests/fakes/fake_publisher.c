/* See fake_publisher.h. */
#include "tests/fakes/fake_publisher.h"

#include <stdio.h>
#include <stdlib.h>

#include "shop/event_codec.h"
#include "tests/cmocka_all.h"

struct fake_publisher fake_publisher;

struct broker_publisher {
    int unused;
};

void fake_publisher_reset(void)
{
    memset(&fake_publisher, 0, sizeof fake_publisher);
    fake_publisher.confirm_first = SIZE_MAX;
}

size_t fake_publisher_events(void)
{
    size_t events = 0;
    for (size_t i = 0; i < fake_publisher.message_count; i++) {
        events += fake_publisher.messages[i].events;
    }
    return events;
}

struct broker_publisher *broker_publisher_create(const struct broker_options *options)
{
    (void)options;
    return calloc(1, sizeof(struct broker_publisher));
}

void broker_publisher_destroy(struct broker_publisher **publisher)
{
    free(*publisher);
    *publisher = NULL;
}

static void note(const struct broker_message *message)
{
    assert_true(fake_publisher.message_count < FAKE_PUBLISHER_MESSAGES_MAX);
    struct arena arena;
    struct bytes *events;
    struct failure failure;
    size_t at = fake_publisher.message_count++;
    arena_init(&arena, 65536, 16 * 1024 * 1024);
    assert_int_equal(event_codec_split(message->body, &arena, &events,
                                       &fake_publisher.messages[at].events, &failure),
                     STATUS_OK);
    for (size_t i = 0; i < fake_publisher.messages[at].events; i++) {
        assert_string_equal(event_codec_peek_routing_key(events[i]), message->routing_key);
    }
    fake_publisher.messages[at].bytes = message->body.size;
    (void)snprintf(fake_publisher.messages[at].routing_key, 64, "%s", message->routing_key);
    (void)snprintf(fake_publisher.messages[at].traceparent, 64, "%s",
                   message->traceparent != NULL ? message->traceparent : "");
    arena_fini(&arena);
}

enum status broker_publish(struct broker_publisher *publisher, struct broker_message *messages,
                           size_t count, int64_t deadline_ms, struct failure *failure)
{
    (void)publisher;
    fake_publisher.calls++;
    fake_publisher.deadline_ms = deadline_ms;
    if (fake_publisher.on_publish != NULL) {
        fake_publisher.on_publish();
    }
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        note(&messages[i]);
        messages[i].confirmed = i < fake_publisher.confirm_first;
        all = all && messages[i].confirmed;
    }
    return all ? STATUS_OK
               : failure_set(failure, STATUS_UNKNOWN, "FAKE_RABBITMQ", "as the test says");
}

void broker_publisher_idle(struct broker_publisher *publisher)
{
    (void)publisher;
    fake_publisher.idle_calls++;
}

bool broker_publisher_connected(const struct broker_publisher *publisher)
{
    (void)publisher;
    return !fake_publisher.disconnected;
}

enum status broker_queue_depth(struct broker_publisher *publisher, int64_t *ready_out,
                               int64_t *consumers_out, struct failure *failure)
{
    (void)publisher;
    if (fake_publisher.queue_depth != STATUS_OK) {
        return failure_set(failure, fake_publisher.queue_depth, "FAKE_RABBITMQ",
                           "as the test says");
    }
    *ready_out = fake_publisher.queue_ready;
    *consumers_out = fake_publisher.queue_consumers;
    return STATUS_OK;
}
