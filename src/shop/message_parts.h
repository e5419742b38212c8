/* Message parts: what both codecs need to turn domain values into protobuf-c fields and back.
 * Private to shop's codecs. */
#pragma once

#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <shop/v1/order.pb-c.h>
#include <stdint.h>

#include "shop/order.h"

/* protobuf-c's structs hold char * also for what is only read. */
static inline char *parts_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

Google__Protobuf__Timestamp *parts_time(int64_t unix_us, struct arena *arena);
/* Out of protobuf's range: INT64_MAX, which every rule refuses. NULL: 0. */
int64_t parts_unix_us(const Google__Protobuf__Timestamp *time);
/* Not 0 ms to a thousand years: -1, which every rule refuses. */
int64_t parts_span_ms(const Google__Protobuf__Duration *span);
char *parts_uuid(const struct uuid *uuid, struct arena *arena);
/* NULL when the arena is full. durability 0 leaves the field out. */
Shop__V1__Order *parts_order(const struct order *order, struct arena *arena);
/* Texts are views into the message; lines live in the arena. MALFORMED_ORDER when an id is no
 * UUID, a line is missing or the arena is full. */
enum status parts_read_order(const Shop__V1__Order *message, struct arena *arena,
                             struct order *order_out, struct failure *failure);
