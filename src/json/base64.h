/* Base64 (RFC 4648), with both alphabets. Used by json for bytes fields and by the gateway for
 * Connect's GET, its error details and tokens. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"

enum base64_style {
    BASE64_STANDARD,   /* "+/", padded: proto3 JSON */
    BASE64_NO_PADDING, /* "+/": Connect's error details */
    BASE64_URL,        /* "-_", not padded: tokens, keys */
};

/* Bytes that base64_encode writes for `size`, at most; without a NUL. */
#define BASE64_ENCODED_BYTES(size) (((size) + 2) / 3 * 4)

/* Into `out` of at least BASE64_ENCODED_BYTES; returns how many. */
size_t base64_encode(struct bytes bytes, enum base64_style style, char *out);
/* Either alphabet, padded or not; false when it is not base64 or the arena is full. */
bool base64_decode(struct bytes text, struct arena *arena, struct bytes *bytes_out);
