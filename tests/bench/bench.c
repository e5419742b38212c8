/* See bench.h. */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/free_port.h"

#define WARM_UP_US 150000

static int ready[2]; /* the child's word that it serves */

static void complain(const char *program)
{
    (void)fprintf(
        stderr, "usage: %s --transport tcp|ipc --outstanding N --seconds S [--untuned] [--share]\n",
        program);
    exit(2);
}

static void choose_endpoint(const char *transport, char *out, size_t room)
{
    if (strcmp(transport, "ipc") == 0) {
        (void)snprintf(out, room, "ipc:///tmp/order-bench-%d.sock", (int)getpid());
        return;
    }
    (void)snprintf(out, room, "tcp://127.0.0.1:%u", free_port());
}

struct bench_options bench_options_parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"transport", required_argument, NULL, 't'}, {"outstanding", required_argument, NULL, 'o'},
        {"seconds", required_argument, NULL, 's'},   {"untuned", no_argument, NULL, 'u'},
        {"share", no_argument, NULL, 'm'},           {NULL, 0, NULL, 0}};
    struct bench_options options = {.transport = "ipc", .outstanding = 1, .seconds = 2};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 't') {
            options.transport = optarg;
        } else if (option == 'o') {
            options.outstanding = strtoul(optarg, NULL, 10);
        } else if (option == 's') {
            options.seconds = strtod(optarg, NULL);
        } else if (option == 'u') {
            options.is_untuned = true;
        } else if (option == 'm') {
            options.may_share = true;
        } else {
            complain(argv[0]);
        }
    }
    if ((strcmp(options.transport, "tcp") != 0 && strcmp(options.transport, "ipc") != 0) ||
        options.outstanding == 0 || options.outstanding > 1024 || options.seconds <= 0 ||
        optind != argc) {
        complain(argv[0]);
    }
    choose_endpoint(options.transport, options.endpoint, sizeof options.endpoint);
    return options;
}

pid_t bench_server_start(void (*serve)(const struct bench_options *options),
                         const struct bench_options *options)
{
    if (pipe(ready) != 0) {
        perror("pipe");
        exit(1);
    }
    pid_t server = fork();
    if (server < 0) {
        perror("fork");
        exit(1);
    }
    if (server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(options);
        _exit(1);
    }
    char word;
    (void)close(ready[1]);
    if (read(ready[0], &word, 1) != 1) {
        (void)fprintf(stderr, "the server did not start\n");
        exit(1);
    }
    (void)close(ready[0]);
    return server;
}

void bench_serve_forever(void)
{
    if (write(ready[1], "", 1) != 1) {
        _exit(1);
    }
    for (;;) {
        (void)pause();
    }
}

void bench_server_stop(pid_t server, const struct bench_options *options)
{
    (void)kill(server, SIGTERM);
    (void)waitpid(server, NULL, 0);
    if (strcmp(options->transport, "ipc") == 0) {
        (void)unlink(strstr(options->endpoint, "://") + 3);
    }
}

int64_t bench_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void bench_figures_start(struct bench_figures *figures, const struct bench_options *options)
{
    memset(figures, 0, sizeof *figures);
    figures->start_us = bench_now_us() + WARM_UP_US;
    figures->end_us = figures->start_us + (int64_t)(options->seconds * 1e6);
}

static void sleep_until(int64_t when_us)
{
    const struct timespec when = {.tv_sec = when_us / 1000000, .tv_nsec = when_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) {
    }
}

/* Of this process and the server. */
static int64_t read_worked_us(pid_t server)
{
    clockid_t clocks[2] = {CLOCK_PROCESS_CPUTIME_ID};
    int64_t us = 0;
    if (clock_getcpuclockid(server, &clocks[1]) != 0) {
        (void)fprintf(stderr, "the server has gone\n");
        exit(1);
    }
    for (size_t i = 0; i < 2; i++) {
        struct timespec worked;
        (void)clock_gettime(clocks[i], &worked);
        us += (int64_t)worked.tv_sec * 1000000 + worked.tv_nsec / 1000;
    }
    return us;
}

void bench_figures_watch(struct bench_figures *figures, pid_t server)
{
    sleep_until(figures->start_us);
    int64_t before_us = read_worked_us(server);
    sleep_until(figures->end_us);
    figures->worked_us = read_worked_us(server) - before_us;
}

/* 64 buckets for each doubling. */
static size_t find_bucket(uint64_t us)
{
    if (us < 64) {
        return (size_t)us;
    }
    unsigned doubling = 63 - (unsigned)__builtin_clzll(us);
    size_t bucket = (doubling - 5) * 64 + (size_t)((us >> (doubling - 6)) & 63);
    return bucket < 2048 ? bucket : 2047;
}

static double bucket_us(size_t bucket)
{
    if (bucket < 64) {
        return (double)bucket;
    }
    unsigned doubling = (unsigned)(bucket / 64) + 5;
    return (double)((64 + bucket % 64) << (doubling - 6));
}

int bench_figures_add(struct bench_figures *figures, int64_t begin_us, int64_t end_us)
{
    if (end_us > figures->end_us) {
        return 0;
    }
    if (end_us >= figures->start_us) {
        figures->calls++;
        figures->buckets[find_bucket((uint64_t)(end_us - begin_us))]++;
    }
    return 1;
}

static double percentile_us(const struct bench_figures *figures, double part)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < 2048; i++) {
        seen += figures->buckets[i];
        if (seen > 0 && (double)seen >= part * (double)figures->calls) {
            return bucket_us(i);
        }
    }
    return 0;
}

void bench_figures_print(const struct bench_figures *figures, const char *name,
                         const struct bench_options *options)
{
    double seconds = (double)(figures->end_us - figures->start_us) / 1e6;
    (void)printf(
        "{\"bench\":\"%s\",\"transport\":\"%s\",\"outstanding\":%zu,\"seconds\":%.2f,"
        "\"calls_per_second\":%.0f,\"worked_us_per_call\":%.2f,\"p50_us\":%.0f,\"p99_us\":%.0f,"
        "\"failures\":%llu}\n",
        name, options->transport, options->outstanding, seconds, (double)figures->calls / seconds,
        (double)figures->worked_us / (double)(figures->calls > 0 ? figures->calls : 1),
        percentile_us(figures, 0.5), percentile_us(figures, 0.99),
        (unsigned long long)figures->failures);
}
