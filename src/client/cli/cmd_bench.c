/* orderctl bench: how fast a server answers. */
#include <assert.h>
#include <shop/v1/order_service.pb-c.h>
#include <stddef.h>
#include <time.h>

#include "base/stop.h"
#include "client/cli/bench_report.h"
#include "client/cli/bench_target.h"
#include "client/cli/commands.h"
#include "shop/limits.h"

#define CONNECTIONS_MAX   16
#define PERSISTED_POLL_MS 5
#define PERSISTED_WAIT_MS 120000
#define BENCH_ARENA_BYTES (1024 * 1024)

struct bench_options {
    int64_t method, outstanding, connections, seconds, warmup_ms, rate, products, lines, batch;
    const char *product;
    bool until_persisted, share;
};

/* All that lives as long as the run. */
struct bench {
    struct cli *cli;
    const struct bench_options *options;
    struct arena arena;
    struct rpc_channel *channels[CONNECTIONS_MAX];
    struct bench_target target;
    struct bench_result *result;
};

static int run_bench(struct cli *cli, const void *values);
static enum status open_channels(struct bench *bench, struct failure *failure);
static enum status run_load(struct bench *bench, struct failure *failure);
static int report(struct bench *bench);
static bool wait_until_persisted(struct bench *bench, double *seconds_out);
static bool is_persisted(struct bench *bench, const char *order_id);

#define METHODS "health|get-product|create-order|batch-create-orders"

