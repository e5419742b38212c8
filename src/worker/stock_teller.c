/* See stock_teller.h. It asks PostgreSQL over and over, as a lane with an empty queue does: that
 * finds the notices of others, too, and nobody has to wake it. */
#include "worker/stock_teller.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/stop.h"
#include "broker/broker.h"
#include "worker/stock_notices.h"
#include "worker/worker_report.h"

#define ASK_EVERY_MS         250
#define CONNECT_TIMEOUT_MS   3000
#define STATEMENT_TIMEOUT_MS 5000
#define PUBLISH_MS           5000
#define BACKOFF_BASE_MS      250
#define BACKOFF_MOST_MS      5000
#define NOTICES_MOST         64 /* a turn: they are locked meanwhile */
#define ARENA_FIRST_BYTES    (16 * 1024)
#define ARENA_LIMIT_BYTES    (1024UL * 1024)

struct stock_teller {
    pthread_t thread;
    char name[64];
    const struct clock *clock;
    struct postgres_link *link;
    struct broker_publisher *publisher;
    struct arena arena;
    struct worker_report report; /* for its troubles */
    unsigned attempts;           /* in a row */
    _Atomic int64_t told;
};

static bool build(struct stock_teller *teller, const struct worker_config *config);
static void take_apart(struct stock_teller *teller);
static void *run(void *argument);
static enum status tell_some(struct stock_teller *teller, size_t *count_out);
static enum status publish(struct stock_teller *teller, const struct stock_notice *notices,
                           size_t count);
static void note(struct stock_teller *teller, enum worker_trouble trouble, enum status status,
                 const struct failure *failure);

struct stock_teller *stock_teller_start(const struct worker_config *config, struct failure *failure)
{
    struct stock_teller *teller = calloc(1, sizeof *teller);
    if (teller == NULL || !build(teller, config)) {
        take_apart(teller);
        (void)failure_set(failure, STATUS_UNAVAILABLE, "OUT_OF_MEMORY", "out of memory");
        return NULL;
    }
    if (pthread_create(&teller->thread, NULL, run, teller) != 0) {
        take_apart(teller);
        (void)failure_set(failure, STATUS_UNAVAILABLE, "OUT_OF_THREADS", "out of threads");
        return NULL;
    }
    return teller;
}

void stock_teller_join(struct stock_teller **teller)
{
    if (*teller == NULL) {
        return;
    }
    (void)pthread_join((*teller)->thread, NULL);
    take_apart(*teller);
    *teller = NULL;
}

int64_t stock_teller_told(const struct stock_teller *teller)
{
    return atomic_load(&teller->told);
}

static bool build(struct stock_teller *teller, const struct worker_config *config)
{
    teller->clock = clock_system();
    (void)snprintf(teller->name, sizeof teller->name, "order-worker %ld/stock", (long)getpid());
    arena_init(&teller->arena, ARENA_FIRST_BYTES, ARENA_LIMIT_BYTES);
    /* Its line in the log is that of a lane behind the last. */
    worker_report_init(&teller->report, config->lanes, clock_monotonic_ms(teller->clock));
    teller->link = postgres_link_create(&(struct postgres_link_options){
        .url = config->database_url,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .application_name = teller->name,
        .clock = teller->clock,
    });
    struct broker_options broker = config->broker;
    broker.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    broker.connection_name = teller->name;
    broker.clock = teller->clock;
    teller->publisher = broker_publisher_create(&broker);
    return teller->link != NULL && teller->publisher != NULL;
}

static void take_apart(struct stock_teller *teller)
{
    if (teller == NULL) {
        return;
    }
    broker_publisher_destroy(&teller->publisher);
    postgres_link_destroy(&teller->link);
    arena_fini(&teller->arena);
    free(teller);
}

static void *run(void *argument)
{
    struct stock_teller *teller = argument;
    while (!stop_requested()) {
        size_t count = 0;
        if (tell_some(teller, &count) != STATUS_OK) {
            (void)stop_wait(clock_backoff_ms(teller->clock, teller->attempts++, BACKOFF_BASE_MS,
                                             BACKOFF_MOST_MS));
            continue;
        }
        teller->attempts = 0;
        if (count < NOTICES_MOST) {
            broker_publisher_idle(teller->publisher);
            (void)stop_wait(ASK_EVERY_MS);
        }
    }
    return NULL;
}

/* Away from the table only with RabbitMQ's confirm. */
static enum status tell_some(struct stock_teller *teller, size_t *count_out)
{
    const struct stock_notice *notices;
    struct failure failure;
    size_t count = 0;
    arena_reset(&teller->arena);
    enum status status =
        stock_notices_take(teller->link, NOTICES_MOST, &teller->arena, &notices, &count, &failure);
    note(teller, TROUBLE_STORE, status, &failure);
    if (status == STATUS_OK && count > 0) {
        FAILPOINT("notice_taken");
        status = publish(teller, notices, count);
    }
    if (status != STATUS_OK || count == 0) {
        postgres_link_rollback(teller->link);
        return status;
    }
    FAILPOINT("notice_published");
    status = stock_notices_commit(teller->link, &failure);
    note(teller, TROUBLE_STORE, status, &failure);
    if (status == STATUS_OK) {
        (void)atomic_fetch_add(&teller->told, (int64_t)count);
    }
    *count_out = count;
    return status;
}

static enum status publish(struct stock_teller *teller, const struct stock_notice *notices,
                           size_t count)
{
    struct broker_message messages[NOTICES_MOST];
    struct failure failure;
    for (size_t i = 0; i < count; i++) {
        struct bytes event = stock_notice_encode(&notices[i], &teller->arena);
        messages[i] = (struct broker_message){
            .routing_key = notices[i].crossing == STOCK_LOW ? BROKER_ROUTING_STOCK_LOW
                                                            : BROKER_ROUTING_STOCK_BACK,
            .body = event.data != NULL ? event_codec_join(&event, 1, &teller->arena) : event,
            .message_id = notices[i].event_id,
            .optional = true,
        };
        if (messages[i].body.data == NULL) {
            return failure_set(&failure, STATUS_UNAVAILABLE, "OUT_OF_MEMORY", "out of memory");
        }
    }
    enum status status = broker_publish(teller->publisher, messages, count,
                                        clock_monotonic_ms(teller->clock) + PUBLISH_MS, &failure);
    note(teller, TROUBLE_BROKER, status, &failure);
    return status;
}

static void note(struct stock_teller *teller, enum worker_trouble trouble, enum status status,
                 const struct failure *failure)
{
    const char *detail = trouble == TROUBLE_STORE ? postgres_link_detail(teller->link) : "";
    worker_report_trouble(&teller->report, trouble, status == STATUS_OK ? NULL : failure, detail,
                          clock_monotonic_ms(teller->clock));
}
