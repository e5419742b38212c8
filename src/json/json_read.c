/* See json_read.h. yyjson reads the text into a tree; this walks tree and descriptor together.
 * Lists and maps are here, single values in json_value.c. */
#include "json/json_read.h"

#include <google/protobuf/any.pb-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json_print.h"
#include "json/json_reader.h"

static enum json_outcome read_members(struct json_reader *reader, ProtobufCMessage *message,
                                      yyjson_val *object, const struct json_step *step,
                                      unsigned depth, bool is_any);
static enum json_outcome read_member(struct json_reader *reader, ProtobufCMessage *message,
                                     const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                     const struct json_step *step, unsigned depth);
static enum json_outcome read_list(struct json_reader *reader, ProtobufCMessage *message,
                                   const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                   const struct json_step *step, unsigned depth);
static enum json_outcome read_map(struct json_reader *reader, ProtobufCMessage *message,
                                  const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                  const struct json_step *step, unsigned depth);
static enum json_outcome read_entry(struct json_reader *reader,
                                    const ProtobufCMessageDescriptor *type, yyjson_val *key,
                                    yyjson_val *value, ProtobufCMessage **entry_out,
                                    const struct json_step *step, unsigned depth);
static enum json_outcome check_keys(struct json_reader *reader, yyjson_val *object,
                                    const struct json_step *step);
static int compare_keys(const void *a, const void *b);
static enum json_outcome read_any(struct json_reader *reader, ProtobufCMessage *message,
                                  yyjson_val *value, const struct json_step *step, unsigned depth);
static enum json_outcome read_held(struct json_reader *reader, const char *url, yyjson_val *value,
                                   ProtobufCMessage **held_out, const struct json_step *step,
                                   unsigned depth);
static void print_path(const struct json_step *step, char *out, size_t room, size_t *used);

enum status json_read(const ProtobufCMessageDescriptor *type, struct bytes text,
                      const struct json_read_options *options, struct arena *arena,
                      ProtobufCMessage **message_out, struct failure *failure)
{
    yyjson_read_err error;
    /* Not in place: yyjson then leaves the text alone. */
    yyjson_doc *doc =
        text.size == 0 ? NULL
                       : yyjson_read_opts((char *)(uintptr_t)text.data, text.size, 0, NULL, &error);
    if (doc == NULL) {
        return text.size == 0 ? failure_set(failure, STATUS_INVALID_ARGUMENT, "MALFORMED_JSON",
                                            "JSON is expected, nothing is there")
                              : failure_set(failure, STATUS_INVALID_ARGUMENT, "MALFORMED_JSON",
                                            "not valid JSON at byte %zu: %s", error.pos, error.msg);
    }
    struct json_reader reader = {.options = options, .arena = arena, .failure = failure};
    ProtobufCMessage *message;
    enum json_outcome outcome =
        json_read_message(&reader, type, yyjson_doc_get_root(doc), &message, NULL, 0);
    yyjson_doc_free(doc);
    if (outcome != JSON_READ) {
        return STATUS_INVALID_ARGUMENT;
    }
    *message_out = message;
    return STATUS_OK;
}

enum json_outcome json_read_message(struct json_reader *reader,
                                    const ProtobufCMessageDescriptor *type, yyjson_val *value,
                                    ProtobufCMessage **message_out, const struct json_step *step,
                                    unsigned depth)
{
    if (depth == JSON_DEPTH_MAX) {
        return json_refuse(reader, step, "MESSAGE_TOO_COMPLEX", "nested deeper than %d",
                           JSON_DEPTH_MAX);
    }
    ProtobufCMessage *message = json_message_create(type, reader->arena);
    if (message == NULL) {
        return json_refuse_memory(reader);
    }
    enum json_form form = json_form_of(type);
    enum json_outcome outcome;
    if (form == JSON_FORM_ANY) {
        outcome = read_any(reader, message, value, step, depth);
    } else if (form != JSON_FORM_FIELDS) {
        outcome = json_read_wellknown(reader, message, value, step);
    } else {
        outcome = read_members(reader, message, value, step, depth, false);
    }
    *message_out = message;
    return outcome;
}

