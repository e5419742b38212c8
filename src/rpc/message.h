/* Messages into and out of memory with a bound: protobuf-c over an arena.
 * Used by rpc (requests, responses) and shop's codecs (events).
 * Always: decoding takes no more than the arena's limit, whatever the bytes are; a decoded message
 * has valid UTF-8 without NUL in every string field, at every depth. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/status.h"

/* The result lives in the arena (never call protobuf_c_message_free_unpacked on it). Fails with
 * INVALID_ARGUMENT: MALFORMED_MESSAGE, MESSAGE_TOO_COMPLEX (limit), INVALID_TEXT (failure.field).
 */
enum status message_decode(const ProtobufCMessageDescriptor *descriptor, struct bytes encoded,
                           struct arena *arena, ProtobufCMessage **message_out,
                           struct failure *failure);
/* Encoded into the arena; data is NULL when the arena is full. */
struct bytes message_encode(const ProtobufCMessage *message, struct arena *arena);
