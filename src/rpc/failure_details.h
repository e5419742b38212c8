/* Failure details: struct failure as google.rpc says it on the wire, and back.
 * ErrorInfo carries reason and metadata, BadRequest the field, RetryInfo the delay.
 * Used by envelope.c only. */
#pragma once

#include <google/protobuf/any.pb-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define FAILURE_DETAILS_MAX       3
#define FAILURE_DETAILS_BYTES_MAX 2048 /* twice what a full struct failure takes */

/* Points into itself: not to be copied. */
struct failure_details {
    size_t count;
    Google__Protobuf__Any *list[FAILURE_DETAILS_MAX];
    Google__Protobuf__Any any[FAILURE_DETAILS_MAX];
    size_t used;
    uint8_t bytes[FAILURE_DETAILS_BYTES_MAX];
};

/* What is no UTF-8 in the failure's texts (cut in the middle of a character) goes out as '?'. */
void failure_details_encode(const struct failure *failure, const char *domain,
                            struct failure_details *out);
/* Adds to *failure what the details say. Unknown and malformed ones are skipped, long texts cut. */
void failure_details_decode(Google__Protobuf__Any *const *details, size_t count,
                            struct arena *arena, struct failure *failure);
