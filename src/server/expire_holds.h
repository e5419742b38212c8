/* Expire holds: the hold of a PENDING order has ended by Redis' clock, so the order expires and its
 * units come back. Every server looks; what several of them claim, or what was confirmed at the
 * last moment, is decided by the same script as everything else, once.
 * Run by relay.c's kind of thread; commands without a call, through accept_commands.c. */
#pragma once

#include "server/relay_round.h"

enum relay_pace expire_holds_round(struct shop_lane *lane);
