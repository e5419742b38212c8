/* JSON print: any protobuf-c message as proto3 JSON, by its descriptor.
 * Used by the gateway and by orderctl -o json; knows no message but those of json_form.
 * Always: names in lowerCamelCase, 64-bit integers as strings, enums by name (numbers where there
 * is none), bytes in base64, maps as objects; messages and oneofs that are not there are left out.
 * Text that is not UTF-8 is repaired with U+FFFD. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/c_api.h"
#include "base/status.h"
#include "json/json_field.h"
#include "json/json_text.h"

C_API_BEGIN

#define JSON_DEPTH_MAX 32 /* the contracts need 5; a stranger's message cannot take the stack */

struct json_print_options {
    bool defaults; /* scalars at their default, too, and empty lists */
    bool pretty;   /* over several lines, two spaces deep */
    /* What an Any may hold; one of another type prints its bytes as "value". NULL = none. */
    const struct json_types *types;
};

/* The text lives in the arena, NUL-terminated (not counted). INVALID_ARGUMENT: a Timestamp,
 * Duration or FieldMask that has no text (BAD_TIME, BAD_FIELD_MASK), MESSAGE_TOO_COMPLEX by depth
 * or memory.
 */
enum status json_print(const ProtobufCMessage *message, const struct json_print_options *options,
                       struct arena *arena, struct bytes *text_out, struct failure *failure);
/* The same as a member of what is open in `text`. */
enum status json_print_into(const ProtobufCMessage *message,
                            const struct json_print_options *options, struct json_text *text,
                            struct failure *failure);

C_API_END
