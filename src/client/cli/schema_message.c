/* Schema: one message of the set as protobuf-c's descriptor. The C structure that goes with
 * it exists nowhere but in its offsets: each member on a multiple of 8, quantifiers before. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/schema_inside.h"

#define MEMBER_BYTES      8
#define ONEOF_BYTES       16        /* the largest member: bytes */
#define FIELD_NUMBER_MOST 536870911 /* protobuf's own limit */

typedef Google__Protobuf__FieldDescriptorProto field_proto;

/* The place of each oneof in the structure; 0 = none yet. */
struct layout {
    size_t used;
    unsigned *oneofs;
    size_t oneof_count;
};

static enum status fill_field(struct schema *schema, const struct schema_type *owner,
                              const field_proto *proto, ProtobufCFieldDescriptor *field);
static bool is_packed(const struct schema_type *owner, const field_proto *proto,
                      const ProtobufCFieldDescriptor *field);
static bool translate_type(const field_proto *proto, ProtobufCType *type_out);
static bool is_repeated(const field_proto *proto);
static ProtobufCLabel choose_label(const struct schema_type *owner, const field_proto *proto);
static bool is_in_oneof(const field_proto *proto);
static enum status refer(struct schema *schema, const struct schema_type *owner,
                         const field_proto *proto, ProtobufCFieldDescriptor *field);
static enum status place_field(struct schema *schema, struct layout *layout,
                               const struct schema_type *owner, const field_proto *proto,
                               ProtobufCFieldDescriptor *field);
static unsigned take(struct layout *layout, size_t bytes);
static enum status index_fields(struct schema *schema, const struct schema_type *type,
                                ProtobufCFieldDescriptor *fields, unsigned count);
static bool is_map_entry(const ProtobufCMessageDescriptor *entry);
static int compare_numbers(const void *a, const void *b);
static int compare_names(const void *a, const void *b);

