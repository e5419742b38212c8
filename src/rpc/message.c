/* See message.h. Before protobuf-c sees the bytes, one pass over them checks what it does not: how
 * deep they nest (protobuf-c recurses, so depth is stack) and the text of every string field. It
 * has to be the bytes, because protobuf-c hands strings out without their length: a NUL inside one
 * cannot be seen any more. How much they unpack to is bounded by the arena. */
#include "rpc/message.h"

#include <stdio.h>

#include "base/utf8.h"

/* No contract of ours nests deeper than 5; a FileDescriptorSet seldom deeper than 10. */
#define MESSAGE_DEPTH_MAX 32

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_LENGTH = 2,
    WIRE_FIXED32 = 5,
};

struct wire_field {
    uint32_t number;
    unsigned type;
    struct bytes content; /* of WIRE_LENGTH */
};

enum verdict {
    VERDICT_FINE,
    VERDICT_MALFORMED,
    VERDICT_TOO_COMPLEX,
    VERDICT_BAD_TEXT,
};

/* The way to the field that was refused, from the outermost. */
struct trail {
    size_t length;
    struct {
        const ProtobufCFieldDescriptor *field;
        size_t index; /* of a repeated field */
    } steps[MESSAGE_DEPTH_MAX];
};

struct allocations {
    struct arena *arena;
    bool refused;
};

static enum verdict inspect(const ProtobufCMessageDescriptor *descriptor, struct bytes encoded,
                            size_t depth, struct trail *trail);
static enum verdict inspect_content(const ProtobufCFieldDescriptor *field, struct bytes content,
                                    size_t depth, struct trail *trail);
static bool read_field(struct bytes *rest, struct wire_field *field_out);
static bool read_varint(struct bytes *rest, uint64_t *value_out);
static void note_step(struct trail *trail, size_t depth, const ProtobufCFieldDescriptor *field,
                      struct bytes before);
static enum status explain(enum verdict verdict, const ProtobufCMessageDescriptor *descriptor,
                           struct bytes encoded, struct failure *failure);
static void print_trail(const struct trail *trail, char *out, size_t room);
static void *allocate(void *state, size_t size);
static void free_later(void *state, void *memory);

enum status message_decode(const ProtobufCMessageDescriptor *descriptor, struct bytes encoded,
                           struct arena *arena, ProtobufCMessage **message_out,
                           struct failure *failure)
{
    enum verdict verdict = inspect(descriptor, encoded, 0, NULL);
    if (verdict != VERDICT_FINE) {
        return explain(verdict, descriptor, encoded, failure);
    }
    struct allocations allocations = {.arena = arena};
    ProtobufCAllocator allocator = {
        .alloc = allocate, .free = free_later, .allocator_data = &allocations};
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, &allocator, encoded.size, encoded.data);
    if (message == NULL) {
        verdict = allocations.refused ? VERDICT_TOO_COMPLEX : VERDICT_MALFORMED;
        return explain(verdict, descriptor, encoded, failure);
    }
    *message_out = message;
    return STATUS_OK;
}

/* `trail` may be NULL. */
static enum verdict inspect(const ProtobufCMessageDescriptor *descriptor, struct bytes encoded,
                            size_t depth, struct trail *trail)
{
    if (depth == MESSAGE_DEPTH_MAX) {
        return VERDICT_TOO_COMPLEX;
    }
    struct bytes rest = encoded;
    while (rest.size > 0) {
        struct bytes before = bytes_of(encoded.data, encoded.size - rest.size);
        struct wire_field wire;
        if (!read_field(&rest, &wire)) {
            return VERDICT_MALFORMED;
        }
        if (wire.type != WIRE_LENGTH) {
            continue;
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(descriptor, wire.number);
        if (field == NULL) {
            continue;
        }
        enum verdict verdict = inspect_content(field, wire.content, depth, trail);
        if (verdict != VERDICT_FINE) {
            if (trail != NULL) {
                note_step(trail, depth, field, before);
            }
            return verdict;
        }
    }
    return VERDICT_FINE;
}

static enum verdict inspect_content(const ProtobufCFieldDescriptor *field, struct bytes content,
                                    size_t depth, struct trail *trail)
{
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        return utf8_is_text(content) ? VERDICT_FINE : VERDICT_BAD_TEXT;
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return inspect(field->descriptor, content, depth + 1, trail);
    }
    return VERDICT_FINE;
}

