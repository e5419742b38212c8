/* See json_print.h. A walk over the descriptor; every step writes, none looks back. */
#include "json/json_print.h"

#include <google/protobuf/any.pb-c.h>
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/field_mask.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <inttypes.h>
#include <stdio.h>

#include "json/arena_allocator.h"
#include "json/timestamp.h"

#define NAME_BYTES        128 /* of a field; longer ones are printed as they are */
#define NUMBER_TEXT_BYTES 24  /* 64 bits */

struct printer {
    const struct json_print_options *options;
    struct json_text *text;
    struct failure *failure;
};

static enum status print_message(struct printer *printer, const ProtobufCMessage *message,
                                 unsigned depth);
static enum status print_members(struct printer *printer, const ProtobufCMessage *message,
                                 unsigned depth);
static enum status print_field(struct printer *printer, const ProtobufCMessage *message,
                               const ProtobufCFieldDescriptor *field, unsigned depth);
static enum status print_map(struct printer *printer, const ProtobufCMessage *const *entries,
                             size_t count, unsigned depth);
static void print_key(struct printer *printer, const ProtobufCFieldDescriptor *field,
                      const void *member);
static enum status print_value(struct printer *printer, const ProtobufCFieldDescriptor *field,
                               const void *member, unsigned depth);
static void print_integer(struct printer *printer, const ProtobufCFieldDescriptor *field,
                          const void *member);
static void print_enum(struct printer *printer, const ProtobufCEnumDescriptor *type, int number);
static enum status print_time(struct printer *printer, const ProtobufCMessage *message,
                              bool is_moment);
static enum status print_field_mask(struct printer *printer, const ProtobufCMessage *message);
static bool append_mask_path(const char *path, char *out, size_t room, size_t *used);
static enum status print_any(struct printer *printer, const ProtobufCMessage *message,
                             unsigned depth);
static enum status print_held(struct printer *printer, const Google__Protobuf__Any *any,
                              unsigned depth);

enum status json_print(const ProtobufCMessage *message, const struct json_print_options *options,
                       struct arena *arena, struct bytes *text_out, struct failure *failure)
{
    struct json_text text;
    json_text_begin(&text, arena, options->pretty);
    enum status status = json_print_into(message, options, &text, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (!json_text_end(&text, text_out)) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "MESSAGE_TOO_COMPLEX",
                           "%s is too large to print", message->descriptor->name);
    }
    return STATUS_OK;
}

enum status json_print_into(const ProtobufCMessage *message,
                            const struct json_print_options *options, struct json_text *text,
                            struct failure *failure)
{
    struct printer printer = {.options = options, .text = text, .failure = failure};
    return print_message(&printer, message, 0);
}

static enum status print_message(struct printer *printer, const ProtobufCMessage *message,
                                 unsigned depth)
{
    if (depth == JSON_DEPTH_MAX) {
        return failure_set(printer->failure, STATUS_INVALID_ARGUMENT, "MESSAGE_TOO_COMPLEX",
                           "%s is nested deeper than %d", message->descriptor->name,
                           JSON_DEPTH_MAX);
    }
    switch (json_form_of(message->descriptor)) {
    case JSON_FORM_TIMESTAMP:
        return print_time(printer, message, true);
    case JSON_FORM_DURATION:
        return print_time(printer, message, false);
    case JSON_FORM_FIELD_MASK:
        return print_field_mask(printer, message);
    case JSON_FORM_ANY:
        return print_any(printer, message, depth);
    case JSON_FORM_FIELDS:
        break;
    }
    json_text_open(printer->text, '{');
    enum status status = print_members(printer, message, depth);
    json_text_close(printer->text, '}');
    return status;
}

static enum status print_members(struct printer *printer, const ProtobufCMessage *message,
                                 unsigned depth)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        if (!json_field_is_present(message, field, printer->options->defaults)) {
            continue;
        }
        char name[NAME_BYTES];
        bool fits = json_name(field->name, name, sizeof name);
        json_text_key(printer->text, bytes_of_text(fits ? name : field->name));
        enum status status = print_field(printer, message, field, depth);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status print_field(struct printer *printer, const ProtobufCMessage *message,
                               const ProtobufCFieldDescriptor *field, unsigned depth)
{
    const char *base = (const char *)message;
    const void *member = base + field->offset;
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        return print_value(printer, field, member, depth);
    }
    size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
    const void *items = *(const void *const *)member;
    if (json_field_is_map(message->descriptor, field)) {
        return print_map(printer, items, count, depth);
    }
    enum status status = STATUS_OK;
    json_text_open(printer->text, '[');
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const char *item = (const char *)items + i * json_field_item_bytes(field);
        status = print_value(printer, field, item, depth);
    }
    json_text_close(printer->text, ']');
    return status;
}