static const struct option BENCH_OPTIONS[] = {
    {.name = "method",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct bench_options, method),
     .value = METHODS,
     .fallback = "health",
     .help = "what to call (default health)"},
    {.name = "outstanding",
     .letter = 'c',
     .type = OPTION_INT,
     .offset = offsetof(struct bench_options, outstanding),
     .value = "N",
     .fallback = "64",
     .least = 1,
     .most = 4096,
     .help = "calls under way, with --rate at most (default 64)"},
    {.name = "connections",
     .type = OPTION_INT,
     .offset = offsetof(struct bench_options, connections),
     .value = "N",
     .fallback = "1",
     .least = 1,
     .most = CONNECTIONS_MAX,
     .help = "among which they are spread (default 1)"},
    {.name = "seconds",
     .type = OPTION_INT,
     .offset = offsetof(struct bench_options, seconds),
     .value = "S",
     .fallback = "5",
     .least = 1,
     .most = 3600,
     .help = "how long to measure (default 5)"},
    {.name = "warmup",
     .type = OPTION_DURATION,
     .offset = offsetof(struct bench_options, warmup_ms),
     .value = "TIME",
     .fallback = "500ms",
     .least = 0,
     .most = 60000,
     .help = "before that, not counted (default 500ms)"},
    {.name = "rate",
     .type = OPTION_INT,
     .offset = offsetof(struct bench_options, rate),
     .value = "N",
     .fallback = "0",
     .least = 0,
     .most = 1000000,
     .help = "open loop: so many calls a second, latency from when each should have started"},
    {.name = "products",
     .type = OPTION_INT,
     .offset = offsetof(struct bench_options, products),
     .value = "N",
     .fallback = "64",
     .least = 1,
     .most = 1000,
     .help = "products made for the run (default 64)"},
    {.name = "product",
     .type = OPTION_TEXT,
     .offset = offsetof(struct bench_options, product),
     .value = "ID",
     .help = "use this one, which is there, and make none"},
    {.name = "lines",
     .type = OPTION_INT,
     .offset = offsetof(struct bench_options, lines),
     .value = "N",
     .fallback = "1",
     .least = 1,
     .most = SHOP_ORDER_LINES_MAX,
     .help = "of each order (default 1)"},
    {.name = "batch",
     .type = OPTION_INT,
     .offset = offsetof(struct bench_options, batch),
     .value = "N",
     .fallback = "100",
     .least = 1,
     .most = SHOP_BATCH_CREATE_MAX,
     .help = "batch-create-orders: orders of each call (default 100)"},
    {.name = "share",
     .type = OPTION_FLAG,
     .offset = offsetof(struct bench_options, share),
     .help = "let calls share messages, as programs with many of them under way do"},
    {.name = "until-persisted",
     .type = OPTION_FLAG,
     .offset = offsetof(struct bench_options, until_persisted),
     .help = "of orders: wait until the last are in PostgreSQL, and count that time"},
};
static_assert(sizeof(struct bench_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

const struct cli_command COMMAND_BENCH = {
    .name = "bench",
    .arguments = "",
    .summary = "Measures how fast the server answers.",
    .details =
        "Without --rate a closed loop: each call that ends starts the next one. With --rate an\n"
        "open loop: calls start at fixed moments, and one that had to wait for its turn has that\n"
        "in its latency.\n\n"
        "All but health add products named bench-... to the catalogue, and orders:\n"
        "not for a system that is in use.",
    .options = BENCH_OPTIONS,
    .option_count = sizeof(BENCH_OPTIONS) / sizeof(BENCH_OPTIONS[0]),
    .run = run_bench,
};

static int run_bench(struct cli *cli, const void *values)
{
    struct bench bench = {.cli = cli, .options = values};
    if (bench.options->outstanding < bench.options->connections) {
        return cli_usage(cli, "--outstanding must be at least --connections");
    }
    if (cli->environment->stop_init != NULL) {
        cli->environment->stop_init();
    }
    arena_init(&bench.arena, BENCH_ARENA_BYTES, BENCH_ARENA_BYTES);
    bench.result = arena_calloc(&bench.arena, 1, sizeof(*bench.result));
    assert(bench.result != NULL);
    struct failure failure;
    enum status status = open_channels(&bench, &failure);
    if (status == STATUS_OK) {
        status = run_load(&bench, &failure);
    }
    int code = status == STATUS_OK ? report(&bench) : cli_fail(cli, &failure);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        rpc_channel_close(&bench.channels[i]);
    }
    arena_fini(&bench.arena);
    return code;
}

static enum status open_channels(struct bench *bench, struct failure *failure)
{
    const struct bench_options *options = bench->options;
    struct rpc_channel_options channel = {.endpoint = bench->cli->globals.endpoint,
                                          .tls = bench->cli->globals.tls,
                                          .timeout_ms = (int32_t)bench->cli->globals.timeout_ms,
                                          .max_outstanding = (size_t)options->outstanding,
                                          .clock = bench->cli->environment->clock};
    for (int64_t i = 0; i < options->connections; i++) {
        enum status status = rpc_channel_open(&channel, &bench->channels[i], failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status run_load(struct bench *bench, struct failure *failure)
{
    const struct bench_options *options = bench->options;
    const struct bench_target_options target = {.method = (enum bench_method)options->method,
                                                .products = options->products,
                                                .lines = options->lines,
                                                .batch = options->batch,
                                                .product = options->product};
    enum status status =
        bench_target_prepare(bench->cli, &target, &bench->arena, &bench->target, failure);
    if (status != STATUS_OK) {
        return status;
    }
    const struct bench_load_options load = {.channels = bench->channels,
                                            .channel_count = (size_t)options->connections,
                                            .outstanding = (size_t)options->outstanding,
                                            .warmup_us = options->warmup_ms * 1000,
                                            .measure_us = options->seconds * 1000000,
                                            .rate = options->rate,
                                            .may_share = options->share,
                                            .clock = bench->cli->environment->clock,
                                            .target = &bench->target};
    return bench_load_run(&load, bench->result, failure);
}

static int report(struct bench *bench)
{
    const struct bench_options *options = bench->options;
    struct bench_run run = {.method = bench->target.method,
                            .outstanding = options->outstanding,
                            .connections = options->connections,
                            .rate = options->rate,
                            .result = bench->result};
    bool is_batch = options->method == BENCH_BATCH_CREATE_ORDERS;
    run.batch = is_batch ? options->batch : 0;
    if (options->until_persisted && (is_batch || options->method == BENCH_CREATE_ORDER)) {
        run.waited = true;
        run.persisted = wait_until_persisted(bench, &run.persisted_seconds);
    }
    bench_report(bench->cli, &run);
    if (stop_requested()) {
        return CLI_INTERRUPTED;
    }
    bool none = bench->result->succeeded == 0;
    return none || (run.waited && !run.persisted) ? CLI_UNAVAILABLE : CLI_OK;
}

/* Workers take events in order, but for what each holds at one time: when the newest orders are in
 * PostgreSQL, so are the others. */
static bool wait_until_persisted(struct bench *bench, double *seconds_out)
{
    const struct clock *clock = bench->cli->environment->clock;
    const struct bench_result *result = bench->result;
    int64_t give_up_us = clock_monotonic_us(clock) + PERSISTED_WAIT_MS * INT64_C(1000);
    const struct timespec pause = {.tv_nsec = PERSISTED_POLL_MS * 1000000};
    bool all = true;
    for (size_t i = 0; i < result->sample_count && all; i++) {
        while (all && !is_persisted(bench, result->samples[i])) {
            clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
            all = clock_monotonic_us(clock) < give_up_us && !stop_requested();
        }
    }
    *seconds_out = (double)(clock_monotonic_us(clock) - result->begun_us) / 1e6;
    return all && result->accepted > 0;
}

static bool is_persisted(struct bench *bench, const char *order_id)
{
    struct cli *cli = bench->cli;
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    struct failure failure;
    ProtobufCMessage *response;
    arena_reset(&cli->arena);
    request.order_id = cli_text(cli, order_id);
    enum status status = cli_call(cli, &shop__v1__order_service__descriptor, "GetOrder",
                                  &request.base, &response, &failure);
    return status == STATUS_OK && ((const Shop__V1__Order *)response)->durability ==
                                      SHOP__V1__DURABILITY__DURABILITY_PERSISTED;
}
