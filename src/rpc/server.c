/* See server.h. */
#include "rpc/server.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/admin.h"
#include "rpc/health.h"
#include "rpc/intake.h"
#include "rpc/lane.h"
#include "rpc/reflection.h"
#include "rpc/tune_nng.h"

/* Requests a listener sees beyond the server's limit, to refuse them at once. */
#define REFUSAL_MARGIN     32
#define IDENTITY_BYTES_MAX 64
#define OWN_SERVICES       3 /* health, reflection, admin */

struct rpc_server {
    struct rpc_server_options options;
    struct health health;
    struct reflection reflection;
    struct admin admin;
    struct rpc_method health_methods[HEALTH_METHODS];
    struct rpc_method reflection_methods[REFLECTION_METHODS];
    struct rpc_method admin_methods[ADMIN_METHODS];
    struct rpc_service *services; /* the options' and OWN_SERVICES */
    struct intake intake;
    struct lane **lanes;
    size_t lane_count;
    struct listener **listeners;
    size_t listener_count;
};

static struct rpc_server *make_server(const struct rpc_server_options *options);
static enum status check_options(const struct rpc_server_options *options, struct failure *failure);
static enum status check_methods(const struct rpc_server_options *options, struct failure *failure);
static enum status start_lanes(struct rpc_server *server, struct failure *failure);
static enum status make_router(struct rpc_server *server, struct failure *failure);
static void inform_own_services(struct rpc_server *server);
static enum status open_listeners(struct rpc_server *server, struct failure *failure);
static void count_latencies(struct method_stats *stats, struct rpc_method_counts *counts);
static void end_threads(struct rpc_server *server);
static void destroy(struct rpc_server *server);

enum status rpc_server_check_library(struct failure *failure)
{
    return tune_nng_check_loaded(failure);
}

enum status rpc_server_start(const struct rpc_server_options *options,
                             struct rpc_server **server_out, struct failure *failure)
{
    enum status status = check_options(options, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct rpc_server *server = make_server(options);
    if (server == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "no memory for the server");
    }
    status = start_lanes(server, failure);
    if (status == STATUS_OK) {
        status = make_router(server, failure);
    }
    if (status == STATUS_OK) {
        status = open_listeners(server, failure);
    }
    if (status != STATUS_OK) {
        rpc_server_stop(&server);
        return status;
    }
    *server_out = server;
    return STATUS_OK;
}

static enum status refuse(struct failure *failure, const char *what)
{
    return failure_set(failure, STATUS_INVALID_ARGUMENT, "SERVER_OPTIONS_INVALID", "%s", what);
}

static enum status check_options(const struct rpc_server_options *options, struct failure *failure)
{
    if (options->server_id == NULL || strlen(options->server_id) > IDENTITY_BYTES_MAX) {
        return refuse(failure, "server_id is missing or longer than 64 bytes");
    }
    if (options->error_domain != NULL && strlen(options->error_domain) > IDENTITY_BYTES_MAX) {
        return refuse(failure, "error_domain is longer than 64 bytes");
    }
    if (options->endpoint_count == 0 || options->max_inflight == 0 || options->clock == NULL) {
        return refuse(failure, "endpoints, max_inflight and clock are needed");
    }
    for (size_t i = 0; i < options->lane_count; i++) {
        const struct rpc_lane_kind *kind = &options->lanes[i];
        if (kind->threads == 0 || kind->queue_max == 0 || kind->batch_max == 0) {
            return refuse(failure, "a lane needs threads, queue_max and batch_max");
        }
    }
    return check_methods(options, failure);
}

static enum status check_methods(const struct rpc_server_options *options, struct failure *failure)
{
    for (size_t i = 0; i < options->service_count; i++) {
        const struct rpc_service *service = &options->services[i];
        for (size_t at = 0; at < service->method_count; at++) {
            size_t lane = service->methods[at].lane;
            if (lane != RPC_LANE_NONE && lane >= options->lane_count) {
                return refuse(failure, "a method names a lane that there is not");
            }
        }
    }
    return STATUS_OK;
}

static struct rpc_server *make_server(const struct rpc_server_options *options)
{
    struct rpc_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return NULL;
    }
    server->options = *options;
    server->services = calloc(options->service_count + OWN_SERVICES, sizeof server->services[0]);
    server->lanes = calloc(options->lane_count + 1, sizeof(struct lane *));
    server->listeners = calloc(options->endpoint_count, sizeof(struct listener *));
    struct call_pool_options pool = {
        .inflight_max = options->max_inflight,
        .idle_max = options->max_inflight + REFUSAL_MARGIN,
        .server_id = options->server_id,
        .error_domain = options->error_domain != NULL ? options->error_domain : "rpc",
        .clock = options->clock,
        .on_access = options->on_access,
        .access_context = options->access_context,
        .access_all = options->access_all,
    };
    server->intake.security = &server->options.security;
    server->intake.pool = call_pool_create(&pool);
    if (server->services == NULL || server->lanes == NULL || server->listeners == NULL ||
        server->intake.pool == NULL) {
        rpc_server_stop(&server);
    }
    return server;
}

static enum status start_lanes(struct rpc_server *server, struct failure *failure)
{
    while (server->lane_count < server->options.lane_count) {
        enum status status =
            lane_start(&server->options.lanes[server->lane_count], server->options.clock,
                       &server->lanes[server->lane_count], failure);
        if (status != STATUS_OK) {
            return status;
        }
        server->lane_count++;
    }
    return STATUS_OK;
}

