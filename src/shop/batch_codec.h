/* Batch codec: BatchCreateOrders' request taken apart, and its response put together.
 * Used by server/batch_create_orders.c. What is made lives in the arena given; NULL = arena full.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

/* The CreateOrderRequests in it, and how many lines they have in all. A view. */
const ProtobufCMessage *const *batch_codec_requests(const ProtobufCMessage *message,
                                                    size_t *count_out, size_t *line_count_out);
/* Of one of these. A view. */
const char *batch_codec_request_id(const ProtobufCMessage *request);
/* Result i is orders[i], a shop.v1.Order, or failures[i] where that is NULL. */
ProtobufCMessage *batch_codec_results(const ProtobufCMessage *const *orders,
                                      const struct failure *const *failures, size_t count,
                                      struct arena *arena);
