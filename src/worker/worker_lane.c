/* See worker_lane.h. */
#include "worker/worker_lane.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stop.h"
#include "redis/redis_link.h"
#include "worker/persist_events.h"

#define CONNECT_TIMEOUT_MS 3000
/* Redis only hears what PostgreSQL has already; a lane does not wait long for it. */
#define REDIS_TIMEOUT_MS 500
#define IDLE_MS          250

struct worker_lane {
    pthread_t thread;
    char name[64];
    struct broker_consumer *consumer;
    struct redis_link *redis;
    struct book *book;
    struct event_store *store;
    struct inbox inbox;
    struct worker_report report;
    struct persist persist;
};

static enum status build(struct worker_lane *lane, const struct worker_config *config,
                         int64_t number, struct failure *failure);
static void take_apart(struct worker_lane *lane);
static void *run(void *argument);

struct worker_lane *worker_lane_start(const struct worker_config *config, int64_t number,
                                      struct failure *failure)
{
    struct worker_lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL) {
        (void)failure_set(failure, STATUS_UNAVAILABLE, "OUT_OF_MEMORY", "out of memory");
        return NULL;
    }
    enum status status = build(lane, config, number, failure);
    if (status == STATUS_OK && pthread_create(&lane->thread, NULL, run, lane) != 0) {
        status = failure_set(failure, STATUS_UNAVAILABLE, "OUT_OF_THREADS", "out of threads");
    }
    if (status != STATUS_OK) {
        take_apart(lane);
        return NULL;
    }
    return lane;
}

struct worker_totals *worker_lane_totals(struct worker_lane *lane)
{
    return &lane->report.totals;
}

bool worker_lane_join(struct worker_lane **lane)
{
    if (*lane == NULL) {
        return true;
    }
    (void)pthread_join((*lane)->thread, NULL);
    bool good = !(*lane)->persist.refused;
    take_apart(*lane);
    *lane = NULL;
    return good;
}

static enum status build(struct worker_lane *lane, const struct worker_config *config,
                         int64_t number, struct failure *failure)
{
    const struct clock *clock = clock_system();
    (void)snprintf(lane->name, sizeof lane->name, "order-worker %ld/%lld", (long)getpid(),
                   (long long)number);
    enum status status = redis_link_create(
        &(struct redis_link_options){
            .url = config->redis_url,
            .connect_timeout_ms = REDIS_TIMEOUT_MS,
            .command_timeout_ms = REDIS_TIMEOUT_MS,
            .clock = clock,
        },
        &lane->redis, failure);
    if (status != STATUS_OK) {
        return status;
    }
    lane->book = book_create(lane->redis, config->shard, &BOOK_LIMITS_DEFAULT);
    lane->store = event_store_create(config->database_url, config->shard, lane->name, clock);
    struct broker_options broker = config->broker;
    broker.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    broker.connection_name = lane->name;
    broker.clock = clock;
    lane->consumer = broker_consumer_create(&broker, (uint16_t)config->prefetch);
    const struct batch_limits limits = {
        .events_max = (size_t)config->batch_events,
        .bytes_max = (size_t)config->batch_bytes,
        .age_ms_max = config->batch_age_ms,
    };
    if (lane->book == NULL || lane->store == NULL || lane->consumer == NULL ||
        !inbox_init(&lane->inbox, lane->consumer, &limits, clock)) {
        return failure_set(failure, STATUS_UNAVAILABLE, "OUT_OF_MEMORY", "out of memory");
    }
    worker_report_init(&lane->report, number, clock_monotonic_ms(clock));
    lane->persist = (struct persist){
        .options = {.idle_ms = IDLE_MS,
                    .hold_ms = config->hold_ms,
                    .sweep_ms = config->sweep_ms,
                    .sweep_age_ms = config->sweep_age_ms},
        .inbox = &lane->inbox,
        .store = lane->store,
        .book = lane->book,
        .clock = clock,
        .report = &lane->report,
        .stands_back = true,
    };
    return STATUS_OK;
}

static void take_apart(struct worker_lane *lane)
{
    inbox_fini(&lane->inbox);
    broker_consumer_destroy(&lane->consumer);
    event_store_destroy(&lane->store);
    book_destroy(&lane->book);
    redis_link_destroy(&lane->redis);
    free(lane);
}

static void *run(void *argument)
{
    struct worker_lane *lane = argument;
    bool begun = persist_begin(&lane->persist);
    while (begun && !stop_requested() && !lane->persist.refused) {
        persist_step(&lane->persist);
    }
    worker_report_line(&lane->report, clock_monotonic_ms(lane->persist.clock), true);
    if (lane->persist.refused) {
        stop_request();
    }
    return NULL;
}
