/* See chaos_run.h. */
#include "tests/chaos/chaos_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/chaos/chaos_check.h"
#include "tests/chaos/chaos_client.h"
#include "tests/chaos/chaos_fault.h"
#include "tests/cmocka_all.h"
#include "tests/support/stores.h"

#define CLIENTS           16
#define SETTLE_TIMEOUT_MS 180000
#define ASKED_AGAIN       300 /* accepted requests, after healing */
#define REPORT_MS         30000
#define SHOWN_MAX         40 /* violations */
#define SHOWN_OF_CANARY   3

struct run {
    const struct chaos_options *options;
    struct system system;
    struct chaos_faults faults;
    struct rpc_channel *channels[2];
    struct chaos_client clients[CLIENTS];
    _Atomic bool ending;
    FILE *log; /* of the faults */
};

static void start(struct run *run);
static void play(struct run *run, const struct chaos_schedule *schedule);
static void settle(struct run *run);
static void ask_again(struct run *run);
static void check(struct run *run);
static void print_answers(const struct run *run);
static void finish(struct run *run);

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

size_t chaos_run(const struct chaos_options *options)
{
    struct run *run = calloc(1, sizeof *run);
    assert_non_null(run);
    run->options = options;
    struct chaos_schedule drawn = {0};
    const struct chaos_schedule *schedule = options->schedule;
    chaos_forget_violations(options->is_canary ? SHOWN_OF_CANARY : SHOWN_MAX);
    if (schedule == NULL) {
        chaos_schedule_draw(&drawn, options->seed, options->length_ms);
        schedule = &drawn;
    }
    (void)printf("chaos: seed %" PRIu64 ", %" PRId64 " s, %zu faults\n", options->seed,
                 options->length_ms / 1000, schedule->count / 2);
    (void)fflush(stdout);
    start(run);
    play(run, schedule);
    settle(run);
    ask_again(run);
    check(run);
    finish(run);
    chaos_schedule_fini(&drawn);
    free(run);
    return chaos_violations();
}

static void start(struct run *run)
{
    struct system *system = &run->system;
    char path[160];
    system_create(system);
    system_interpose(system);
    for (size_t i = 0; i < 2; i++) {
        system_start_server(system, i, NULL);
        system_start_worker(system, i, NULL);
        run->channels[i] = system_open_channel(system, i);
    }
    for (int i = 0; i < CHAOS_PRODUCTS; i++) {
        (void)snprintf(path, sizeof path, "hot-%d", i);
        system_create_product(run->channels[0], path, CHAOS_ON_HAND);
    }
    (void)snprintf(path, sizeof path, "%s/faults", system->directory);
    run->log = fopen(path, "w");
    assert_non_null(run->log);
    (void)setvbuf(run->log, NULL, _IOLBF, 4096);
    run->faults = (struct chaos_faults){.system = system, .seed = run->options->seed};
    chaos_fault_prepare(&run->faults);
    for (int i = 0; i < CLIENTS; i++) {
        struct chaos_client *client = &run->clients[i];
        chaos_history_init(&client->history, i, system->directory);
        client->channels[0] = run->channels[0];
        client->channels[1] = run->channels[1];
        client->ending = &run->ending;
        client->random.state = run->options->seed * 1000 + (uint64_t)i;
        chaos_client_start(client);
    }
}

static void wait_for(int64_t at_ms)
{
    int64_t left_ms = at_ms - now_ms();
    if (left_ms > 0) {
        struct timespec left = {left_ms / 1000, left_ms % 1000 * 1000000};
        (void)nanosleep(&left, NULL);
    }
}

static void play(struct run *run, const struct chaos_schedule *schedule)
{
    int64_t from_ms = now_ms();
    int64_t report_ms = from_ms + REPORT_MS;
    for (size_t i = 0; i < schedule->count; i++) {
        const struct chaos_event *event = &schedule->events[i];
        wait_for(from_ms + event->at_ms);
        char what[64];
        chaos_event_print(event, what, sizeof what);
        (void)fprintf(run->log, "%" PRId64 " %s %s\n", clock_unix_us(clock_system()), what,
                      event->begins ? "begins" : "ends");
        chaos_fault_apply(&run->faults, event);
        if (now_ms() > report_ms) {
            report_ms += REPORT_MS;
            (void)printf("  %" PRId64 " s\n", (now_ms() - from_ms) / 1000);
            (void)fflush(stdout);
        }
    }
    wait_for(from_ms + run->options->length_ms);
    chaos_heal(&run->faults);
    run->ending = true;
    for (int i = 0; i < CLIENTS; i++) {
        chaos_client_join(&run->clients[i]);
    }
}

/* ---- afterwards ---- */

/* Open, and nothing under way. */
static bool is_settled(void *state)
{
    struct run *run = state;
    struct system *system = &run->system;
    char queue[64];
    (void)snprintf(queue, sizeof queue, "%s.persist", system->prefix);
    return system_outbox(system) == 0 &&
           stores_queue_ready(getenv("TEST_RABBITMQ_URL"), queue) == 0 &&
           database_int(&system->database, "SELECT count(*) FROM stock_deltas") == 0 &&
           database_int(&system->database, "SELECT count(*) FROM orders WHERE state = 1") == 0 &&
           stores_redis_int(system->redis_url, "HGET", "{s0}:meta", "epoch") ==
               database_int(&system->database, "SELECT epoch FROM control") &&
           chaos_queue_messages(&run->faults) == 0;
}

