/* See admin.h. */
#include "rpc/admin.h"

#include <rpc/v1/admin.pb-c.h>

#include "base/utf8.h"

static void ping(void *lane, struct rpc_call **calls, size_t count);
static void info(void *lane, struct rpc_call **calls, size_t count);
static void stats(void *lane, struct rpc_call **calls, size_t count);
static Google__Protobuf__Timestamp make_time(int64_t unix_us);
static bool list_lanes(const struct admin *admin, struct arena *arena,
                       Rpc__V1__StatsResponse *response);
static bool list_methods(const struct admin *admin, struct arena *arena,
                         Rpc__V1__StatsResponse *response);
static Rpc__V1__MethodStats *describe_method(const char *path, struct method_stats *stats,
                                             struct arena *arena);
static bool list_codes(const struct method_stats *stats, struct arena *arena,
                       Rpc__V1__MethodStats *method);
static bool list_latencies(const struct method_stats *stats, struct arena *arena,
                           Rpc__V1__MethodStats *method);
static bool tell_last_error(struct method_stats *stats, struct arena *arena,
                            Rpc__V1__MethodStats *method);

struct rpc_service admin_service(const struct admin *admin,
                                 struct rpc_method methods[ADMIN_METHODS])
{
    static const struct rpc_method table[ADMIN_METHODS] = {
        {.name = "Ping", .lane = RPC_LANE_NONE, .handler = ping},
        {.name = "Info", .lane = RPC_LANE_NONE, .handler = info},
        {.name = "Stats", .lane = RPC_LANE_NONE, .handler = stats},
    };
    for (size_t i = 0; i < ADMIN_METHODS; i++) {
        methods[i] = table[i];
        methods[i].tag = admin;
    }
    return (struct rpc_service){
        .descriptor = &rpc__v1__admin__descriptor,
        .methods = methods,
        .method_count = ADMIN_METHODS,
    };
}

/* Generated members are not const, but packing only reads them. */
static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static void ping(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    (void)count;
    const struct admin *admin = rpc_call_tag(calls[0]);
    Google__Protobuf__Timestamp now = make_time(clock_unix_us(admin->clock));
    Rpc__V1__PingResponse response = RPC__V1__PING_RESPONSE__INIT;
    response.server_id = text(admin->server_id);
    response.time = &now;
    rpc_reply(calls[0], &response.base);
}

static void info(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    (void)count;
    const struct admin *admin = rpc_call_tag(calls[0]);
    Google__Protobuf__Timestamp start = make_time(admin->start_unix_us);
    Rpc__V1__InfoResponse response = RPC__V1__INFO_RESPONSE__INIT;
    response.server_id = text(admin->server_id);
    response.program = text(admin->program);
    response.version = text(admin->version);
    response.start_time = &start;
    response.serving = atomic_load(admin->is_serving);
    response.draining = atomic_load(admin->is_draining);
    response.services = (char **)(uintptr_t)router_services(admin->router, &response.n_services);
    rpc_reply(calls[0], &response.base);
}

static void stats(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    (void)count;
    const struct admin *admin = rpc_call_tag(calls[0]);
    struct arena *arena = rpc_call_arena(calls[0]);
    Google__Protobuf__Timestamp start = make_time(admin->start_unix_us);
    Rpc__V1__StatsResponse response = RPC__V1__STATS_RESPONSE__INIT;
    response.server_id = text(admin->server_id);
    response.start_time = &start;
    response.inflight = call_pool_inflight(admin->pool, &response.inflight_max);
    if (!list_lanes(admin, arena, &response) || !list_methods(admin, arena, &response)) {
        struct failure failure;
        (void)failure_set(&failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                          "no memory for the answer");
        rpc_fail(calls[0], &failure);
        return;
    }
    rpc_reply(calls[0], &response.base);
}

static Google__Protobuf__Timestamp make_time(int64_t unix_us)
{
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    time.seconds = unix_us / 1000000;
    time.nanos = (int32_t)(unix_us % 1000000) * 1000;
    return time;
}

/* These return false when memory is out. */

static bool list_lanes(const struct admin *admin, struct arena *arena,
                       Rpc__V1__StatsResponse *response)
{
    size_t count = *admin->lane_count;
    Rpc__V1__LaneStats *lanes = arena_calloc(arena, count + 1, sizeof *lanes);
    response->lanes = arena_calloc(arena, count + 1, sizeof response->lanes[0]);
    if (lanes == NULL || response->lanes == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct rpc_lane_kind *kind = lane_kind(admin->lanes[i]);
        rpc__v1__lane_stats__init(&lanes[i]);
        lanes[i].name = text(kind->name);
        lanes[i].threads = kind->threads;
        lanes[i].waiting = lane_depth(admin->lanes[i]);
        lanes[i].queue_max = kind->queue_max;
        response->lanes[i] = &lanes[i];
    }
    response->n_lanes = count;
    return true;
}