enum status schema_fill_message(struct schema *schema, struct schema_type *type)
{
    const Google__Protobuf__DescriptorProto *message = type->message;
    size_t count = message->n_field;
    ProtobufCFieldDescriptor *fields = arena_calloc(schema->arena, count + 1, sizeof *fields);
    struct layout layout = {.used = sizeof(ProtobufCMessage), .oneof_count = message->n_oneof_decl};
    layout.oneofs = arena_calloc(schema->arena, layout.oneof_count + 1, sizeof *layout.oneofs);
    if (fields == NULL || layout.oneofs == NULL) {
        return schema_refuse_memory(schema);
    }
    for (size_t i = 0; i < count; i++) {
        const field_proto *proto = message->field[i];
        enum status status = fill_field(schema, type, proto, &fields[i]);
        if (status == STATUS_OK) {
            status = place_field(schema, &layout, type, proto, &fields[i]);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    *type->as_message = (ProtobufCMessageDescriptor){
        .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
        .name = type->name,
        .short_name = message->name,
        .c_name = message->name,
        .package_name = type->package,
        .sizeof_message = layout.used,
        .n_fields = (unsigned)count,
        .fields = fields,
    };
    return index_fields(schema, type, fields, (unsigned)count);
}

static enum status fill_field(struct schema *schema, const struct schema_type *owner,
                              const field_proto *proto, ProtobufCFieldDescriptor *field)
{
    if (!schema_is_name(proto->name) || !proto->has_number || proto->number < 1 ||
        proto->number > FIELD_NUMBER_MOST) {
        return schema_refuse(schema, "%s has a field without a name or number", owner->name);
    }
    field->name = proto->name;
    field->id = (uint32_t)proto->number;
    if (!translate_type(proto, &field->type)) {
        return schema_refuse(schema, "%s.%s is of a kind that is not known", owner->name,
                             proto->name);
    }
    field->label = choose_label(owner, proto);
    /* Not in a oneof: without a message_init protobuf-c would write it over the others' place. */
    if (field->label == PROTOBUF_C_LABEL_NONE && field->type == PROTOBUF_C_TYPE_STRING &&
        !is_in_oneof(proto)) {
        field->default_value = protobuf_c_empty_string;
    }
    if (is_packed(owner, proto, field)) {
        field->flags |= PROTOBUF_C_FIELD_FLAG_PACKED;
    }
    return refer(schema, owner, proto, field);
}

static bool is_packed(const struct schema_type *owner, const field_proto *proto,
                      const ProtobufCFieldDescriptor *field)
{
    bool is_packable = field->type != PROTOBUF_C_TYPE_STRING &&
                       field->type != PROTOBUF_C_TYPE_BYTES &&
                       field->type != PROTOBUF_C_TYPE_MESSAGE;
    if (field->label != PROTOBUF_C_LABEL_REPEATED || !is_packable) {
        return false;
    }
    return proto->options != NULL && proto->options->has_packed ? proto->options->packed
                                                                : owner->is_proto3;
}

static bool translate_type(const field_proto *proto, ProtobufCType *type_out)
{
#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
    static const struct {
        bool is_known; /* a group is not */
        ProtobufCType type;
    } TYPES[] = {
        [TYPE(DOUBLE)] = {true, PROTOBUF_C_TYPE_DOUBLE},
        [TYPE(FLOAT)] = {true, PROTOBUF_C_TYPE_FLOAT},
        [TYPE(INT64)] = {true, PROTOBUF_C_TYPE_INT64},
        [TYPE(UINT64)] = {true, PROTOBUF_C_TYPE_UINT64},
        [TYPE(INT32)] = {true, PROTOBUF_C_TYPE_INT32},
        [TYPE(FIXED64)] = {true, PROTOBUF_C_TYPE_FIXED64},
        [TYPE(FIXED32)] = {true, PROTOBUF_C_TYPE_FIXED32},
        [TYPE(BOOL)] = {true, PROTOBUF_C_TYPE_BOOL},
        [TYPE(STRING)] = {true, PROTOBUF_C_TYPE_STRING},
        [TYPE(MESSAGE)] = {true, PROTOBUF_C_TYPE_MESSAGE},
        [TYPE(BYTES)] = {true, PROTOBUF_C_TYPE_BYTES},
        [TYPE(UINT32)] = {true, PROTOBUF_C_TYPE_UINT32},
        [TYPE(ENUM)] = {true, PROTOBUF_C_TYPE_ENUM},
        [TYPE(SFIXED32)] = {true, PROTOBUF_C_TYPE_SFIXED32},
        [TYPE(SFIXED64)] = {true, PROTOBUF_C_TYPE_SFIXED64},
        [TYPE(SINT32)] = {true, PROTOBUF_C_TYPE_SINT32},
        [TYPE(SINT64)] = {true, PROTOBUF_C_TYPE_SINT64},
    };
#undef TYPE
    size_t type = (size_t)proto->type;
    if (!proto->has_type || type >= sizeof TYPES / sizeof TYPES[0] || !TYPES[type].is_known) {
        return false;
    }
    *type_out = TYPES[type].type;
    return true;
}

static bool is_repeated(const field_proto *proto)
{
    return proto->has_label &&
           proto->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
}

/* As protoc-c would: NONE for what has no mark of its own beside its value. */
static ProtobufCLabel choose_label(const struct schema_type *owner, const field_proto *proto)
{
    bool is_entry = owner->message->options != NULL && owner->message->options->map_entry;
    if (is_repeated(proto)) {
        return PROTOBUF_C_LABEL_REPEATED;
    }
    if (is_in_oneof(proto) || is_entry ||
        proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE) {
        return PROTOBUF_C_LABEL_NONE;
    }
    if (proto->has_label &&
        proto->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED) {
        return PROTOBUF_C_LABEL_REQUIRED;
    }
    bool has_presence = !owner->is_proto3 || proto->proto3_optional;
    return has_presence ? PROTOBUF_C_LABEL_OPTIONAL : PROTOBUF_C_LABEL_NONE;
}

/* A real one: proto3's `optional` is written as a oneof of one. */
static bool is_in_oneof(const field_proto *proto)
{
    return proto->has_oneof_index && !proto->proto3_optional;
}

static enum status refer(struct schema *schema, const struct schema_type *owner,
                         const field_proto *proto, ProtobufCFieldDescriptor *field)
{
    bool is_message = field->type == PROTOBUF_C_TYPE_MESSAGE;
    if (!is_message && field->type != PROTOBUF_C_TYPE_ENUM) {
        return STATUS_OK;
    }
    const struct schema_type *type = schema_find_type(schema, proto->type_name);
    if (type == NULL || (type->message != NULL) != is_message) {
        return schema_refuse(schema, "%s.%s is of a type that is not in the set", owner->name,
                             proto->name);
    }
    field->descriptor =
        is_message ? (const void *)schema_message_of(type) : (const void *)type->as_enum;
    return STATUS_OK;
}

static enum status place_field(struct schema *schema, struct layout *layout,
                               const struct schema_type *owner, const field_proto *proto,
                               ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        field->quantifier_offset = take(layout, sizeof(size_t));
        field->offset = take(layout, sizeof(void *));
        return STATUS_OK;
    }
    if (is_in_oneof(proto)) {
        if (proto->oneof_index < 0 || (size_t)proto->oneof_index >= layout->oneof_count) {
            return schema_refuse(schema, "%s.%s is in a oneof that is not there", owner->name,
                                 proto->name);
        }
        unsigned *place = &layout->oneofs[proto->oneof_index];
        *place = *place != 0 ? *place : take(layout, MEMBER_BYTES + ONEOF_BYTES);
        field->flags |= PROTOBUF_C_FIELD_FLAG_ONEOF;
        field->quantifier_offset = *place;
        field->offset = *place + MEMBER_BYTES;
        return STATUS_OK;
    }
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING) {
        field->quantifier_offset = take(layout, sizeof(protobuf_c_boolean));
    }
    field->offset = take(layout, json_field_item_bytes(field));
    return STATUS_OK;
}

