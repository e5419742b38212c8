/* Bench: what bench_echo and bench_health share, so that they differ in nothing but what they
 * measure: options, a server in a process of its own, as many of nng's threads, contexts and calls
 * under way, and the figures as one JSON line. A figure counts from the end of a short warm-up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bench_options {
    const char *transport; /* "tcp" or "ipc" */
    size_t outstanding;
    double seconds;
    bool is_untuned;    /* of echo: as many threads as nng starts by itself */
    bool may_share;     /* of health: see rpc/channel.h */
    char endpoint[128]; /* one that is free */
};

/* --transport tcp|ipc --outstanding N --seconds S [--untuned] [--share]; prints what is wrong and
 * exits otherwise. */
struct bench_options bench_options_parse(int argc, char **argv);

/* Runs `serve` in a child (before this process has threads) and returns once it serves; it ends
 * with bench_server_stop, or with its parent. */
pid_t bench_server_start(void (*serve)(const struct bench_options *options),
                         const struct bench_options *options);
void bench_server_stop(pid_t server, const struct bench_options *options);
/* In the child, when it listens: does not return. */
void bench_serve_forever(void);

/* Latencies of all calls, in buckets of 1.6 %: any number of calls in a fixed space. */
struct bench_figures {
    int64_t start_us, end_us; /* only calls that end in between are counted */
    uint64_t calls;
    uint64_t failures;
    int64_t worked_us; /* processor time of client and server meanwhile */
    uint64_t buckets[2048];
};

int64_t bench_now_us(void);
void bench_figures_start(struct bench_figures *figures, const struct bench_options *options);
/* Returns when the time is over, with what both processes worked in it. */
void bench_figures_watch(struct bench_figures *figures, pid_t server);
/* One call that went from begin_us to end_us. Returns false when the time is over. */
int bench_figures_add(struct bench_figures *figures, int64_t begin_us, int64_t end_us);
void bench_figures_print(const struct bench_figures *figures, const char *name,
                         const struct bench_options *options);