static bool list_methods(const struct admin *admin, struct arena *arena,
                         Rpc__V1__StatsResponse *response)
{
    size_t count = router_size(admin->router);
    response->methods = arena_calloc(arena, count + 1, sizeof response->methods[0]);
    if (response->methods == NULL) {
        return false;
    }
    for (size_t i = 0; i <= count; i++) {
        const struct route *route = i < count ? router_at(admin->router, i) : NULL;
        struct method_stats *method =
            route != NULL ? route->stats : router_stray_stats(admin->router);
        response->methods[i] = describe_method(route != NULL ? route->path : "", method, arena);
        if (response->methods[i] == NULL) {
            return false;
        }
    }
    response->n_methods = count + 1;
    return true;
}

static Rpc__V1__MethodStats *describe_method(const char *path, struct method_stats *stats,
                                             struct arena *arena)
{
    Rpc__V1__MethodStats *method = arena_alloc(arena, sizeof *method);
    if (method == NULL) {
        return NULL;
    }
    rpc__v1__method_stats__init(method);
    method->method = text(path);
    method->inflight = method_stats_inflight(stats);
    method->total_us = atomic_load_explicit(&stats->total_us, memory_order_relaxed);
    method->max_us = atomic_load_explicit(&stats->max_us, memory_order_relaxed);
    bool fits = list_codes(stats, arena, method) && list_latencies(stats, arena, method) &&
                tell_last_error(stats, arena, method);
    return fits ? method : NULL;
}

static bool list_codes(const struct method_stats *stats, struct arena *arena,
                       Rpc__V1__MethodStats *method)
{
    Rpc__V1__CodeCount *codes = arena_alloc(arena, STATS_CODES * sizeof *codes);
    method->codes = arena_alloc(arena, STATS_CODES * sizeof method->codes[0]);
    if (codes == NULL || method->codes == NULL) {
        return false;
    }
    for (size_t i = 0; i < STATS_CODES; i++) {
        uint64_t count = atomic_load_explicit(&stats->codes[i], memory_order_relaxed);
        if (count > 0) {
            Rpc__V1__CodeCount *code = &codes[method->n_codes];
            rpc__v1__code_count__init(code);
            code->code = (int32_t)i;
            code->count = count;
            method->codes[method->n_codes++] = code;
        }
    }
    return true;
}

static bool list_latencies(const struct method_stats *stats, struct arena *arena,
                           Rpc__V1__MethodStats *method)
{
    Rpc__V1__LatencyBucket *buckets = arena_alloc(arena, STATS_BUCKETS * sizeof *buckets);
    method->latencies = arena_alloc(arena, STATS_BUCKETS * sizeof method->latencies[0]);
    if (buckets == NULL || method->latencies == NULL) {
        return false;
    }
    for (size_t i = 0; i < STATS_BUCKETS; i++) {
        uint64_t count = atomic_load_explicit(&stats->latencies[i], memory_order_relaxed);
        if (count > 0) {
            Rpc__V1__LatencyBucket *bucket = &buckets[method->n_latencies];
            rpc__v1__latency_bucket__init(bucket);
            bucket->upper_us = stats_bucket_upper_us(i);
            bucket->count = count;
            method->latencies[method->n_latencies++] = bucket;
        }
    }
    return true;
}

static bool tell_last_error(struct method_stats *stats, struct arena *arena,
                            Rpc__V1__MethodStats *method)
{
    struct failure failure;
    int64_t unix_us;
    if (!method_stats_last_failure(stats, &failure, &unix_us)) {
        return true;
    }
    Rpc__V1__LastError *error = arena_alloc(arena, sizeof *error);
    Google__Protobuf__Timestamp *time = arena_alloc(arena, sizeof *time);
    char *message = arena_alloc(arena, sizeof failure.message);
    if (error == NULL || time == NULL || message == NULL) {
        return false;
    }
    utf8_copy(message, sizeof failure.message, failure.message);
    rpc__v1__last_error__init(error);
    *time = make_time(unix_us);
    error->code = (int32_t)failure.code;
    error->reason = arena_strdup(arena, failure.reason);
    error->message = message;
    error->time = time;
    method->last_error = error;
    return error->reason != NULL;
}
