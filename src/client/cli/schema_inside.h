/* Schema: what the schema*.c share; nobody else includes it. */
#pragma once

#include "client/cli/schema.h"

/* One message or enum of the set. */
struct schema_type {
    const char *name; /* in full: "shop.v1.Order.State" */
    const char *package;
    bool is_proto3;
    const Google__Protobuf__DescriptorProto *message; /* or NULL: */
    const Google__Protobuf__EnumDescriptorProto *enumeration;
    /* Its descriptor, from the beginning, so that types can refer to each other; filled later.
     * Another program's or our own: ours for what src/json knows. */
    ProtobufCMessageDescriptor *as_message;
    ProtobufCEnumDescriptor *as_enum;
    const ProtobufCMessageDescriptor *own;
};

struct schema {
    struct arena *arena;
    struct failure *failure; /* while it is made */
    struct schema_type *types;
    size_t type_count, types_room;
    ProtobufCServiceDescriptor *services;
    size_t service_count, services_room;
    struct json_types messages;
};

/* ".shop.v1.Order", as references are written; NULL when there is none. */
const struct schema_type *schema_find_type(const struct schema *schema, const char *reference);
/* Its descriptor; the type is a message. */
const ProtobufCMessageDescriptor *schema_message_of(const struct schema_type *type);
/* Fill type->as_message, type->as_enum. */
enum status schema_fill_message(struct schema *schema, struct schema_type *type);
enum status schema_fill_enum(struct schema *schema, struct schema_type *type);
/* Once all are filled: that every map is one that src/json can read and print. */
enum status schema_check_maps(struct schema *schema, const struct schema_type *type);
/* Fills schema->services. */
enum status schema_fill_services(struct schema *schema,
                                 const Google__Protobuf__FileDescriptorSet *set);
/* Of numbers in ascending order, as protobuf-c searches them. NULL when memory is out. */
ProtobufCIntRange *schema_make_ranges(struct schema *schema, const int *numbers, unsigned count,
                                      unsigned *count_out);
/* "scope.name" in the arena; NULL when memory is out. */
char *schema_join(struct schema *schema, const char *scope, const char *name);
/* Letters, digits and _, no digit first: what a compiler takes, and no control of a terminal. */
bool schema_is_name(const char *text);
enum status schema_refuse(struct schema *schema, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
enum status schema_refuse_memory(struct schema *schema);
