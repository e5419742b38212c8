/* JSON value: an empty message, and one value of the tree into one member of it. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "json/base64.h"
#include "json/json_reader.h"

#define EXACT_INTEGER_END                                                  \
    9007199254740992.0 /* 2^53: from there on a real may have been rounded \
                        */

/* An integer with its sign, so that both 64-bit ranges fit. */
struct integer {
    bool is_negative;
    uint64_t magnitude;
};

static enum json_outcome read_integer(struct json_reader *reader,
                                      const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                      void *member, const struct json_step *step);
static bool take_integer(yyjson_val *value, struct integer *integer_out);
static bool take_number(yyjson_val *value, yyjson_val *number_out);
static bool store_signed(struct integer integer, int64_t least, int64_t most, int64_t *value_out);
static enum json_outcome read_real(struct json_reader *reader,
                                   const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                   void *member, const struct json_step *step);
static bool take_real(yyjson_val *value, double *real_out);
static enum json_outcome read_bool(struct json_reader *reader, yyjson_val *value,
                                   protobuf_c_boolean *member, const struct json_step *step);
static enum json_outcome read_enum(struct json_reader *reader, const ProtobufCEnumDescriptor *type,
                                   yyjson_val *value, int32_t *member,
                                   const struct json_step *step);
static enum json_outcome read_string(struct json_reader *reader, yyjson_val *value, char **member,
                                     const struct json_step *step);
static enum json_outcome read_bytes(struct json_reader *reader, yyjson_val *value,
                                    ProtobufCBinaryData *member, const struct json_step *step);

ProtobufCMessage *json_message_create(const ProtobufCMessageDescriptor *type, struct arena *arena)
{
    ProtobufCMessage *message = arena_calloc(arena, 1, type->sizeof_message);
    if (message == NULL) {
        return NULL;
    }
    if (type->message_init != NULL) {
        protobuf_c_message_init(type, message);
        return message;
    }
    message->descriptor = type; /* made at run time: zeros, but for texts */
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->default_value == protobuf_c_empty_string) {
            memcpy((char *)message + field->offset, &field->default_value, sizeof(void *));
        }
    }
    return message;
}

enum json_outcome json_read_value(struct json_reader *reader, const ProtobufCFieldDescriptor *field,
                                  yyjson_val *value, void *member, const struct json_step *step,
                                  unsigned depth)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_real(reader, field, value, member, step);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(reader, value, member, step);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(reader, field->descriptor, value, member, step);
    case PROTOBUF_C_TYPE_STRING:
        return read_string(reader, value, member, step);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(reader, value, member, step);
    case PROTOBUF_C_TYPE_MESSAGE:
        return json_read_message(reader, field->descriptor, value, member, step, depth + 1);
    default:
        return read_integer(reader, field, value, member, step);
    }
}

static enum json_outcome read_integer(struct json_reader *reader,
                                      const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                      void *member, const struct json_step *step)
{
    struct integer integer;
    int64_t number;
    bool fits = false;
    if (!take_integer(value, &integer)) {
        return json_refuse(reader, step, "BAD_VALUE", "an integer is expected");
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        fits = store_signed(integer, 0, UINT32_MAX, &number);
        if (fits) {
            *(uint32_t *)member = (uint32_t)number;
        }
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        fits = !integer.is_negative || integer.magnitude == 0;
        if (fits) {
            *(uint64_t *)member = integer.magnitude;
        }
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        fits = store_signed(integer, INT64_MIN, INT64_MAX, &number);
        if (fits) {
            *(int64_t *)member = number;
        }
        break;
    default:
        fits = store_signed(integer, INT32_MIN, INT32_MAX, &number);
        if (fits) {
            *(int32_t *)member = (int32_t)number;
        }
    }
    return fits ? JSON_READ : json_refuse(reader, step, "BAD_VALUE", "the integer is out of range");
}

/* 3, "3", 3.0 and 3e0; nothing that was rounded on the way. */
static bool take_integer(yyjson_val *value, struct integer *integer_out)
{
    yyjson_val number;
    if (!take_number(value, &number)) {
        return false;
    }
    if (yyjson_is_uint(&number)) {
        *integer_out = (struct integer){.magnitude = yyjson_get_uint(&number)};
        return true;
    }
    if (yyjson_is_sint(&number)) {
        int64_t sint = yyjson_get_sint(&number);
        *integer_out = (struct integer){.is_negative = sint < 0,
                                        .magnitude = sint < 0 ? -(uint64_t)sint : (uint64_t)sint};
        return true;
    }
    double real = yyjson_get_real(&number);
    if (real != trunc(real) || fabs(real) >= EXACT_INTEGER_END) {
        return false;
    }
    *integer_out = (struct integer){.is_negative = real < 0, .magnitude = (uint64_t)fabs(real)};
    return true;
}

