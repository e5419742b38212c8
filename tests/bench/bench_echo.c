/* bench_echo: nng's req/rep alone, as its own examples write it: contexts, a callback each, 64
 * bytes there and back (a health check has 79 and 56). The yardstick of what src/rpc adds:
 * --untuned is nng as it comes; otherwise it has all that src/rpc gives itself, as many of nng's
 * threads, too. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "rpc/tune_nng.h"

#define MESSAGE_BYTES 64

struct slot {
    nng_ctx context;
    nng_aio *aio;
    int is_sending;
    int64_t begin_us;
};

static struct bench_figures figures;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t over = PTHREAD_COND_INITIALIZER;
static size_t running;

static void must(int error, const char *what)
{
    if (error != 0) {
        (void)fprintf(stderr, "%s: %s\n", what, nng_strerror(error));
        exit(1);
    }
}

static void on_served(void *argument)
{
    struct slot *slot = argument;
    if (nng_aio_result(slot->aio) != 0) {
        return;
    }
    slot->is_sending = !slot->is_sending;
    if (slot->is_sending) {
        nng_ctx_send(slot->context, slot->aio);
    } else {
        nng_ctx_recv(slot->context, slot->aio);
    }
}

static void serve(const struct bench_options *options)
{
    nng_socket socket;
    if (!options->is_untuned) {
        tune_nng();
    }
    must(nng_rep0_open(&socket), "rep0");
    size_t count = options->outstanding + 32;
    struct slot *slots = calloc(count, sizeof *slots);
    for (size_t i = 0; i < count; i++) {
        must(nng_ctx_open(&slots[i].context, socket), "context");
        must(nng_aio_alloc(&slots[i].aio, on_served, &slots[i]), "aio");
        nng_ctx_recv(slots[i].context, slots[i].aio);
    }
    must(nng_listen(socket, options->endpoint, NULL, 0), "listen");
    bench_serve_forever();
}

static void ask(struct slot *slot, nng_msg *message)
{
    slot->begin_us = bench_now_us();
    slot->is_sending = 1;
    nng_aio_set_msg(slot->aio, message);
    nng_ctx_send(slot->context, slot->aio);
}

static void on_asked(void *argument)
{
    struct slot *slot = argument;
    must(nng_aio_result(slot->aio), "call");
    if (slot->is_sending) {
        slot->is_sending = 0;
        nng_ctx_recv(slot->context, slot->aio);
        return;
    }
    nng_msg *message = nng_aio_get_msg(slot->aio);
    int64_t now_us = bench_now_us();
    (void)pthread_mutex_lock(&lock);
    int go_on = bench_figures_add(&figures, slot->begin_us, now_us);
    if (!go_on && --running == 0) {
        (void)pthread_cond_signal(&over);
    }
    (void)pthread_mutex_unlock(&lock);
    if (go_on) {
        ask(slot, message);
    }
}

static void run(const struct bench_options *options, pid_t server)
{
    nng_socket socket;
    if (!options->is_untuned) {
        tune_nng();
    }
    must(nng_req0_open(&socket), "req0");
    must(nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), "resend time");
    must(nng_dial(socket, options->endpoint, NULL, NNG_FLAG_NONBLOCK), "dial");
    struct slot *slots = calloc(options->outstanding, sizeof *slots);
    bench_figures_start(&figures, options);
    running = options->outstanding;
    for (size_t i = 0; i < options->outstanding; i++) {
        nng_msg *message;
        must(nng_ctx_open(&slots[i].context, socket), "context");
        must(nng_aio_alloc(&slots[i].aio, on_asked, &slots[i]), "aio");
        must(nng_msg_alloc(&message, MESSAGE_BYTES), "message");
        ask(&slots[i], message);
    }
    bench_figures_watch(&figures, server);
    (void)pthread_mutex_lock(&lock);
    while (running > 0) {
        (void)pthread_cond_wait(&over, &lock);
    }
    (void)pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_options_parse(argc, argv);
    pid_t server = bench_server_start(serve, &options);
    run(&options, server);
    bench_figures_print(&figures, "nng echo", &options);
    bench_server_stop(server, &options);
    return 0;
}
