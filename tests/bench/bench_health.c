/* bench_health: grpc.health.v1 Check through a channel and a server of src/rpc, asynchronous calls,
 * N under way. */
#include <grpc/health/v1/health.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "rpc/channel.h"
#include "rpc/server.h"

struct client {
    struct rpc_stub stub;
    int64_t begin_us;
};

static struct bench_figures figures;

static void serve(const struct bench_options *options)
{
    const char *endpoints[] = {options->endpoint};
    struct rpc_server_options server_options = {
        .endpoints = endpoints,
        .endpoint_count = 1,
        .server_id = "bench",
        .max_inflight = options->outstanding,
        .clock = clock_system(),
    };
    struct rpc_server *server;
    struct failure failure;
    if (rpc_server_start(&server_options, &server, &failure) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", failure.message);
        _exit(1);
    }
    rpc_server_set_serving(server, true);
    bench_serve_forever();
}

static void on_checked(const Grpc__Health__V1__HealthCheckResponse *response, void *data);

static void check(struct client *client)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    client->begin_us = bench_now_us();
    grpc__health__v1__health__check(&client->stub.service, &request, on_checked, client);
}

/* One at a time, so the figures need no lock. */
static void on_checked(const Grpc__Health__V1__HealthCheckResponse *response, void *data)
{
    struct client *client = data;
    if (response == NULL) {
        figures.failures++;
        (void)fprintf(stderr, "%s\n", client->stub.failure.message);
        return;
    }
    if (bench_figures_add(&figures, client->begin_us, bench_now_us())) {
        check(client);
    }
}

static void run(const struct bench_options *options, pid_t server)
{
    struct rpc_channel_options channel_options = {.endpoint = options->endpoint};
    struct rpc_channel *channel;
    struct failure failure;
    if (rpc_channel_open(&channel_options, &channel, &failure) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", failure.message);
        exit(1);
    }
    struct client *clients = calloc(options->outstanding, sizeof *clients);
    bench_figures_start(&figures, options);
    for (size_t i = 0; i < options->outstanding; i++) {
        rpc_stub_init(&clients[i].stub, channel, &grpc__health__v1__health__descriptor);
        clients[i].stub.async = true;
        clients[i].stub.may_share = options->may_share;
        check(&clients[i]);
    }
    bench_figures_watch(&figures, server);
    (void)rpc_channel_wait_idle(channel, (int64_t)(options->seconds * 1000) + 10000);
    rpc_channel_close(&channel);
    free(clients);
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_options_parse(argc, argv);
    pid_t server = bench_server_start(serve, &options);
    run(&options, server);
    bench_figures_print(&figures, "health check", &options);
    bench_server_stop(server, &options);
    return figures.failures > 0;
}