/* A number, or one that is all there is in a string. */
static bool take_number(yyjson_val *value, yyjson_val *number_out)
{
    if (yyjson_is_num(value)) {
        *number_out = *value;
        return true;
    }
    const char *text = yyjson_get_str(value);
    if (text == NULL) {
        return false;
    }
    const char *end = yyjson_read_number(text, number_out, 0, NULL, NULL);
    return end != NULL && end == text + yyjson_get_len(value);
}

static bool store_signed(struct integer integer, int64_t least, int64_t most, int64_t *value_out)
{
    int64_t number;
    if (integer.is_negative) {
        if (integer.magnitude > (uint64_t)INT64_MAX + 1) {
            return false;
        }
        number = (int64_t)(-integer.magnitude);
    } else {
        if (integer.magnitude > INT64_MAX) {
            return false;
        }
        number = (int64_t)integer.magnitude;
    }
    *value_out = number;
    return number >= least && number <= most;
}

static enum json_outcome read_real(struct json_reader *reader,
                                   const ProtobufCFieldDescriptor *field, yyjson_val *value,
                                   void *member, const struct json_step *step)
{
    double real;
    if (!take_real(value, &real)) {
        return json_refuse(reader, step, "BAD_VALUE", "a number is expected");
    }
    if (field->type == PROTOBUF_C_TYPE_DOUBLE) {
        *(double *)member = real;
        return JSON_READ;
    }
    if (isfinite(real) && fabs(real) > (double)FLT_MAX) {
        return json_refuse(reader, step, "BAD_VALUE", "the number is out of range");
    }
    *(float *)member = (float)real;
    return JSON_READ;
}

static bool take_real(yyjson_val *value, double *real_out)
{
    yyjson_val number;
    if (take_number(value, &number)) {
        *real_out = yyjson_get_num(&number);
        return true;
    }
    if (yyjson_equals_str(value, "NaN")) {
        *real_out = NAN;
    } else if (yyjson_equals_str(value, "Infinity")) {
        *real_out = INFINITY;
    } else if (yyjson_equals_str(value, "-Infinity")) {
        *real_out = -INFINITY;
    } else {
        return false;
    }
    return true;
}

static enum json_outcome read_bool(struct json_reader *reader, yyjson_val *value,
                                   protobuf_c_boolean *member, const struct json_step *step)
{
    bool is_text = reader->is_text && yyjson_is_str(value);
    if (yyjson_is_true(value) || (is_text && yyjson_equals_str(value, "true"))) {
        *member = 1;
    } else if (yyjson_is_false(value) || (is_text && yyjson_equals_str(value, "false"))) {
        *member = 0;
    } else {
        return json_refuse(reader, step, "BAD_VALUE", "true or false is expected");
    }
    return JSON_READ;
}

static enum json_outcome read_enum(struct json_reader *reader, const ProtobufCEnumDescriptor *type,
                                   yyjson_val *value, int32_t *member, const struct json_step *step)
{
    struct integer integer;
    int64_t number;
    if (yyjson_is_str(value)) {
        const char *name = yyjson_get_str(value);
        const ProtobufCEnumValue *known =
            strlen(name) == yyjson_get_len(value)
                ? protobuf_c_enum_descriptor_get_value_by_name(type, name)
                : NULL;
        if (known != NULL) {
            *member = known->value;
            return JSON_READ;
        }
        if (!reader->is_text) {
            return reader->options->ignore_unknown
                       ? JSON_IGNORED
                       : json_refuse(reader, step, "BAD_VALUE", "%s has no such value", type->name);
        }
    }
    if (!take_integer(value, &integer) || !store_signed(integer, INT32_MIN, INT32_MAX, &number)) {
        return json_refuse(reader, step, "BAD_VALUE", "a value of %s is expected", type->name);
    }
    *member = (int32_t)number;
    return JSON_READ;
}

static enum json_outcome read_string(struct json_reader *reader, yyjson_val *value, char **member,
                                     const struct json_step *step)
{
    if (!yyjson_is_str(value)) {
        return json_refuse(reader, step, "BAD_VALUE", "a string is expected");
    }
    const char *text = yyjson_get_str(value);
    if (strlen(text) != yyjson_get_len(value)) {
        return json_refuse(reader, step, "INVALID_TEXT", "a NUL is in the text");
    }
    char *copy = arena_strdup(reader->arena, text);
    if (copy == NULL) {
        return json_refuse_memory(reader);
    }
    *member = copy;
    return JSON_READ;
}

static enum json_outcome read_bytes(struct json_reader *reader, yyjson_val *value,
                                    ProtobufCBinaryData *member, const struct json_step *step)
{
    struct bytes decoded;
    if (!yyjson_is_str(value) ||
        !base64_decode(bytes_of(yyjson_get_str(value), yyjson_get_len(value)), reader->arena,
                       &decoded)) {
        return json_refuse(reader, step, "BAD_VALUE", "base64 is expected");
    }
    member->data = (uint8_t *)(uintptr_t)decoded.data;
    member->len = decoded.size;
    return JSON_READ;
}
