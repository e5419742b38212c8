/* Cells: values as a table shows them. Texts live in the arena; "?" when that is full. */
#pragma once

#include <google/protobuf/timestamp.pb-c.h>
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "base/arena.h"

const char *cell_int(struct arena *arena, int64_t value);
const char *cell_money(struct arena *arena, int64_t minor, const char *currency);
/* "1996-07-04 00:00:00", UTC; "" for NULL. */
const char *cell_time(struct arena *arena, const Google__Protobuf__Timestamp *time);
/* "just now", "12 s ago", "3 min ago", "in 2 h", "5 days ago", and the date beyond a month; "" for
 * NULL. */
const char *cell_ago(struct arena *arena, const Google__Protobuf__Timestamp *time,
                     int64_t now_unix_us);
/* "CONFIRMED" of STATE_CONFIRMED: the value's name without what all names of the enum begin with.
 */
const char *cell_enum(struct arena *arena, const ProtobufCEnumDescriptor *type, int value);
