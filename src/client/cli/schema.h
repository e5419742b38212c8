/* Schema: a server's contracts as protobuf-c's descriptors, made at run time. With them orderctl
 * reads, prints and calls what it was not built with, through the same JSON and channel as the
 * rest. Used by `orderctl call`. Pure. Always: the set is a stranger's. Each name, number, label
 * and reference in it is checked before a descriptor rests on it, and all memory is the arena's.
 * google.protobuf's Timestamp, Duration, FieldMask and Any are orderctl's own, whatever the set
 * says of them: src/json knows their layout. Not here: groups (protobuf-c has none; such a set is
 * refused), extensions and custom options (ignored), default values of proto2 (what is absent stays
 * absent). */
#pragma once

#include <google/protobuf/descriptor.pb-c.h>

#include "base/arena.h"
#include "base/status.h"
#include "json/json_field.h"

struct schema;

/* A method of a service, for the channel. */
struct schema_method {
    const ProtobufCServiceDescriptor *service;
    const ProtobufCMethodDescriptor *method;
};

/* Lives in the arena and points into the set, which must stay. INTERNAL, BAD_CONTRACTS: the set is
 * not one that a compiler made, or has what is not known here. RESOURCE_EXHAUSTED, NO_MEMORY. */
enum status schema_create(const Google__Protobuf__FileDescriptorSet *set, struct arena *arena,
                          const struct schema **schema_out, struct failure *failure);
/* "/shop.v1.OrderService/GetOrder", with a dot for the slash, or the end of it ("GetOrder") where
 * that says which. NOT_FOUND, METHOD_NOT_FOUND; INVALID_ARGUMENT, METHOD_AMBIGUOUS. */
enum status schema_find_method(const struct schema *schema, const char *name,
                               struct schema_method *method_out, struct failure *failure);
/* Every message of the set: what an Any may hold. */
const struct json_types *schema_messages(const struct schema *schema);