/* Groups (types 3 and 4) are malformed here as they are for protobuf-c. */
static bool read_field(struct bytes *rest, struct wire_field *field_out)
{
    uint64_t tag, value;
    if (!read_varint(rest, &tag) || tag >> 3 == 0 || tag > UINT32_MAX) {
        return false;
    }
    field_out->number = (uint32_t)(tag >> 3);
    field_out->type = tag & 7;
    size_t size;
    switch (field_out->type) {
    case WIRE_VARINT:
        return read_varint(rest, &value);
    case WIRE_FIXED64:
        size = 8;
        break;
    case WIRE_FIXED32:
        size = 4;
        break;
    case WIRE_LENGTH:
        if (!read_varint(rest, &value) || value > rest->size) {
            return false;
        }
        size = (size_t)value;
        break;
    default:
        return false;
    }
    if (size > rest->size) {
        return false;
    }
    field_out->content = bytes_of(rest->data, size);
    *rest = bytes_of(rest->data + size, rest->size - size);
    return true;
}

static bool read_varint(struct bytes *rest, uint64_t *value_out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < rest->size && i < 10; i++) {
        value |= (uint64_t)(rest->data[i] & 0x7f) << (7 * i);
        if ((rest->data[i] & 0x80) == 0) {
            *value_out = value;
            *rest = bytes_of(rest->data + i + 1, rest->size - i - 1);
            return true;
        }
    }
    return false;
}

/* `before` are the message's bytes up to the refused one: its index is how often it was there. */
static void note_step(struct trail *trail, size_t depth, const ProtobufCFieldDescriptor *field,
                      struct bytes before)
{
    size_t index = 0;
    struct wire_field wire;
    while (before.size > 0 && read_field(&before, &wire)) {
        index += wire.number == field->id;
    }
    trail->steps[depth].field = field;
    trail->steps[depth].index = index;
    if (trail->length <= depth) {
        trail->length = depth + 1;
    }
}

/* Goes the way again, for the name of the field this time. */
static enum status explain(enum verdict verdict, const ProtobufCMessageDescriptor *descriptor,
                           struct bytes encoded, struct failure *failure)
{
    struct trail trail;
    trail.length = 0;
    (void)inspect(descriptor, encoded, 0, &trail);
    char field[FAILURE_FIELD_BYTES];
    print_trail(&trail, field, sizeof field);
    switch (verdict) {
    case VERDICT_BAD_TEXT:
        return failure_set_field(failure, field, "INVALID_TEXT",
                                 "%s is not UTF-8 text, or has a NUL in it", field);
    case VERDICT_TOO_COMPLEX:
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "MESSAGE_TOO_COMPLEX",
                           "%s nests too deep or unpacks to too much", descriptor->name);
    case VERDICT_MALFORMED:
    case VERDICT_FINE:
        break;
    }
    return failure_set(failure, STATUS_INVALID_ARGUMENT, "MALFORMED_MESSAGE", "not a valid %s",
                       descriptor->name);
}

/* "lines[3].product_id" */
static void print_trail(const struct trail *trail, char *out, size_t room)
{
    out[0] = '\0';
    size_t used = 0;
    for (size_t i = 0; i < trail->length && used < room; i++) {
        const ProtobufCFieldDescriptor *field = trail->steps[i].field;
        const char *dot = i > 0 ? "." : "";
        int size = field->label == PROTOBUF_C_LABEL_REPEATED
                       ? snprintf(out + used, room - used, "%s%s[%zu]", dot, field->name,
                                  trail->steps[i].index)
                       : snprintf(out + used, room - used, "%s%s", dot, field->name);
        used += size > 0 ? (size_t)size : 0;
    }
}

static void *allocate(void *state, size_t size)
{
    struct allocations *allocations = state;
    void *memory = arena_alloc(allocations->arena, size);
    if (memory == NULL) {
        allocations->refused = true;
    }
    return memory;
}

static void free_later(void *state, void *memory)
{
    (void)state;
    (void)memory;
}

struct bytes message_encode(const ProtobufCMessage *message, struct arena *arena)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *out = arena_alloc(arena, size);
    if (out == NULL) {
        return (struct bytes){0};
    }
    return bytes_of(out, protobuf_c_message_pack(message, out));
}
