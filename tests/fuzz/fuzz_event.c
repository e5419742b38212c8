/* Fuzz: any bytes as the body of a message that a worker takes off the queue. A broken event spoils
 * no neighbour, and what was taken is encoded and taken again. */
#include <stdlib.h>
#include <string.h>

#include "shop/event_codec.h"

#define ARENA_BYTES (8UL * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_event(struct bytes encoded, struct arena *arena);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct failure failure;
    struct bytes *events;
    size_t count;
    arena_init(&arena, 4096, ARENA_BYTES);
    if (event_codec_split(bytes_of(data, size), &arena, &events, &count, &failure) == STATUS_OK) {
        for (size_t i = 0; i < count; i++) {
            try_event(events[i], &arena);
        }
    }
    if (arena.used_bytes > ARENA_BYTES) {
        abort();
    }
    arena_fini(&arena);
    return 0;
}

static void try_event(struct bytes encoded, struct arena *arena)
{
    struct failure failure;
    struct event *event, *again;
    (void)event_codec_peek_routing_key(encoded);
    if (event_codec_decode(encoded, arena, &event, &failure) != STATUS_OK) {
        return;
    }
    struct bytes copy = event_codec_encode(event, arena);
    if (copy.data == NULL) {
        return; /* the arena is full */
    }
    const char *key = event_codec_peek_routing_key(copy); /* as the relay does with our own */
    if (key == NULL || strcmp(key, event_codec_routing_key(event->kind)) != 0) {
        abort();
    }
    if (event_codec_decode(copy, arena, &again, &failure) != STATUS_OK) {
        if (strcmp(failure.reason, "MESSAGE_TOO_COMPLEX") == 0) {
            return;
        }
        abort();
    }
    if (again->kind != event->kind || again->order.version != event->order.version ||
        memcmp(&again->event_id, &event->event_id, sizeof event->event_id) != 0) {
        abort();
    }
}
