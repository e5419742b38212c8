/* JSON field: what protobuf-c's descriptors say of a field, for those that walk messages they do
 * not know. Used by json_print and json_read, and by the gateway's routes. Pure. protobuf-c does
 * not keep json_name: the contracts use none (the gateway's generator refuses it). */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/c_api.h"

C_API_BEGIN

/* How a message is written; all but JSON_FORM_FIELDS are google.protobuf's. */
enum json_form {
    JSON_FORM_FIELDS,
    JSON_FORM_TIMESTAMP,
    JSON_FORM_DURATION,
    JSON_FORM_FIELD_MASK,
    JSON_FORM_ANY,
};

enum json_form json_form_of(const ProtobufCMessageDescriptor *type);

/* "unit_price_minor" -> "unitPriceMinor", as protoc does it. False when it does not fit. */
bool json_name(const char *field_name, char *out, size_t room);
/* By its JSON name or its name in the contract; NULL when there is none. */
const ProtobufCFieldDescriptor *json_field_find(const ProtobufCMessageDescriptor *type,
                                                const char *name, size_t name_size);

/* Whether the field is there: what has presence (messages, oneofs, proto2's optional) by its mark,
 * the rest by not being its default, unless `defaults` counts those, too. */
bool json_field_is_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                           bool defaults);
/* Whether it is a map<>: a list of entries with a key and a value. */
bool json_field_is_map(const ProtobufCMessageDescriptor *owner,
                       const ProtobufCFieldDescriptor *field);
/* Bytes of one item in the C structure. */
size_t json_field_item_bytes(const ProtobufCFieldDescriptor *field);

/* What an Any may hold. */
struct json_types {
    const ProtobufCMessageDescriptor *const *list;
    size_t count;
};
/* By the part of a type URL after its last slash; NULL when it is not among them (or types is). */
const ProtobufCMessageDescriptor *json_types_find(const struct json_types *types, const char *url);

C_API_END