/* `is_any`: "@type" stands among the members and is skipped. */
static enum json_outcome read_members(struct json_reader *reader, ProtobufCMessage *message,
                                      yyjson_val *object, const struct json_step *step,
                                      unsigned depth, bool is_any)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    if (!yyjson_is_obj(object)) {
        return json_refuse(reader, step, "BAD_VALUE", "an object is expected");
    }
    bool *seen = arena_calloc(reader->arena, type->n_fields + 1, sizeof *seen);
    if (seen == NULL) {
        return json_refuse_memory(reader);
    }
    yyjson_obj_iter members = yyjson_obj_iter_with(object);
    yyjson_val *key;
    while ((key = yyjson_obj_iter_next(&members)) != NULL) {
        struct bytes name = bytes_of(yyjson_get_str(key), yyjson_get_len(key));
        const ProtobufCFieldDescriptor *field =
            json_field_find(type, (const char *)name.data, name.size);
        struct json_step here = {.outer = step, .name = name};
        if (field == NULL) {
            if (reader->options->ignore_unknown ||
                (is_any && bytes_equal(name, bytes_of_text("@type")))) {
                continue;
            }
            return json_refuse(reader, &here, "UNKNOWN_FIELD", "%s has no such field", type->name);
        }
        here.name = bytes_of_text(field->name);
        if (seen[field - type->fields]) {
            return json_refuse(reader, &here, "DUPLICATE_FIELD", "the field is there twice");
        }
        seen[field - type->fields] = true;
        enum json_outcome outcome =
            read_member(reader, message, field, yyjson_obj_iter_get_val(key), &here, depth);
        if (outcome == JSON_REFUSED) {
            return outcome;
        }
    }
    return JSON_READ;
}

static enum json_outcome read_member(struct json_reader *reader, ProtobufCMessage *message,
                                     const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                     const struct json_step *step, unsigned depth)
{
    char *base = (char *)message;
    void *quantifier = base + field->quantifier_offset;
    if (yyjson_is_null(value)) {
        return JSON_READ;
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return json_field_is_map(message->descriptor, field)
                   ? read_map(reader, message, field, value, step, depth)
                   : read_list(reader, message, field, value, step, depth);
    }
    bool is_oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    if (is_oneof && *(uint32_t *)quantifier != 0) {
        return json_refuse(reader, step, "DUPLICATE_FIELD",
                           "another field of the same choice is there");
    }
    enum json_outcome outcome =
        json_read_value(reader, field, value, base + field->offset, step, depth);
    if (outcome != JSON_READ) {
        return outcome;
    }
    if (is_oneof) {
        *(uint32_t *)quantifier = field->id;
    } else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING &&
               field->type != PROTOBUF_C_TYPE_MESSAGE) {
        *(protobuf_c_boolean *)quantifier = 1;
    }
    return JSON_READ;
}

static enum json_outcome read_list(struct json_reader *reader, ProtobufCMessage *message,
                                   const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                   const struct json_step *step, unsigned depth)
{
    if (!yyjson_is_arr(value)) {
        return json_refuse(reader, step, "BAD_VALUE", "an array is expected");
    }
    size_t item_bytes = json_field_item_bytes(field);
    char *items = arena_calloc(reader->arena, yyjson_arr_size(value), item_bytes);
    if (items == NULL) {
        return json_refuse_memory(reader);
    }
    size_t count = 0, index = 0;
    yyjson_arr_iter elements = yyjson_arr_iter_with(value);
    yyjson_val *element;
    while ((element = yyjson_arr_iter_next(&elements)) != NULL) {
        struct json_step here = {.outer = step, .index = index++};
        if (yyjson_is_null(element)) {
            return json_refuse(reader, &here, "BAD_VALUE", "null cannot stand in an array");
        }
        enum json_outcome outcome =
            json_read_value(reader, field, element, items + count * item_bytes, &here, depth);
        if (outcome == JSON_REFUSED) {
            return outcome;
        }
        count += outcome == JSON_READ;
    }
    *(void **)(void *)((char *)message + field->offset) = items;
    *(size_t *)(void *)((char *)message + field->quantifier_offset) = count;
    return JSON_READ;
}

