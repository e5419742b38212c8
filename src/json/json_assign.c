/* JSON assign: a field by its path from a text of a URL. See json_read.h. */
#include <string.h>

#include "base/utf8.h"
#include "json/json_reader.h"

static enum json_outcome assign_path(struct json_reader *reader, ProtobufCMessage *message,
                                     struct bytes path, yyjson_val *value,
                                     const struct json_step *step);
static enum json_outcome enter(struct json_reader *reader, ProtobufCMessage **message,
                               const ProtobufCFieldDescriptor *field, const struct json_step *step);
static enum json_outcome assign(struct json_reader *reader, ProtobufCMessage *message,
                                const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                const struct json_step *step);
static enum json_outcome append(struct json_reader *reader, ProtobufCMessage *message,
                                const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                const struct json_step *step);

enum status json_assign(ProtobufCMessage *message, struct bytes path, struct bytes text,
                        struct arena *arena, struct failure *failure)
{
    static const struct json_read_options OPTIONS = {0};
    struct json_reader reader = {
        .options = &OPTIONS, .arena = arena, .failure = failure, .is_text = true};
    struct json_step step = {.name = path};
    /* yyjson wants an end behind the text. */
    char *ended = arena_alloc(arena, text.size + 1);
    if (ended == NULL) {
        (void)json_refuse_memory(&reader);
        return STATUS_INVALID_ARGUMENT;
    }
    memcpy(ended, text.size == 0 ? "" : (const char *)text.data, text.size);
    ended[text.size] = '\0';
    if (!utf8_is_text(text)) {
        (void)json_refuse(&reader, &step, "INVALID_TEXT", "not UTF-8");
        return STATUS_INVALID_ARGUMENT;
    }
    yyjson_val value;
    unsafe_yyjson_set_strn(&value, ended, text.size);

    return assign_path(&reader, message, path, &value, &step) == JSON_READ
               ? STATUS_OK
               : STATUS_INVALID_ARGUMENT;
}

static enum json_outcome assign_path(struct json_reader *reader, ProtobufCMessage *message,
                                     struct bytes path, yyjson_val *value,
                                     const struct json_step *step)
{
    for (struct bytes rest = path;;) {
        const uint8_t *dot = rest.size == 0 ? NULL : memchr(rest.data, '.', rest.size);
        size_t size = dot == NULL ? rest.size : (size_t)(dot - rest.data);
        const ProtobufCFieldDescriptor *field =
            json_field_find(message->descriptor, (const char *)rest.data, size);
        if (field == NULL) {
            return json_refuse(reader, step, "UNKNOWN_FIELD", "%s has no such field",
                               message->descriptor->name);
        }
        if (dot == NULL) {
            return assign(reader, message, field, value, step);
        }
        if (enter(reader, &message, field, step) != JSON_READ) {
            return JSON_REFUSED;
        }
        rest = bytes_of(rest.data + size + 1, rest.size - size - 1);
    }
}

/* Into the message that the field holds, which is made when it is not there. */
static enum json_outcome enter(struct json_reader *reader, ProtobufCMessage **message,
                               const ProtobufCFieldDescriptor *field, const struct json_step *step)
{
    if (field->type != PROTOBUF_C_TYPE_MESSAGE || field->label == PROTOBUF_C_LABEL_REPEATED ||
        json_form_of(field->descriptor) != JSON_FORM_FIELDS ||
        (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        return json_refuse(reader, step, "UNKNOWN_FIELD", "%s cannot be set by its path",
                           field->name);
    }
    ProtobufCMessage **member = (void *)((char *)*message + field->offset);
    if (*member == NULL) {
        *member = json_message_create(field->descriptor, reader->arena);
    }
    if (*member == NULL) {
        return json_refuse_memory(reader);
    }
    *message = *member;
    return JSON_READ;
}

static enum json_outcome assign(struct json_reader *reader, ProtobufCMessage *message,
                                const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                const struct json_step *step)
{
    enum json_form form = field->type == PROTOBUF_C_TYPE_MESSAGE ? json_form_of(field->descriptor)
                                                                 : JSON_FORM_TIMESTAMP;
    if (form == JSON_FORM_FIELDS || form == JSON_FORM_ANY) {
        return json_refuse(reader, step, "UNKNOWN_FIELD",
                           "only its fields can be set, each by its path");
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return append(reader, message, field, value, step);
    }
    char *base = (char *)message;
    void *quantifier = base + field->quantifier_offset;
    bool is_oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    if (is_oneof ? *(uint32_t *)quantifier != 0 : json_field_is_present(message, field, false)) {
        return json_refuse(reader, step, "DUPLICATE_FIELD", "the field is there twice");
    }
    enum json_outcome outcome =
        json_read_value(reader, field, value, base + field->offset, step, 0);
    if (outcome == JSON_READ && is_oneof) {
        *(uint32_t *)quantifier = field->id;
    } else if (outcome == JSON_READ && field->label == PROTOBUF_C_LABEL_OPTIONAL &&
               field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE) {
        *(protobuf_c_boolean *)quantifier = 1;
    }
    return outcome;
}

/* The room doubles: it is full whenever the count is a power of two. */
static enum json_outcome append(struct json_reader *reader, ProtobufCMessage *message,
                                const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                const struct json_step *step)
{
    char **items = (void *)((char *)message + field->offset);
    size_t *count = (void *)((char *)message + field->quantifier_offset);
    size_t item_bytes = json_field_item_bytes(field);
    if ((*count & (*count - 1)) == 0) {
        char *grown = arena_calloc(reader->arena, *count == 0 ? 1 : *count * 2, item_bytes);
        if (grown == NULL) {
            return json_refuse_memory(reader);
        }
        if (*count > 0) {
            memcpy(grown, *items, *count * item_bytes);
        }
        *items = grown;
    }
    enum json_outcome outcome =
        json_read_value(reader, field, value, *items + *count * item_bytes, step, 0);
    *count += outcome == JSON_READ;
    return outcome;
}
