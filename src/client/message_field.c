/* See message_field.h. */
#include "client/message_field.h"

#include <string.h>

#include "client/json_print.h"

static bool is_default(const ProtobufCFieldDescriptor *field, const void *member);

bool message_field_is_present(const ProtobufCMessage *message,
                              const ProtobufCFieldDescriptor *field, bool defaults)
{
    const char *base = (const char *)message;
    const void *quantifier = base + field->quantifier_offset;
    const void *member = base + field->offset;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        return *(const uint32_t *)quantifier == field->id;
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return defaults || *(const size_t *)quantifier > 0;
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return *(const void *const *)member != NULL;
    }
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL) {
        return field->type == PROTOBUF_C_TYPE_STRING
                   ? *(const void *const *)member != NULL &&
                         *(const void *const *)member != field->default_value
                   : *(const protobuf_c_boolean *)quantifier != 0;
    }
    return field->label == PROTOBUF_C_LABEL_REQUIRED || defaults || !is_default(field, member);
}

static bool is_default(const ProtobufCFieldDescriptor *field, const void *member)
{
    static const char ZEROS[8] = {0};
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)member;
        return text == NULL || text[0] == '\0';
    }
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)member)->len == 0;
    default:
        return memcmp(member, ZEROS, message_field_item_bytes(field)) == 0;
    }
}

/* protobuf-c does not say; protoc's own rule does: Owner.FieldNameEntry with key = 1 and value = 2,
 * a name that it keeps for maps. */
bool message_field_is_map(const ProtobufCMessageDescriptor *owner,
                          const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE || entry->n_fields != 2 ||
        strcmp(entry->fields[0].name, "key") != 0 || entry->fields[0].id != 1 ||
        strcmp(entry->fields[1].name, "value") != 0 || entry->fields[1].id != 2) {
        return false;
    }
    char expected[JSON_NAME_BYTES];
    if (!json_name(field->name, expected, sizeof(expected))) {
        return false;
    }
    size_t owner_size = strlen(owner->name);
    size_t name_size = strlen(expected);
    if (strncmp(entry->name, owner->name, owner_size) != 0 || entry->name[owner_size] != '.') {
        return false;
    }
    const char *last = entry->name + owner_size + 1;
    return strncasecmp(last, expected, name_size) == 0 && strcmp(last + name_size, "Entry") == 0;
}

size_t message_field_item_bytes(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default: /* 32-bit integers, float, enum */
        return 4;
    }
}