static enum json_outcome read_map(struct json_reader *reader, ProtobufCMessage *message,
                                  const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                  const struct json_step *step, unsigned depth)
{
    if (!yyjson_is_obj(value)) {
        return json_refuse(reader, step, "BAD_VALUE", "an object is expected");
    }
    if (check_keys(reader, value, step) != JSON_READ) {
        return JSON_REFUSED;
    }
    ProtobufCMessage **entries =
        arena_calloc(reader->arena, yyjson_obj_size(value), sizeof *entries);
    if (entries == NULL) {
        return json_refuse_memory(reader);
    }
    size_t count = 0;
    yyjson_obj_iter members = yyjson_obj_iter_with(value);
    yyjson_val *key;
    while ((key = yyjson_obj_iter_next(&members)) != NULL) {
        struct json_step here = {.outer = step,
                                 .name = bytes_of(yyjson_get_str(key), yyjson_get_len(key))};
        enum json_outcome outcome =
            read_entry(reader, field->descriptor, key, yyjson_obj_iter_get_val(key),
                       &entries[count], &here, depth);
        if (outcome == JSON_REFUSED) {
            return outcome;
        }
        count += outcome == JSON_READ;
    }
    *(void **)(void *)((char *)message + field->offset) = entries;
    *(size_t *)(void *)((char *)message + field->quantifier_offset) = count;
    return JSON_READ;
}

static enum json_outcome read_entry(struct json_reader *reader,
                                    const ProtobufCMessageDescriptor *type, yyjson_val *key,
                                    yyjson_val *value, ProtobufCMessage **entry_out,
                                    const struct json_step *step, unsigned depth)
{
    const ProtobufCFieldDescriptor *fields = type->fields;
    ProtobufCMessage *entry = json_message_create(type, reader->arena);
    if (entry == NULL) {
        return json_refuse_memory(reader);
    }
    if (yyjson_is_null(value)) {
        return json_refuse(reader, step, "BAD_VALUE", "null cannot stand in a map");
    }
    struct json_reader key_reader = *reader;
    key_reader.is_text = true; /* "true" is a boolean key */
    char *base = (char *)entry;
    enum json_outcome outcome =
        json_read_value(&key_reader, &fields[0], key, base + fields[0].offset, step, depth);
    if (outcome == JSON_READ) {
        outcome =
            json_read_value(reader, &fields[1], value, base + fields[1].offset, step, depth + 1);
    }
    *entry_out = entry;
    return outcome;
}

/* No key twice; sorted, because a stranger can send very many. */
static enum json_outcome check_keys(struct json_reader *reader, yyjson_val *object,
                                    const struct json_step *step)
{
    size_t count = yyjson_obj_size(object);
    yyjson_val **keys = arena_calloc(reader->arena, count, sizeof(yyjson_val *));
    if (keys == NULL) {
        return json_refuse_memory(reader);
    }
    yyjson_obj_iter members = yyjson_obj_iter_with(object);
    for (size_t i = 0; i < count; i++) {
        keys[i] = yyjson_obj_iter_next(&members);
    }
    qsort(keys, count, sizeof(yyjson_val *), compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (compare_keys(&keys[i - 1], &keys[i]) == 0) {
            struct json_step here = {
                .outer = step, .name = bytes_of(yyjson_get_str(keys[i]), yyjson_get_len(keys[i]))};
            return json_refuse(reader, &here, "DUPLICATE_FIELD", "the key is there twice");
        }
    }
    return JSON_READ;
}

static int compare_keys(const void *a, const void *b)
{
    yyjson_val *left = *(yyjson_val *const *)a;
    yyjson_val *right = *(yyjson_val *const *)b;
    size_t left_size = yyjson_get_len(left), right_size = yyjson_get_len(right);
    if (left_size != right_size) {
        return left_size < right_size ? -1 : 1;
    }
    return memcmp(yyjson_get_str(left), yyjson_get_str(right), left_size);
}

