/* See publish_events.h. */
#include "server/publish_events.h"

#include <string.h>

#include "broker/broker.h"
#include "server/refusals.h"
#include "shop/event_codec.h"

#define FRAME_BYTES 6 /* tag and length in front of an event: a length below 2^35 */

/* Which events are in which message. */
struct packing {
    struct broker_message *messages;
    size_t message_count;
    size_t *message_of; /* by event */
};

static bool pack(const struct publish_event *events, size_t count, struct arena *arena,
                 struct packing *packing_out);
static size_t pack_one(const struct publish_event *events, size_t count, size_t first,
                       struct packing *packing, struct bytes *bodies);

enum status publish_events(struct broker_publisher *publisher, struct publish_event *events,
                           size_t count, struct arena *arena, int64_t deadline_ms,
                           struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        events[i].confirmed = false;
    }
    if (count == 0) {
        return STATUS_OK;
    }
    struct packing packing;
    if (!pack(events, count, arena, &packing)) {
        return refuse_overloaded(failure);
    }
    enum status status =
        broker_publish(publisher, packing.messages, packing.message_count, deadline_ms, failure);
    for (size_t i = 0; i < count; i++) {
        events[i].confirmed = packing.messages[packing.message_of[i]].confirmed;
    }
    return status;
}

#define NOT_PACKED SIZE_MAX

static bool pack(const struct publish_event *events, size_t count, struct arena *arena,
                 struct packing *packing_out)
{
    struct packing packing = {
        .messages = arena_calloc(arena, count, sizeof *packing.messages),
        .message_of = arena_alloc(arena, count * sizeof *packing.message_of),
    };
    struct bytes *bodies = arena_alloc(arena, count * sizeof *bodies);
    if (packing.messages == NULL || packing.message_of == NULL || bodies == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        packing.message_of[i] = NOT_PACKED;
    }
    for (size_t first = 0; first < count; first++) {
        if (packing.message_of[first] != NOT_PACKED) {
            continue;
        }
        struct broker_message *message = &packing.messages[packing.message_count];
        size_t packed = pack_one(events, count, first, &packing, bodies);
        message->routing_key = events[first].routing_key;
        message->message_id = events[first].event_id;
        message->body = event_codec_join(bodies, packed, arena);
        if (message->body.data == NULL) {
            return false;
        }
        packing.message_count++;
    }
    *packing_out = packing;
    return true;
}

/* Takes `first` and whatever follows with the same key as far as it fits; in order. */
static size_t pack_one(const struct publish_event *events, size_t count, size_t first,
                       struct packing *packing, struct bytes *bodies)
{
    size_t packed = 0, bytes = 0;
    for (size_t i = first; i < count && packed < BROKER_MESSAGE_EVENTS_MAX; i++) {
        if (packing->message_of[i] != NOT_PACKED ||
            strcmp(events[i].routing_key, events[first].routing_key) != 0) {
            continue;
        }
        size_t more = events[i].event.size + FRAME_BYTES;
        if (packed > 0 && bytes + more > BROKER_MESSAGE_BYTES_MAX) {
            break;
        }
        bodies[packed++] = events[i].event;
        struct broker_message *message = &packing->messages[packing->message_count];
        if (message->traceparent == NULL || message->traceparent[0] == '\0') {
            message->traceparent = events[i].traceparent; /* a header has room for one trace */
        }
        bytes += more;
        packing->message_of[i] = packing->message_count;
    }
    return packed;
}
