/* See json_field.h. */
#include "json/json_field.h"

#include <string.h>
#include <strings.h>

#define WELL_KNOWN_PACKAGE "google.protobuf"
#define NAME_BYTES         128 /* of a map's field; longer ones are not seen as maps */

static bool is_default(const ProtobufCFieldDescriptor *field, const void *member);
static bool names_field(const char *field_name, const char *name, size_t name_size);

enum json_form json_form_of(const ProtobufCMessageDescriptor *type)
{
    static const struct {
        const char *name;
        enum json_form form;
    } FORMS[] = {
        {WELL_KNOWN_PACKAGE ".Timestamp", JSON_FORM_TIMESTAMP},
        {WELL_KNOWN_PACKAGE ".Duration", JSON_FORM_DURATION},
        {WELL_KNOWN_PACKAGE ".FieldMask", JSON_FORM_FIELD_MASK},
        {WELL_KNOWN_PACKAGE ".Any", JSON_FORM_ANY},
    };
    if (strcmp(type->package_name, WELL_KNOWN_PACKAGE) != 0) {
        return JSON_FORM_FIELDS;
    }
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        if (strcmp(type->name, FORMS[i].name) == 0) {
            return FORMS[i].form;
        }
    }
    return JSON_FORM_FIELDS;
}

bool json_name(const char *field_name, char *out, size_t room)
{
    size_t size = 0;
    bool upper = false;
    for (const char *at = field_name; *at != '\0'; at++) {
        if (*at == '_') {
            upper = true;
            continue;
        }
        if (size + 1 >= room) {
            return false;
        }
        out[size++] = upper && *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
        upper = false;
    }
    out[size] = '\0';
    return true;
}

const ProtobufCFieldDescriptor *json_field_find(const ProtobufCMessageDescriptor *type,
                                                const char *name, size_t name_size)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (names_field(type->fields[i].name, name, name_size)) {
            return &type->fields[i];
        }
    }
    return NULL;
}

/* Compares without writing the JSON name down: both names at once, as long as one still fits. */
static bool names_field(const char *field_name, const char *name, size_t name_size)
{
    if (strlen(field_name) == name_size && memcmp(field_name, name, name_size) == 0) {
        return true;
    }
    size_t used = 0;
    bool upper = false;
    for (const char *at = field_name; *at != '\0'; at++) {
        if (*at == '_') {
            upper = true;
            continue;
        }
        char wanted = upper && *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
        if (used == name_size || name[used] != wanted) {
            return false;
        }
        used++;
        upper = false;
    }
    return used == name_size;
}

bool json_field_is_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                           bool defaults)
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
        return memcmp(member, ZEROS, json_field_item_bytes(field)) == 0;
    }
}

/* protobuf-c does not say; protoc's own rule does: Owner.FieldNameEntry with key = 1 and value = 2,
 * a name that it keeps for maps. */
bool json_field_is_map(const ProtobufCMessageDescriptor *owner,
                       const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE || field->label != PROTOBUF_C_LABEL_REPEATED ||
        entry->n_fields != 2 || strcmp(entry->fields[0].name, "key") != 0 ||
        entry->fields[0].id != 1 || strcmp(entry->fields[1].name, "value") != 0 ||
        entry->fields[1].id != 2) {
        return false;
    }
    char expected[NAME_BYTES];
    size_t owner_size = strlen(owner->name);
    if (!json_name(field->name, expected, sizeof expected) ||
        strncmp(entry->name, owner->name, owner_size) != 0 || entry->name[owner_size] != '.') {
        return false;
    }
    const char *last = entry->name + owner_size + 1;
    size_t name_size = strlen(expected);
    return strncasecmp(last, expected, name_size) == 0 && strcmp(last + name_size, "Entry") == 0;
}

size_t json_field_item_bytes(const ProtobufCFieldDescriptor *field)
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

const ProtobufCMessageDescriptor *json_types_find(const struct json_types *types, const char *url)
{
    const char *slash = strrchr(url, '/');
    for (size_t i = 0; types != NULL && slash != NULL && i < types->count; i++) {
        if (strcmp(types->list[i]->name, slash + 1) == 0) {
            return types->list[i];
        }
    }
    return NULL;
}