static enum status make_router(struct rpc_server *server, struct failure *failure)
{
    size_t count = server->options.service_count;
    if (count > 0) {
        memcpy(server->services, server->options.services, count * sizeof server->services[0]);
    }
    server->services[count] = health_service(&server->health, server->health_methods);
    server->services[count + 1] =
        reflection_service(&server->reflection, server->reflection_methods);
    server->services[count + 2] = admin_service(&server->admin, server->admin_methods);
    enum status status = router_create(count + OWN_SERVICES, server->services, server->lanes,
                                       &server->intake.router, failure);
    if (status == STATUS_OK) {
        inform_own_services(server);
    }
    return status;
}

/* What they answer from. */
static void inform_own_services(struct rpc_server *server)
{
    const struct rpc_server_options *options = &server->options;
    server->health.router = server->intake.router;
    server->reflection = (struct reflection){
        .router = server->intake.router,
        .contracts = options->contracts,
    };
    server->admin = (struct admin){
        .server_id = options->server_id,
        .program = options->program != NULL ? options->program : "",
        .version = options->version != NULL ? options->version : "",
        .start_unix_us = clock_unix_us(options->clock),
        .clock = options->clock,
        .is_serving = &server->health.is_serving,
        .is_draining = &server->intake.is_draining,
        .router = server->intake.router,
        .pool = server->intake.pool,
        .lanes = server->lanes,
        .lane_count = &server->lane_count,
    };
}

static enum status open_listeners(struct rpc_server *server, struct failure *failure)
{
    while (server->listener_count < server->options.endpoint_count) {
        struct listener_options options = {
            .endpoint = server->options.endpoints[server->listener_count],
            .allow_plain_tcp = server->options.allow_plain_tcp,
            .requests_max = server->options.max_inflight + REFUSAL_MARGIN,
            .security = server->options.security,
            .on_request = intake_on_request,
            .context = &server->intake,
        };
        enum status status =
            listener_open(&options, &server->listeners[server->listener_count], failure);
        if (status != STATUS_OK) {
            return status;
        }
        server->listener_count++;
    }
    return STATUS_OK;
}

void rpc_server_set_serving(struct rpc_server *server, bool serving)
{
    atomic_store(&server->health.is_serving, serving);
}

size_t rpc_server_waiting(const struct rpc_server *server)
{
    size_t waiting = 0;
    for (size_t i = 0; i < server->lane_count; i++) {
        waiting += lane_depth(server->lanes[i]);
    }
    return waiting;
}

void rpc_server_each_method(struct rpc_server *server,
                            void (*each)(void *context, const char *path,
                                         const struct rpc_method_counts *counts),
                            void *context)
{
    size_t count = router_size(server->intake.router);
    for (size_t i = 0; i <= count; i++) {
        const struct route *route = i < count ? router_at(server->intake.router, i) : NULL;
        struct method_stats *stats =
            route != NULL ? route->stats : router_stray_stats(server->intake.router);
        struct rpc_method_counts counts = {
            .started = atomic_load_explicit(&stats->started, memory_order_relaxed),
            .total_us = atomic_load_explicit(&stats->total_us, memory_order_relaxed),
        };
        for (size_t code = 0; code < RPC_CODES; code++) {
            counts.codes[code] = atomic_load_explicit(&stats->codes[code], memory_order_relaxed);
        }
        count_latencies(stats, &counts);
        each(context, route != NULL ? route->path : "", &counts);
    }
}

/* A bound that doubles is one of the finer ones that are counted. */
static void count_latencies(struct method_stats *stats, struct rpc_method_counts *counts)
{
    uint64_t bound_us = RPC_LATENCY_LEAST_US;
    size_t bound = 0;
    for (size_t bucket = 0; bucket < STATS_BUCKETS; bucket++) {
        if (bound < RPC_LATENCY_BOUNDS && stats_bucket_upper_us(bucket) > bound_us) {
            bound_us *= 2;
            bound++;
        }
        counts->latencies[bound] +=
            atomic_load_explicit(&stats->latencies[bucket], memory_order_relaxed);
    }
}

void rpc_server_drain(struct rpc_server *server, int64_t timeout_ms)
{
    rpc_server_set_serving(server, false);
    atomic_store(&server->intake.is_draining, true);
    (void)call_pool_wait_empty(server->intake.pool, timeout_ms);
}

/* No new work, then wait for what runs, then close the doors, then free: what comes later still
 * finds everything that it may touch. */
void rpc_server_stop(struct rpc_server **server)
{
    if (*server != NULL) {
        end_threads(*server);
        destroy(*server);
        *server = NULL;
    }
}

static void end_threads(struct rpc_server *server)
{
    rpc_server_set_serving(server, false);
    atomic_store(&server->intake.is_draining, true);
    for (size_t i = 0; i < server->lane_count; i++) {
        lane_close(server->lanes[i]);
    }
    for (size_t i = 0; i < server->listener_count; i++) {
        listener_close(&server->listeners[i]);
    }
}

static void destroy(struct rpc_server *server)
{
    for (size_t i = 0; i < server->lane_count; i++) {
        lane_destroy(&server->lanes[i]);
    }
    router_destroy(&server->intake.router);
    call_pool_destroy(&server->intake.pool);
    free(server->listeners);
    free(server->lanes);
    free(server->services);
    free(server);
}
