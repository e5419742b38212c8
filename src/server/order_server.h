/* Order server: the program's parts put together. Called by main.c. */
#pragma once

#include "server/server_config.h"

/* Starts gate, lanes, listeners, relay and opener; serves until a stop is asked for (base/stop.h);
 * drains and takes all down in reverse. *failure says why it could not start, or go on;
 * *refused_out: because a store or a library is not as it must be, which starting again does not
 * help. */
enum status order_server_run(const struct server_config *config, bool *refused_out,
                             struct failure *failure);
