/* Reflection: rpc.v1.Reflection, answered from memory: which services there are, and the contracts
 * that the program was built with. Used by server.c. */
#pragma once

#include "base/bytes.h"
#include "rpc/router.h"

#define REFLECTION_METHODS 2

struct reflection {
    const struct router *router;
    struct bytes contracts; /* an encoded FileDescriptorSet; empty: there is none */
};

/* The service to register; `reflection` must outlive the server. Fills `methods`. */
struct rpc_service reflection_service(const struct reflection *reflection,
                                      struct rpc_method methods[REFLECTION_METHODS]);