static void settle(struct run *run)
{
    int64_t from_ms = now_ms();
    int64_t settle_ms = run->options->settle_ms > 0 ? run->options->settle_ms : SETTLE_TIMEOUT_MS;
    if (!wait_until(is_settled, run, settle_ms)) {
        chaos_violation(
            "not at rest %" PRId64 " s after healing: outbox %" PRId64 ", queue %" PRId64,
            settle_ms / 1000, system_outbox(&run->system), chaos_queue_messages(&run->faults));
    }
    (void)printf("at rest %.1f s after healing\n", (double)(now_ms() - from_ms) / 1000);
}

struct question {
    struct chaos_client *client;
    struct chaos_request *request;
    int server;
};

static bool is_answered(void *state)
{
    struct question *question = state;
    enum chaos_verdict verdict =
        chaos_client_send(question->client, question->request, question->server);
    return verdict != CHAOS_NOT_DONE && verdict != CHAOS_UNSURE;
}

/* What was accepted is still the same order, whoever is asked. */
static void ask_again(struct run *run)
{
    for (int i = 0; i < ASKED_AGAIN; i++) {
        struct chaos_client *client = &run->clients[i % CLIENTS];
        struct chaos_history *history = &client->history;
        if (history->count == 0) {
            continue;
        }
        size_t picked =
            (size_t)chaos_random_between(&client->random, 0, (int64_t)history->count - 1);
        struct question question = {client, &history->requests[picked], i % 2};
        if (question.request->accepted && !wait_until(is_answered, &question, 10000)) {
            chaos_violation("%s is not answered after healing", question.request->id);
        }
    }
}

static void check(struct run *run)
{
    const struct chaos_history *histories[CLIENTS];
    int64_t requests = 0;
    int64_t attempts = 0;
    int64_t batches = 0;
    int64_t batched = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        histories[i] = &run->clients[i].history;
        requests += (int64_t)histories[i]->count;
        attempts += histories[i]->attempts;
        batches += run->clients[i].batches;
        batched += run->clients[i].batched;
    }
    struct chaos_counts counts;
    chaos_check(&run->system, histories, CLIENTS, &counts);
    (void)printf("batches %" PRId64 " of %" PRId64 " orders\n", batches, batched);
    (void)printf("requests %" PRId64 ", calls %" PRId64 ", accepted %" PRId64 ", refused %" PRId64
                 ", orders %" PRId64 ", adjustments %" PRId64 ", epochs %" PRId64 "\nfaults:\n",
                 requests, attempts, counts.accepted, counts.refused, counts.orders,
                 counts.adjustments,
                 database_int(&run->system.database, "SELECT epoch FROM control"));
    for (int i = 0; i < CHAOS_FAULTS; i++) {
        if (run->faults.done[i] > 0) {
            (void)printf("  %6" PRId64 "  %s\n", run->faults.done[i],
                         chaos_fault_name((enum chaos_fault)i));
        }
    }
    (void)printf("  %6" PRId64 "  spared: both Redis and RabbitMQ would have been lost\n",
                 run->faults.spared);
    print_answers(run);
}

/* All clients' tallies together. */
static void print_answers(const struct run *run)
{
    static struct chaos_tally sums[CHAOS_TALLIES_MAX];
    memset(sums, 0, sizeof sums);
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct chaos_history *history = &run->clients[i].history;
        for (size_t j = 0; j < CHAOS_TALLIES_MAX && history->tallies[j].count > 0; j++) {
            size_t at = 0;
            while (at < CHAOS_TALLIES_MAX - 1 && sums[at].count > 0 &&
                   strcmp(sums[at].name, history->tallies[j].name) != 0) {
                at++;
            }
            memcpy(sums[at].name, history->tallies[j].name, sizeof sums[at].name);
            sums[at].count += history->tallies[j].count;
        }
    }
    (void)printf("answers:\n");
    for (size_t i = 0; i < CHAOS_TALLIES_MAX && sums[i].count > 0; i++) {
        (void)printf("  %6" PRId64 "  %s\n", sums[i].count, sums[i].name);
    }
}

static void finish(struct run *run)
{
    (void)fclose(run->log);
    for (size_t i = 0; i < 2; i++) {
        rpc_channel_close(&run->channels[i]);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        chaos_history_fini(&run->clients[i].history);
    }
    (void)printf("%zu violations\n", chaos_violations());
    if (chaos_violations() > 0 && !run->options->is_canary) {
        char kept[128];
        (void)snprintf(kept, sizeof kept, "/tmp/order-chaos-%" PRIu64 "-%d-%" PRId64,
                       run->options->seed, (int)getpid(), now_ms());
        if (rename(run->system.directory, kept) == 0) {
            (void)printf("logs, histories and faults: %s\n", kept);
        }
    }
    (void)fflush(stdout);
    system_destroy(&run->system);
}