static enum json_outcome read_any(struct json_reader *reader, ProtobufCMessage *message,
                                  yyjson_val *value, const struct json_step *step, unsigned depth)
{
    Google__Protobuf__Any *any = (Google__Protobuf__Any *)message;
    if (!yyjson_is_obj(value)) {
        return json_refuse(reader, step, "BAD_VALUE", "an object is expected");
    }
    yyjson_val *url = yyjson_obj_get(value, "@type");
    if (url == NULL && yyjson_obj_size(value) == 0) {
        return JSON_READ;
    }
    if (!yyjson_is_str(url) || strlen(yyjson_get_str(url)) != yyjson_get_len(url)) {
        return json_refuse(reader, step, "BAD_VALUE", "\"@type\" is expected");
    }
    ProtobufCMessage *held = NULL;
    if (read_held(reader, yyjson_get_str(url), value, &held, step, depth) != JSON_READ) {
        return JSON_REFUSED;
    }
    size_t size = protobuf_c_message_get_packed_size(held);
    any->type_url = arena_strdup(reader->arena, yyjson_get_str(url));
    any->value.data = arena_alloc(reader->arena, size);
    if (any->type_url == NULL || any->value.data == NULL) {
        return json_refuse_memory(reader);
    }
    any->value.len = protobuf_c_message_pack(held, any->value.data);
    return JSON_READ;
}

static enum json_outcome read_held(struct json_reader *reader, const char *url, yyjson_val *value,
                                   ProtobufCMessage **held_out, const struct json_step *step,
                                   unsigned depth)
{
    const ProtobufCMessageDescriptor *type = json_types_find(reader->options->types, url);
    if (type == NULL) {
        return json_refuse(reader, step, "BAD_VALUE", "a message of this type cannot stand here");
    }
    if (json_form_of(type) != JSON_FORM_FIELDS ||
        strcmp(type->name, "google.protobuf.Empty") == 0) {
        yyjson_val *inner = yyjson_obj_get(value, "value");
        if (inner == NULL) {
            return json_refuse(reader, step, "BAD_VALUE", "\"value\" is expected");
        }
        return json_read_message(reader, type, inner, held_out, step, depth + 1);
    }
    ProtobufCMessage *held = json_message_create(type, reader->arena);
    if (held == NULL) {
        return json_refuse_memory(reader);
    }
    *held_out = held;
    return read_members(reader, held, value, step, depth + 1, true);
}

enum json_outcome json_refuse(struct json_reader *reader, const struct json_step *step,
                              const char *reason, const char *format, ...)
{
    char path[FAILURE_FIELD_BYTES] = "";
    char why[FAILURE_MESSAGE_BYTES];
    size_t used = 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    print_path(step, path, sizeof path, &used);
    if (used == 0) {
        (void)failure_set(reader->failure, STATUS_INVALID_ARGUMENT, reason, "%s", why);
    } else {
        (void)failure_set_field(reader->failure, path, reason, "%s: %s", path, why);
    }
    return JSON_REFUSED;
}

enum json_outcome json_refuse_memory(struct json_reader *reader)
{
    (void)failure_set(reader->failure, STATUS_INVALID_ARGUMENT, "MESSAGE_TOO_COMPLEX",
                      "the message takes too much memory");
    return JSON_REFUSED;
}

/* What does not fit is cut; never in the middle of a character that a stranger chose. */
static void print_path(const struct json_step *step, char *out, size_t room, size_t *used)
{
    if (step == NULL) {
        return;
    }
    print_path(step->outer, out, room, used);
    if (step->name.data == NULL) {
        int size = snprintf(out + *used, room - *used, "[%zu]", step->index);
        *used = *used + (size_t)size < room ? *used + (size_t)size : room - 1;
        return;
    }
    if (*used > 0 && *used + 1 < room) {
        out[(*used)++] = '.';
    }
    for (size_t i = 0; i < step->name.size && *used + 1 < room; i++) {
        uint8_t character = step->name.data[i];
        out[(*used)++] = character >= 0x20 && character < 0x7F ? (char)character : '?';
    }
    out[*used] = '\0';
}
