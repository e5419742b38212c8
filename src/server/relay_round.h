/* Relay round: what relay.c does each time, on a lane of its own. */
#pragma once

#include "server/shop_lane.h"

enum relay_pace {
    RELAY_IDLE,   /* nothing was due */
    RELAY_WORKED, /* there may be more */
    RELAY_FAILED, /* a store is away: wait longer each time */
};

enum relay_pace relay_round(struct shop_lane *lane);