static enum status print_map(struct printer *printer, const ProtobufCMessage *const *entries,
                             size_t count, unsigned depth)
{
    enum status status = STATUS_OK;
    json_text_open(printer->text, '{');
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const ProtobufCFieldDescriptor *fields = entries[i]->descriptor->fields;
        const char *base = (const char *)entries[i];
        print_key(printer, &fields[0], base + fields[0].offset);
        bool is_missing = fields[1].type == PROTOBUF_C_TYPE_MESSAGE &&
                          *(const void *const *)(const void *)(base + fields[1].offset) == NULL;
        if (is_missing) { /* an entry without a value has an empty one */
            json_text_open(printer->text, '{');
            json_text_close(printer->text, '}');
            continue;
        }
        status = print_value(printer, &fields[1], base + fields[1].offset, depth);
    }
    json_text_close(printer->text, '}');
    return status;
}

/* Keys are strings, integers or booleans; all become strings. */
static void print_key(struct printer *printer, const ProtobufCFieldDescriptor *field,
                      const void *member)
{
    char number[NUMBER_TEXT_BYTES];
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *value = *(const char *const *)member;
        json_text_key(printer->text, bytes_of_text(value == NULL ? "" : value));
        return;
    }
    case PROTOBUF_C_TYPE_BOOL:
        json_text_key(printer->text,
                      bytes_of_text(*(const protobuf_c_boolean *)member ? "true" : "false"));
        return;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        snprintf(number, sizeof number, "%" PRIu64, *(const uint64_t *)member);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        snprintf(number, sizeof number, "%" PRId64, *(const int64_t *)member);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        snprintf(number, sizeof number, "%" PRIu32, *(const uint32_t *)member);
        break;
    default:
        snprintf(number, sizeof number, "%" PRId32, *(const int32_t *)member);
        break;
    }
    json_text_key(printer->text, bytes_of_text(number));
}

static enum status print_value(struct printer *printer, const ProtobufCFieldDescriptor *field,
                               const void *member, unsigned depth)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT:
        json_text_real(printer->text, (double)*(const float *)member, true);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        json_text_real(printer->text, *(const double *)member, false);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        json_text_raw(printer->text, *(const protobuf_c_boolean *)member ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        print_enum(printer, field->descriptor, *(const int *)member);
        break;
    case PROTOBUF_C_TYPE_STRING: {
        const char *value = *(const char *const *)member;
        json_text_string(printer->text, bytes_of_text(value == NULL ? "" : value));
        break;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *value = member;
        json_text_base64(printer->text, bytes_of(value->data, value->len));
        break;
    }
    case PROTOBUF_C_TYPE_MESSAGE:
        return print_message(printer, *(const ProtobufCMessage *const *)member, depth + 1);
    default:
        print_integer(printer, field, member);
    }
    return STATUS_OK;
}

static void print_integer(struct printer *printer, const ProtobufCFieldDescriptor *field,
                          const void *member)
{
    char number[NUMBER_TEXT_BYTES];
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        snprintf(number, sizeof number, "%" PRIu32, *(const uint32_t *)member);
        json_text_raw(printer->text, number);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        snprintf(number, sizeof number, "%" PRIu64, *(const uint64_t *)member);
        json_text_string(printer->text, bytes_of_text(number));
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        snprintf(number, sizeof number, "%" PRId64, *(const int64_t *)member);
        json_text_string(printer->text, bytes_of_text(number));
        break;
    default:
        snprintf(number, sizeof number, "%" PRId32, *(const int32_t *)member);
        json_text_raw(printer->text, number);
    }
}

static void print_enum(struct printer *printer, const ProtobufCEnumDescriptor *type, int number)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, number);
    if (known != NULL) {
        json_text_string(printer->text, bytes_of_text(known->name));
        return;
    }
    char text[NUMBER_TEXT_BYTES];
    snprintf(text, sizeof text, "%d", number);
    json_text_raw(printer->text, text);
}

