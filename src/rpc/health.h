/* Health: grpc.health.v1, answered from memory. Used by server.c. */
#pragma once

#include <stdatomic.h>

#include "rpc/router.h"
#include "rpc/server.h"

#define HEALTH_METHODS 2

struct health {
    atomic_bool is_serving;
    const struct router *router; /* which services there are */
};

/* The service to register; `health` must outlive the server. Fills `methods`. */
struct rpc_service health_service(const struct health *health,
                                  struct rpc_method methods[HEALTH_METHODS]);
