/* JSON values: see json_value.h. */
#include "client/json_value.h"

#include <assert.h>
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "client/timestamp.h"

#define NUMBER_TEXT_BYTES 32 /* 64 bits, or the 9 digits and exponent of a float */

static yyjson_mut_val *print_enum(struct json_printer *printer, const ProtobufCEnumDescriptor *type,
                                  int number);
static yyjson_mut_val *print_real(struct json_printer *printer, double value, bool is_float);

yyjson_mut_val *json_value_scalar(struct json_printer *printer,
                                  const ProtobufCFieldDescriptor *field, const void *member)
{
    char number[NUMBER_TEXT_BYTES];
    yyjson_mut_doc *doc = printer->doc;
    yyjson_mut_val *value = NULL;
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        value = yyjson_mut_sint(doc, *(const int32_t *)member);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        value = yyjson_mut_uint(doc, *(const uint32_t *)member);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        snprintf(number, sizeof(number), "%" PRId64, *(const int64_t *)member);
        value = yyjson_mut_strcpy(doc, number);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        snprintf(number, sizeof(number), "%" PRIu64, *(const uint64_t *)member);
        value = yyjson_mut_strcpy(doc, number);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        return print_real(printer, (double)*(const float *)member, true);
    case PROTOBUF_C_TYPE_DOUBLE:
        return print_real(printer, *(const double *)member, false);
    case PROTOBUF_C_TYPE_BOOL:
        value = yyjson_mut_bool(doc, *(const protobuf_c_boolean *)member != 0);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        return print_enum(printer, field->descriptor, *(const int *)member);
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)member;
        value = yyjson_mut_str(doc, text == NULL ? "" : text);
        break;
    }
    case PROTOBUF_C_TYPE_BYTES:
        return json_value_bytes(printer, member);
    case PROTOBUF_C_TYPE_MESSAGE:
        assert(false);
    }
    return value == NULL ? json_value_no_memory(printer) : value;
}

static yyjson_mut_val *print_enum(struct json_printer *printer, const ProtobufCEnumDescriptor *type,
                                  int number)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, number);
    yyjson_mut_val *value = known == NULL ? yyjson_mut_sint(printer->doc, number)
                                          : yyjson_mut_str(printer->doc, known->name);
    return value == NULL ? json_value_no_memory(printer) : value;
}

/* The shortest text that reads back as the same value: yyjson's own for double, found for float. */
static yyjson_mut_val *print_real(struct json_printer *printer, double value, bool is_float)
{
    yyjson_mut_val *printed = NULL;
    if (isnan(value)) {
        printed = yyjson_mut_str(printer->doc, "NaN");
    } else if (isinf(value)) {
        printed = yyjson_mut_str(printer->doc, value > 0 ? "Infinity" : "-Infinity");
    } else if (!is_float) {
        printed = yyjson_mut_real(printer->doc, value);
    } else {
        char text[NUMBER_TEXT_BYTES];
        for (int digits = 6; digits <= 9; digits++) {
            snprintf(text, sizeof(text), "%.*g", digits, value);
            if (strtof(text, NULL) == (float)value) {
                break;
            }
        }
        printed = yyjson_mut_rawcpy(printer->doc, text);
    }
    return printed == NULL ? json_value_no_memory(printer) : printed;
}

yyjson_mut_val *json_value_bytes(struct json_printer *printer, const ProtobufCBinaryData *data)
{
    enum { PADDING = 64 };
    static const char DIGITS[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    char *text = arena_alloc(&printer->arena, (data->len + 2) / 3 * 4 + 1);
    if (text == NULL) {
        return json_value_no_memory(printer);
    }
    size_t size = 0;
    for (size_t i = 0; i < data->len; i += 3) {
        size_t left = data->len - i;
        uint32_t three = (uint32_t)data->data[i] << 16;
        three |= left > 1 ? (uint32_t)data->data[i + 1] << 8 : 0;
        three |= left > 2 ? data->data[i + 2] : 0;
        text[size++] = DIGITS[three >> 18];
        text[size++] = DIGITS[three >> 12 & 63];
        text[size++] = DIGITS[left > 1 ? three >> 6 & 63 : PADDING];
        text[size++] = DIGITS[left > 2 ? three & 63 : PADDING];
    }
    text[size] = '\0';
    yyjson_mut_val *value = yyjson_mut_strn(printer->doc, text, size);
    return value == NULL ? json_value_no_memory(printer) : value;
}

yyjson_mut_val *json_value_time(struct json_printer *printer, const ProtobufCMessage *message)
{
    char text[TIMESTAMP_TEXT_BYTES];
    bool in_range;
    if (message->descriptor == &google__protobuf__duration__descriptor) {
        const Google__Protobuf__Duration *span = (const Google__Protobuf__Duration *)message;
        in_range = duration_print(span->seconds, span->nanos, text);
    } else {
        const Google__Protobuf__Timestamp *time = (const Google__Protobuf__Timestamp *)message;
        in_range = timestamp_print(time->seconds, time->nanos, text);
    }
    if (!in_range) {
        failure_set(printer->failure, STATUS_INVALID_ARGUMENT, "BAD_TIME", "%s is out of range",
                    message->descriptor->name);
        return NULL;
    }
    yyjson_mut_val *value = yyjson_mut_strcpy(printer->doc, text);
    return value == NULL ? json_value_no_memory(printer) : value;
}

yyjson_mut_val *json_value_no_memory(struct json_printer *printer)
{
    failure_set(printer->failure, STATUS_INVALID_ARGUMENT, "MESSAGE_TOO_COMPLEX",
                "out of memory while printing JSON");
    return NULL;
}
