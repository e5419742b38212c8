/* Envelope: the 8 bytes and the header around every message (proto/rpc/v1/envelope.proto).
 * Used by listener and channel on both sides; pure, no I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "rpc/metadata.h"

#define ENVELOPE_PREFIX_BYTES      8
#define ENVELOPE_HEADER_BYTES_MAX  (16 * 1024) /* metadata 8 KiB, details and some room */
#define ENVELOPE_METHOD_BYTES_MAX  128
#define ENVELOPE_CALL_ID_BYTES_MAX 64
#define ENVELOPE_TRACEPARENT_BYTES 56 /* 55 and the NUL */

struct envelope_request {
    const char *method;
    uint32_t timeout_ms;
    const char *call_id;
    uint32_t attempt;
    bool is_forwarded;       /* for somebody else, as a gateway does */
    const char *traceparent; /* W3C Trace Context, from the metadata; "" when there is none, or none
                                that is valid */
    const struct rpc_metadata *metadata; /* all others; of what is encoded, within the limits */
    size_t metadata_count;
    struct bytes payload; /* view into the message */
};

struct envelope_response {
    const struct failure *failure; /* NULL: the payload is the method's response */
    const char *call_id;
    const char *server_id;
    const char *domain;   /* ErrorInfo's, of a failure; not decoded */
    struct bytes payload; /* of a decoded one; encoding leaves it to the caller */
};

/* Decoding: texts and failures live in the arena, payloads in the message. Fails with
 * INVALID_ARGUMENT, MALFORMED_ENVELOPE. */
enum status envelope_decode_request(struct bytes message, struct arena *arena,
                                    struct envelope_request *request_out, struct failure *failure);
enum status envelope_decode_response(struct bytes message, struct arena *arena,
                                     struct envelope_response *response_out,
                                     struct failure *failure);
/* Prefix and header only, into `out`, which the payload then follows; returns the size, or 0 when
 * `room` is too small. ENVELOPE_PREFIX_BYTES + ENVELOPE_HEADER_BYTES_MAX is always enough. */
size_t envelope_encode_request(const struct envelope_request *request, uint8_t *out, size_t room);
size_t envelope_encode_response(const struct envelope_response *response, uint8_t *out,
                                size_t room);
