/* Router: from a method's path to who answers it. Made once when a server starts, then only read.
 * Used by server.c and intake.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "rpc/server.h"
#include "rpc/stats.h"

struct lane;
struct router;

struct route {
    const char *path; /* "/shop.v1.OrderService/CreateOrder" */
    const ProtobufCMethodDescriptor *method;
    rpc_handler handler;
    const void *tag;
    struct lane *lane; /* NULL: answered on the listener's thread, so it must not block */
    struct method_stats *stats;
};

/* `lanes` go with the kinds that methods name by index. Fails with INTERNAL, BAD_SERVICE on our own
 * mistakes: a method of the descriptor without a handler, or named twice, or unknown. */
enum status router_create(size_t service_count, const struct rpc_service *services,
                          struct lane *const *lanes, struct router **router_out,
                          struct failure *failure);
/* NULL-safe; nulls the caller's pointer. */
void router_destroy(struct router **router);
/* NULL when there is none. */
const struct route *router_find(const struct router *router, const char *path);
/* Of requests that name no method here, or that cannot be read. */
struct method_stats *router_stray_stats(const struct router *router);
/* All methods by path: 0 to router_size - 1. */
size_t router_size(const struct router *router);
const struct route *router_at(const struct router *router, size_t index);
/* The services' names, in the order they were given. */
const char *const *router_services(const struct router *router, size_t *count_out);
/* "shop.v1.OrderService" */
bool router_has_service(const struct router *router, const char *name);
