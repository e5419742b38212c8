/* See order_events.h. */
#include "client/cli/order_events.h"

#include <shop/v1/order_service.pb-c.h>

#include "client/cli/cells.h"

const struct table_column ORDER_EVENT_COLUMNS[ORDER_EVENT_COLUMN_COUNT] = {
    {"VERSION", TABLE_RIGHT}, {"TIME (UTC)", TABLE_LEFT}, {"EVENT", TABLE_LEFT},
    {"FROM", TABLE_LEFT},     {"TO", TABLE_LEFT},         {"WHO", TABLE_LEFT},
    {"UNITS", TABLE_LEFT},    {"WHY", TABLE_LEFT}};

static const char *state_cell(struct arena *arena, Shop__V1__Order__State state)
{
    return state == SHOP__V1__ORDER__STATE__STATE_UNSPECIFIED
               ? "-"
               : cell_enum(arena, &shop__v1__order__state__descriptor, (int)state);
}

void order_event_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells)
{
    const Shop__V1__OrderEvent *event = (const Shop__V1__OrderEvent *)item;
    int64_t units = 0;
    for (size_t i = 0; i < event->n_lines; i++) {
        units += event->lines[i]->quantity;
    }
    cells[0] = cell_int(arena, event->version);
    cells[1] = cell_time(arena, event->event_time);
    cells[2] = event->type;
    cells[3] = state_cell(arena, event->from_state);
    cells[4] = state_cell(arena, event->to_state);
    cells[5] = event->actor;
    cells[6] = units == 0 ? "" : cell_int(arena, units);
    cells[7] = event->reason;
}
