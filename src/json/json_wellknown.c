/* JSON of google.protobuf's Timestamp, Duration and FieldMask: one string each. */
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/field_mask.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <string.h>

#include "json/json_reader.h"
#include "json/timestamp.h"

static enum json_outcome read_mask(struct json_reader *reader, Google__Protobuf__FieldMask *mask,
                                   const char *text, const struct json_step *step);
static char *mask_path(struct arena *arena, const char *path, size_t size);

enum json_outcome json_read_wellknown(struct json_reader *reader, ProtobufCMessage *message,
                                      yyjson_val *value, const struct json_step *step)
{
    const char *text = yyjson_get_str(value);
    if (text == NULL || strlen(text) != yyjson_get_len(value)) {
        return json_refuse(reader, step, "BAD_VALUE", "a string is expected");
    }
    switch (json_form_of(message->descriptor)) {
    case JSON_FORM_TIMESTAMP: {
        Google__Protobuf__Timestamp *time = (Google__Protobuf__Timestamp *)message;
        return timestamp_parse(text, &time->seconds, &time->nanos)
                   ? JSON_READ
                   : json_refuse(reader, step, "BAD_VALUE",
                                 "a time such as 2026-01-31T12:00:00Z is expected");
    }
    case JSON_FORM_DURATION: {
        Google__Protobuf__Duration *span = (Google__Protobuf__Duration *)message;
        return duration_parse(text, &span->seconds, &span->nanos)
                   ? JSON_READ
                   : json_refuse(reader, step, "BAD_VALUE", "a duration such as 1.5s is expected");
    }
    case JSON_FORM_FIELD_MASK:
        return read_mask(reader, (Google__Protobuf__FieldMask *)message, text, step);
    case JSON_FORM_ANY:
    case JSON_FORM_FIELDS:
        break;
    }
    return json_refuse(reader, step, "BAD_VALUE", "%s has no text", message->descriptor->name);
}

/* "aB,c.dE" as "a_b" and "c.d_e". */
static enum json_outcome read_mask(struct json_reader *reader, Google__Protobuf__FieldMask *mask,
                                   const char *text, const struct json_step *step)
{
    size_t most = 1;
    for (const char *at = text; *at != '\0'; at++) {
        most += *at == ',';
    }
    mask->paths = arena_calloc(reader->arena, most, sizeof *mask->paths);
    if (mask->paths == NULL) {
        return json_refuse_memory(reader);
    }
    if (*text == '\0') {
        return JSON_READ;
    }
    for (size_t i = 0; i < most; i++) {
        size_t size = strcspn(text, ",");
        if (size == 0 || memchr(text, '_', size) != NULL) {
            return json_refuse(reader, step, "BAD_VALUE",
                               "field names in lowerCamelCase with commas between are expected");
        }
        mask->paths[mask->n_paths] = mask_path(reader->arena, text, size);
        if (mask->paths[mask->n_paths++] == NULL) {
            return json_refuse_memory(reader);
        }
        text += size + 1;
    }
    return JSON_READ;
}

static char *mask_path(struct arena *arena, const char *path, size_t size)
{
    char *out = arena_alloc(arena, size * 2 + 1);
    size_t used = 0;
    for (size_t i = 0; out != NULL && i < size; i++) {
        bool is_upper = path[i] >= 'A' && path[i] <= 'Z';
        if (is_upper) {
            out[used++] = '_';
        }
        out[used++] = is_upper ? (char)(path[i] - 'A' + 'a') : path[i];
    }
    if (out != NULL) {
        out[used] = '\0';
    }
    return out;
}
