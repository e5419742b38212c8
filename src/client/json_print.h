/* JSON print: any protobuf-c message as proto3 JSON, by its descriptor.
 * Used by orderctl -o json and whoever answers in JSON; knows no message but google.protobuf's
 * Timestamp, Duration and Any, which have a form of their own.
 * Always: names in lowerCamelCase, 64-bit integers as strings, enums by name (numbers where there
 * is none), bytes in base64, maps as objects; messages and oneofs that are not there are left out.
 * The message must have valid UTF-8 (message_decode() sees to that); nothing else is assumed. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#define JSON_NAME_BYTES 128 /* longer field names are printed as they are */
#define JSON_DEPTH_MAX                                                        \
    64 /* the contracts need 5; a message of a stranger cannot take the stack \
        */

struct json_options {
    bool defaults; /* scalars at their default, too, and empty lists */
    bool pretty;   /* over several lines, two spaces deep */
    /* What an Any may hold; one of another type prints its bytes as "value". NULL = none. */
    const ProtobufCMessageDescriptor *const *types;
    size_t type_count;
};

/* The text, NUL-terminated, for free(). INVALID_ARGUMENT: a Timestamp or Duration out of range
 * (BAD_TIME), text that is not UTF-8 (INVALID_TEXT), MESSAGE_TOO_COMPLEX by depth or memory. */
enum status json_print(const ProtobufCMessage *message, const struct json_options *options,
                       char **text_out, struct failure *failure);
/* "unit_price_minor" -> "unitPriceMinor", as protoc does it. False when it does not fit. */
bool json_name(const char *field_name, char *out, size_t room);
