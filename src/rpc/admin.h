/* Admin: rpc.v1.Admin, answered from memory: who this server is and how its calls fare.
 * Used by server.c. */
#pragma once

#include <stdatomic.h>

#include "base/clock.h"
#include "rpc/call_pool.h"
#include "rpc/lane.h"
#include "rpc/router.h"

#define ADMIN_METHODS 3

struct admin {
    const char *server_id, *program, *version;
    int64_t start_unix_us;
    const struct clock *clock;
    const atomic_bool *is_serving, *is_draining;
    const struct router *router;
    const struct call_pool *pool;
    struct lane *const *lanes;
    const size_t *lane_count;
};

/* The service to register; `admin` must outlive the server. Fills `methods`. */
struct rpc_service admin_service(const struct admin *admin,
                                 struct rpc_method methods[ADMIN_METHODS]);
