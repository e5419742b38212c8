/* Metadata: what a call carries beside its request, for whoever handles it: pairs of a key and any
 * bytes. Given by callers (struct rpc_stub), read by handlers (rpc/call.h).
 * Within the limits, a traceparent counted (it travels as one of them); beyond them a call is not
 * sent, and not taken. A key may come more than once; who asks for it gets the first. */
#pragma once

#include "base/bytes.h"

#define RPC_METADATA_MAX           32         /* each costs the server a few allocations */
#define RPC_METADATA_BYTES_MAX     (8 * 1024) /* of all keys and values: the rest is a request's */
#define RPC_METADATA_KEY_BYTES_MAX 64

struct rpc_metadata {
    const char *key; /* 1 to 64 of [a-z0-9._-] */
    struct bytes value;
};