static enum status print_time(struct printer *printer, const ProtobufCMessage *message,
                              bool is_moment)
{
    char text[TIMESTAMP_TEXT_BYTES];
    const Google__Protobuf__Timestamp *time = (const Google__Protobuf__Timestamp *)message;
    const Google__Protobuf__Duration *span = (const Google__Protobuf__Duration *)message;
    bool in_range = is_moment ? timestamp_print(time->seconds, time->nanos, text)
                              : duration_print(span->seconds, span->nanos, text);
    if (!in_range) {
        return failure_set(printer->failure, STATUS_INVALID_ARGUMENT, "BAD_TIME",
                           "a %s is out of range", message->descriptor->name);
    }
    json_text_string(printer->text, bytes_of_text(text));
    return STATUS_OK;
}

/* "a_b" and "c.d_e" as "aB,c.dE". */
static enum status print_field_mask(struct printer *printer, const ProtobufCMessage *message)
{
    const Google__Protobuf__FieldMask *mask = (const Google__Protobuf__FieldMask *)message;
    size_t room = 1;
    for (size_t i = 0; i < mask->n_paths; i++) {
        room += strlen(mask->paths[i]) + 1;
    }
    char *out = arena_alloc(printer->text->arena, room);
    size_t used = 0;
    for (size_t i = 0; out != NULL && i < mask->n_paths; i++) {
        if (i > 0) {
            out[used++] = ',';
        }
        if (!append_mask_path(mask->paths[i], out, room, &used)) {
            return failure_set(printer->failure, STATUS_INVALID_ARGUMENT, "BAD_FIELD_MASK",
                               "a path of a field mask has no form in JSON");
        }
    }
    if (out == NULL) {
        return failure_set(printer->failure, STATUS_INVALID_ARGUMENT, "MESSAGE_TOO_COMPLEX",
                           "a field mask is too large to print");
    }
    json_text_string(printer->text, bytes_of(out, used));
    return STATUS_OK;
}

/* False for what would read back as another path: capitals, and '_' before anything but a letter.
 */
static bool append_mask_path(const char *path, char *out, size_t room, size_t *used)
{
    for (const char *at = path; *at != '\0'; at++) {
        bool is_upper = *at >= 'A' && *at <= 'Z';
        bool is_odd = *at == '_' && !(at[1] >= 'a' && at[1] <= 'z');
        if (is_upper || is_odd || *used + 1 >= room) {
            return false;
        }
        if (*at == '_') {
            at++;
            out[(*used)++] = (char)(*at - 'a' + 'A');
        } else {
            out[(*used)++] = *at;
        }
    }
    return true;
}

/* {"@type": url, and the held message's members}; what has a form of its own comes as "value", and
 * so do the bytes of a type that is not known. */
static enum status print_any(struct printer *printer, const ProtobufCMessage *message,
                             unsigned depth)
{
    const Google__Protobuf__Any *any = (const Google__Protobuf__Any *)message;
    json_text_open(printer->text, '{');
    enum status status = STATUS_OK;
    if (any->type_url[0] != '\0') {
        json_text_key(printer->text, bytes_of_text("@type"));
        json_text_string(printer->text, bytes_of_text(any->type_url));
        status = print_held(printer, any, depth);
    }
    json_text_close(printer->text, '}');
    return status;
}

static enum status print_held(struct printer *printer, const Google__Protobuf__Any *any,
                              unsigned depth)
{
    const ProtobufCMessageDescriptor *type =
        json_types_find(printer->options->types, any->type_url);
    if (type == NULL) {
        json_text_key(printer->text, bytes_of_text("value"));
        json_text_base64(printer->text, bytes_of(any->value.data, any->value.len));
        return STATUS_OK;
    }
    ProtobufCAllocator allocator = arena_allocator(printer->text->arena);
    ProtobufCMessage *held =
        protobuf_c_message_unpack(type, &allocator, any->value.len, any->value.data);
    if (held == NULL) {
        return failure_set(printer->failure, STATUS_INVALID_ARGUMENT, "MALFORMED_MESSAGE",
                           "not a valid %s", type->name);
    }
    if (json_form_of(type) == JSON_FORM_FIELDS &&
        strcmp(type->name, "google.protobuf.Empty") != 0) {
        return print_members(printer, held, depth + 1);
    }
    json_text_key(printer->text, bytes_of_text("value"));
    return print_message(printer, held, depth + 1);
}
