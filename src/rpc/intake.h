/* Intake: what becomes of a request that has come. Decides on the header alone, on the listener's
 * thread: answered at once (refused, or a method without a lane) or put into its lane.
 * Used by server.c. */
#pragma once

#include <stdatomic.h>

#include "rpc/call_pool.h"
#include "rpc/router.h"

struct intake {
    struct call_pool *pool;
    struct router *router;
    atomic_bool is_draining; /* nothing new is let in */
};

/* listener_options.on_request; the context is the struct intake. */
void intake_on_request(void *context, struct listener_request *request);
