/* Auditor: compares Redis and PostgreSQL all the time, a slice of products a second, on every
 * server. Too many units in Redis fence stock at once, and it is loaded anew; too few are told in
 * the log once a walk, and wait for `orderctl audit --repair`. A round for relay.h. */
#pragma once

#include "server/audit_walk.h"
#include "server/relay_round.h"

struct shop_lane;

enum relay_pace auditor_round(struct shop_lane *lane);
