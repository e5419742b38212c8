/* Order events: a row of an order's timeline, as `order events` and `order show` print it. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "client/cli/table.h"

#define ORDER_EVENT_COLUMN_COUNT 8
extern const struct table_column ORDER_EVENT_COLUMNS[ORDER_EVENT_COLUMN_COUNT];

/* `item` is a shop.v1.OrderEvent. */
void order_event_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells);