/* A set of 1 MiB cannot have fields enough to pass 32 bits. */
static unsigned take(struct layout *layout, size_t bytes)
{
    size_t at = layout->used;
    layout->used += (bytes + MEMBER_BYTES - 1) / MEMBER_BYTES * MEMBER_BYTES;
    return (unsigned)at;
}

/* By number, as protobuf-c keeps them, and the way by name. */
static enum status index_fields(struct schema *schema, const struct schema_type *type,
                                ProtobufCFieldDescriptor *fields, unsigned count)
{
    const ProtobufCFieldDescriptor **by_name =
        arena_calloc(schema->arena, count + 1U, sizeof(void *));
    unsigned *indices = arena_calloc(schema->arena, count + 1U, sizeof *indices);
    int *numbers = arena_calloc(schema->arena, count + 1U, sizeof *numbers);
    if (by_name == NULL || indices == NULL || numbers == NULL) {
        return schema_refuse_memory(schema);
    }
    qsort(fields, count, sizeof *fields, compare_numbers);
    for (unsigned i = 0; i < count; i++) {
        by_name[i] = &fields[i];
        numbers[i] = (int)fields[i].id;
        if (i > 0 && numbers[i - 1] == numbers[i]) {
            return schema_refuse(schema, "%s has the number %d twice", type->name, numbers[i]);
        }
    }
    qsort(by_name, count, sizeof(void *), compare_names);
    for (unsigned i = 0; i < count; i++) {
        indices[i] = (unsigned)(by_name[i] - fields);
        if (i > 0 && strcmp(by_name[i - 1]->name, by_name[i]->name) == 0) {
            return schema_refuse(schema, "%s has the field %s twice", type->name, by_name[i]->name);
        }
    }
    type->as_message->fields_sorted_by_name = indices;
    type->as_message->field_ranges =
        schema_make_ranges(schema, numbers, count, &type->as_message->n_field_ranges);
    return type->as_message->field_ranges != NULL ? STATUS_OK : schema_refuse_memory(schema);
}

enum status schema_check_maps(struct schema *schema, const struct schema_type *type)
{
    const ProtobufCMessageDescriptor *message = type->own == NULL ? type->as_message : NULL;
    for (unsigned i = 0; message != NULL && i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        if (json_field_is_map(message, field) && !is_map_entry(field->descriptor)) {
            return schema_refuse(schema, "%s.%s is a map that cannot be", type->name, field->name);
        }
    }
    return STATUS_OK;
}

/* src/json knows a map by its entry's name, and then takes this for granted. */
static bool is_map_entry(const ProtobufCMessageDescriptor *entry)
{
    for (unsigned i = 0; i < entry->n_fields; i++) {
        if (entry->fields[i].label != PROTOBUF_C_LABEL_NONE || entry->fields[i].flags != 0) {
            return false;
        }
    }
    switch (entry->fields[0].type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
    case PROTOBUF_C_TYPE_ENUM:
        return false;
    default:
        return true;
    }
}

static int compare_numbers(const void *a, const void *b)
{
    const ProtobufCFieldDescriptor *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

static int compare_names(const void *a, const void *b)
{
    const ProtobufCFieldDescriptor *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}
