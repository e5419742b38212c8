/* Stock opening: one look at the epoch, and the loading of stock where it is needed; what
 * stock_opener.c does each time, on a lane of its own. */
#pragma once

#include <stdatomic.h>

#include "server/pause.h"
#include "server/shop_lane.h"

enum opening {
    OPENING_OPEN,   /* the gate is open */
    OPENING_NEEDED, /* it is closed: somebody has to load the stock */
    OPENING_FAILED, /* a store is away: the gate stays as it was */
};

/* Compares PostgreSQL with Redis; opens or closes the gate. */
enum opening stock_opening_look(struct shop_lane *lane);
/* Loads the stock, unless another server is at it; NEEDED when it was not to be. Blocks for as long
 * as draining takes; ends early when `stopping` is set and `pause` woken. */
enum opening stock_opening_lead(struct shop_lane *lane, struct pause *pause,
                                const atomic_bool *stopping);

/* How long one statement of an opening may take: reading the sums of 100,000 products under the
 * shard's lock, behind the workers' last transactions. */
#define STOCK_OPENING_STATEMENT_MS 30000
