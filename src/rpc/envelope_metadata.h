/* Envelope, metadata: whether pairs are within the limits (rpc/metadata.h), and what is among them.
 * Used by envelope.c for what came, by stub.c for what is to go, by call.c for handlers. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "rpc/metadata.h"

/* The key that is rpc's own: W3C Trace Context. */
#define METADATA_TRACEPARENT "traceparent"

/* Whether they may go, together with that trace (NULL or "": none). */
bool metadata_are_fine(const struct rpc_metadata *list, size_t count, const char *traceparent);
/* The first with that key; NULL: there is none. */
const struct rpc_metadata *metadata_find(const struct rpc_metadata *list, size_t count,
                                         const char *key);
/* Takes all traceparents out of the list. Returns the first that is valid, in the arena, or "". */
const char *metadata_take_trace(struct rpc_metadata *list, size_t *count, struct arena *arena);
