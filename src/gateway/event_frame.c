/* See event_frame.h. */
#include "gateway/event_frame.h"

#include <inttypes.h>
#include <stdio.h>

#include "json/json_print.h"

#define VERSION_BYTES 16
#define FIELDS_BYTES  128 /* of a frame, besides its texts */

static struct bytes print(const ProtobufCMessage *message, struct arena *arena);
static struct bytes compose(const char *id, const char *name, struct bytes json,
                            struct arena *arena);

struct bytes event_frame_of_feed(struct event_frame *frame)
{
    const Shop__V1__OrderEvent *event = frame->event;
    if (frame->of_feed.size == 0) {
        frame->of_feed =
            compose(frame->cursor, event->type, print(&event->base, frame->arena), frame->arena);
    }
    return frame->of_feed;
}

struct bytes event_frame_of_order(struct event_frame *frame)
{
    const Shop__V1__OrderEvent *event = frame->event;
    if (frame->of_order.size == 0) {
        char version[VERSION_BYTES];
        (void)snprintf(version, sizeof version, "%" PRId32, event->version);
        frame->of_order =
            compose(version, event->type, print(&event->base, frame->arena), frame->arena);
    }
    return frame->of_order;
}

struct bytes event_frame_message(const char *name, const ProtobufCMessage *message,
                                 struct arena *arena)
{
    return compose("", name, print(message, arena), arena);
}

static struct bytes print(const ProtobufCMessage *message, struct arena *arena)
{
    static const struct json_print_options ALL = {.defaults = true};
    struct bytes json = {0};
    struct failure ignored = {0};
    return json_print(message, &ALL, arena, &json, &ignored) == STATUS_OK ? json
                                                                          : (struct bytes){0};
}

/* JSON as it is printed has no line breaks, so one "data:" holds it. */
static struct bytes compose(const char *id, const char *name, struct bytes json,
                            struct arena *arena)
{
    size_t room = strlen(id) + strlen(name) + json.size + FIELDS_BYTES;
    char *text = json.size == 0 ? NULL : arena_alloc(arena, room);
    if (text == NULL) {
        return (struct bytes){0};
    }
    int size =
        snprintf(text, room, "%s%s%sevent: %s\ndata: %.*s\n\n", id[0] != '\0' ? "id: " : "", id,
                 id[0] != '\0' ? "\n" : "", name, (int)json.size, (const char *)json.data);
    return bytes_of(text, (size_t)size);
}
