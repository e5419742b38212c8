/* JSON read: proto3 JSON into any protobuf-c message, by its descriptor.
 * Used by the gateway for what strangers send and by orderctl for files.
 * Always: no more memory than the arena's limit (besides yyjson's tree, at most 16 bytes for each
 * byte of text, freed at the end) and JSON_DEPTH_MAX of stack; every string of the message is valid
 * UTF-8 without NUL; a refusal names the field by its path ("lines[3].quantity").
 * As the proto3 JSON mapping has it: names in lowerCamelCase or as in the contract, integers as
 * numbers or strings, enums by name or number, bytes in either base64, null for absent. Stricter
 * than it: a field that comes twice, or two of a oneof, is refused; nothing is rounded. */
#pragma once

#include <google/protobuf/field_mask.pb-c.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/c_api.h"
#include "base/status.h"
#include "json/json_field.h"

C_API_BEGIN

struct json_read_options {
    bool ignore_unknown;            /* fields and enum names that the contract does not have */
    const struct json_types *types; /* what an Any may hold; NULL = none */
};

/* An empty message of that type in the arena; NULL when it is full. */
ProtobufCMessage *json_message_create(const ProtobufCMessageDescriptor *type, struct arena *arena);

/* INVALID_ARGUMENT: MALFORMED_JSON, UNKNOWN_FIELD, DUPLICATE_FIELD, BAD_VALUE, INVALID_TEXT,
 * MESSAGE_TOO_COMPLEX. The message and all it holds live in the arena. */
enum status json_read(const ProtobufCMessageDescriptor *type, struct bytes text,
                      const struct json_read_options *options, struct arena *arena,
                      ProtobufCMessage **message_out, struct failure *failure);

/* Which fields an object names, as a FieldMask has them: in the contract's names, those of a
 * message within by their path ("price.currency"), lists, maps, times and nulls as a whole. Of a
 * text that json_read has taken for that type. False when the arena is full. */
bool json_read_mask(const ProtobufCMessageDescriptor *type, struct bytes text, struct arena *arena,
                    Google__Protobuf__FieldMask *mask_out);

/* Sets the field at `path` ("product.displayName") from text as it stands in a URL: a scalar, an
 * enum's name, a Timestamp, Duration or FieldMask. A repeated field grows by one; another that is
 * already set is refused (DUPLICATE_FIELD). Messages on the way are made. */
enum status json_assign(ProtobufCMessage *message, struct bytes path, struct bytes text,
                        struct arena *arena, struct failure *failure);

C_API_END
