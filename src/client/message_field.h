/* Message field: what protobuf-c's descriptors say of a field of a message, for those that walk
 * messages they do not know. Pure. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* Whether the field is there: what has presence (messages, oneofs, proto2's optional) by its mark,
 * the rest by not being its default, unless `defaults` counts those, too. */
bool message_field_is_present(const ProtobufCMessage *message,
                              const ProtobufCFieldDescriptor *field, bool defaults);
/* Whether it is a map<>: a list of entries with a key and a value. */
bool message_field_is_map(const ProtobufCMessageDescriptor *owner,
                          const ProtobufCFieldDescriptor *field);
/* Bytes of one item in the C structure. */
size_t message_field_item_bytes(const ProtobufCFieldDescriptor *field);
