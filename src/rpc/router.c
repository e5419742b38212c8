/* See router.h. A sorted table: a dozen methods need no hash. */
#include "rpc/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct router {
    struct arena arena; /* of the paths */
    const char **services;
    size_t service_count;
    struct method_stats *stats; /* of stray requests, then of each route */
    size_t method_count;        /* of all services; routes are what was added of them */
    size_t route_count;
    struct route routes[];
};

static struct method_stats *make_stats(struct arena *arena, size_t count);
static enum status add_service(struct router *router, const struct rpc_service *service,
                               struct lane *const *lanes, struct failure *failure);
static enum status add_method(struct router *router, const struct rpc_service *service,
                              const struct rpc_method *method, struct lane *const *lanes,
                              struct failure *failure);
static const char *make_path(struct arena *arena, const char *service, const char *method);
static int compare_routes(const void *a, const void *b);
static enum status refuse_duplicates(const struct router *router, struct failure *failure);

enum status router_create(size_t service_count, const struct rpc_service *services,
                          struct lane *const *lanes, struct router **router_out,
                          struct failure *failure)
{
    size_t methods = 0;
    for (size_t i = 0; i < service_count; i++) {
        methods += services[i].method_count;
    }
    struct router *router = calloc(1, sizeof *router + methods * sizeof router->routes[0]);
    if (router == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    arena_init(&router->arena, 4096, 1024 * 1024);
    router->method_count = methods;
    router->services = arena_calloc(&router->arena, service_count, sizeof router->services[0]);
    router->stats = make_stats(&router->arena, methods);
    enum status status = STATUS_OK;
    if (router->services == NULL || router->stats == NULL) {
        status = failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    for (size_t i = 0; i < service_count && status == STATUS_OK; i++) {
        status = add_service(router, &services[i], lanes, failure);
    }
    if (status == STATUS_OK) {
        qsort(router->routes, router->route_count, sizeof router->routes[0], compare_routes);
        status = refuse_duplicates(router, failure);
    }
    if (status != STATUS_OK) {
        router_destroy(&router);
        return status;
    }
    *router_out = router;
    return STATUS_OK;
}

/* `count` and one more; NULL when memory is out. */
static struct method_stats *make_stats(struct arena *arena, size_t count)
{
    struct method_stats *stats = arena_calloc(arena, count + 1, sizeof *stats);
    for (size_t i = 0; stats != NULL && i <= count; i++) {
        method_stats_init(&stats[i]);
    }
    return stats;
}

static enum status add_service(struct router *router, const struct rpc_service *service,
                               struct lane *const *lanes, struct failure *failure)
{
    if (service->method_count != service->descriptor->n_methods) {
        return failure_set(failure, STATUS_INTERNAL, "BAD_SERVICE",
                           "%s has %u methods, handlers are given for %zu",
                           service->descriptor->name, service->descriptor->n_methods,
                           service->method_count);
    }
    router->services[router->service_count++] = service->descriptor->name;
    for (size_t i = 0; i < service->method_count; i++) {
        enum status status = add_method(router, service, &service->methods[i], lanes, failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status add_method(struct router *router, const struct rpc_service *service,
                              const struct rpc_method *method, struct lane *const *lanes,
                              struct failure *failure)
{
    const char *name = service->descriptor->name;
    const ProtobufCMethodDescriptor *descriptor =
        protobuf_c_service_descriptor_get_method_by_name(service->descriptor, method->name);
    if (descriptor == NULL || method->handler == NULL) {
        return failure_set(failure, STATUS_INTERNAL, "BAD_SERVICE", "%s.%s %s", name, method->name,
                           descriptor == NULL ? "is not in the contract" : "has no handler");
    }
    const char *path = make_path(&router->arena, name, method->name);
    if (path == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    struct method_stats *stats = &router->stats[1 + router->route_count];
    router->routes[router->route_count++] = (struct route){
        .path = path,
        .method = descriptor,
        .handler = method->handler,
        .tag = method->tag,
        .lane = method->lane == RPC_LANE_NONE ? NULL : lanes[method->lane],
        .stats = stats,
    };
    return STATUS_OK;
}

static const char *make_path(struct arena *arena, const char *service, const char *method)
{
    size_t size = strlen(service) + strlen(method) + 3;
    char *path = arena_alloc(arena, size);
    if (path != NULL) {
        (void)snprintf(path, size, "/%s/%s", service, method);
    }
    return path;
}

static int compare_routes(const void *a, const void *b)
{
    return strcmp(((const struct route *)a)->path, ((const struct route *)b)->path);
}

static enum status refuse_duplicates(const struct router *router, struct failure *failure)
{
    for (size_t i = 1; i < router->route_count; i++) {
        if (compare_routes(&router->routes[i - 1], &router->routes[i]) == 0) {
            return failure_set(failure, STATUS_INTERNAL, "BAD_SERVICE", "%s has two handlers",
                               router->routes[i].path);
        }
    }
    return STATUS_OK;
}

void router_destroy(struct router **router)
{
    if (*router == NULL) {
        return;
    }
    for (size_t i = 0; (*router)->stats != NULL && i <= (*router)->method_count; i++) {
        method_stats_fini(&(*router)->stats[i]);
    }
    arena_fini(&(*router)->arena);
    free(*router);
    *router = NULL;
}

const struct route *router_find(const struct router *router, const char *path)
{
    const struct route key = {.path = path};
    return bsearch(&key, router->routes, router->route_count, sizeof key, compare_routes);
}

struct method_stats *router_stray_stats(const struct router *router)
{
    return &router->stats[0];
}

size_t router_size(const struct router *router)
{
    return router->route_count;
}

const struct route *router_at(const struct router *router, size_t index)
{
    return &router->routes[index];
}

const char *const *router_services(const struct router *router, size_t *count_out)
{
    *count_out = router->service_count;
    return router->services;
}

bool router_has_service(const struct router *router, const char *name)
{
    for (size_t i = 0; i < router->service_count; i++) {
        if (strcmp(router->services[i], name) == 0) {
            return true;
        }
    }
    return false;
}
