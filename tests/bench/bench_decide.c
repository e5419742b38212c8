/* bench_decide: how many decisions a second Redis makes for one lane, and nothing else: one
 * product, stock without end, pipelines of --batch decisions with fresh ids and events of a usual
 * size.
 *
 *     REDIS_URL=redis://127.0.0.1:6379 bench_decide --batch=64 --seconds=5 --event-bytes=300
 *
 * Prints {"batch":64,"event_bytes":300,"decisions":...,"seconds":...,"decisions_per_second":...}.
 * Works in a shard of its own, {bench}:*, and leaves little of it behind. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "redis/book.h"
#include "redis/redis_link.h"

#define BATCH_MAX        1024
#define RECORD_BYTES     96
#define EVENT_BYTES_MAX  65536
#define EPOCH            1
#define SETTLE_THRESHOLD 100000 /* events in the outbox: a worker's part, left out of the time */
#define TIMEOUT_MS       10000

struct settings {
    const char *redis_url;
    const char *shard;
    int64_t batch, seconds, event_bytes;
};

static const struct config_entry TABLE[] = {
    {"redis-url", "REDIS_URL", CONFIG_TEXT, offsetof(struct settings, redis_url),
     "redis://127.0.0.1:6379", 0, 0, "", true, "the Redis to measure"},
    {"shard", "BENCH_SHARD", CONFIG_TEXT, offsetof(struct settings, shard), "bench", 0, 0, "",
     false, "prefix of the keys"},
    {"batch", "BENCH_BATCH", CONFIG_INT, offsetof(struct settings, batch), "64", 1, BATCH_MAX,
     "decisions", false, "decisions a pipeline"},
    {"seconds", "BENCH_SECONDS", CONFIG_INT, offsetof(struct settings, seconds), "5", 1, 600, "s",
     false, "how long"},
    {"event-bytes", "BENCH_EVENT_BYTES", CONFIG_INT, offsetof(struct settings, event_bytes), "300",
     1, EVENT_BYTES_MAX, "bytes", false, "size of an event"},
};

struct bench {
    const struct settings *settings;
    struct redis_link *link;
    struct book *book;
    int64_t decided, busy_us;
    size_t outbox;
};

static const struct book_take TAKE = {.product_id = "bench-product", .quantity = 1};
static uint8_t event[EVENT_BYTES_MAX];
static uint8_t record[RECORD_BYTES];
static struct book_decision decisions[BATCH_MAX];
static struct book_settled done[SETTLE_THRESHOLD + BATCH_MAX];

static void stop_if(enum status status, const struct failure *failure);
static void open_book(struct bench *bench);
static void decide_batch(struct bench *bench);
static void clear_outbox(struct bench *bench);

int main(int argc, char **argv)
{
    struct settings settings;
    struct failure failure;
    stop_if(config_load(TABLE, sizeof TABLE / sizeof TABLE[0], &settings, argc, argv, &failure),
            &failure);
    struct bench bench = {.settings = &settings};
    open_book(&bench);
    int64_t until_us = settings.seconds * 1000000;
    while (bench.busy_us < until_us) {
        decide_batch(&bench);
        if (bench.outbox > SETTLE_THRESHOLD) {
            clear_outbox(&bench);
        }
    }
    clear_outbox(&bench);
    double seconds = (double)bench.busy_us / 1e6;
    (void)printf("{\"batch\":%" PRId64 ",\"event_bytes\":%" PRId64 ",\"decisions\":%" PRId64
                 ",\"seconds\":%.2f,\"decisions_per_second\":%.0f}\n",
                 settings.batch, settings.event_bytes, bench.decided, seconds,
                 (double)bench.decided / seconds);
    stop_if(book_open_begin(bench.book, &failure), &failure);
    book_destroy(&bench.book);
    redis_link_destroy(&bench.link);
    return 0;
}

static void stop_if(enum status status, const struct failure *failure)
{
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "bench_decide: %s\n", failure->message);
        exit(1);
    }
}

static void open_book(struct bench *bench)
{
    struct failure failure;
    const struct redis_link_options options = {.url = bench->settings->redis_url,
                                               .connect_timeout_ms = TIMEOUT_MS,
                                               .command_timeout_ms = TIMEOUT_MS,
                                               .clock = clock_system()};
    stop_if(redis_link_create(&options, &bench->link, &failure), &failure);
    struct book_limits limits = BOOK_LIMITS_DEFAULT;
    limits.outbox_max = 10 * SETTLE_THRESHOLD;
    limits.record_ttl_ms = 1;
    bench->book = book_create(bench->link, bench->settings->shard, &limits);
    if (bench->book == NULL) {
        exit(1);
    }
    const struct book_take stock = {.product_id = TAKE.product_id, .quantity = INT64_C(1) << 50};
    stop_if(book_open_begin(bench->book, &failure), &failure);
    stop_if(book_open_load(bench->book, &stock, 1, &failure), &failure);
    stop_if(book_open_end(bench->book, EPOCH, &failure), &failure);
}

static void decide_batch(struct bench *bench)
{
    size_t count = (size_t)bench->settings->batch;
    for (size_t i = 0; i < count; i++) {
        decisions[i] = (struct book_decision){
            .record_id = uuid_v7(clock_system()),
            .takes = &TAKE,
            .take_count = 1,
            .event_id = uuid_v7(clock_system()),
            .event = bytes_of(event, (size_t)bench->settings->event_bytes),
            .record = bytes_of(record, sizeof record),
        };
    }
    int64_t start_us = clock_monotonic_us(clock_system());
    book_decide(bench->book, decisions, count, 0);
    bench->busy_us += clock_monotonic_us(clock_system()) - start_us;
    for (size_t i = 0; i < count; i++) {
        if (decisions[i].outcome != BOOK_DECIDED) {
            (void)fprintf(stderr, "bench_decide: outcome %d: %s\n", (int)decisions[i].outcome,
                          decisions[i].outcome == BOOK_FAILED ? decisions[i].failure.message : "");
            exit(1);
        }
        done[bench->outbox++] = (struct book_settled){.event_id = decisions[i].event_id,
                                                      .record_id = decisions[i].record_id};
    }
    bench->decided += (int64_t)count;
}

/* What a worker does after its commit, but outside the measured time. */
static void clear_outbox(struct bench *bench)
{
    struct failure failure;
    for (size_t at = 0; at < bench->outbox; at += BATCH_MAX) {
        size_t count = bench->outbox - at < BATCH_MAX ? bench->outbox - at : BATCH_MAX;
        stop_if(book_settle(bench->book, done + at, count, (struct bytes){0}, &failure), &failure);
    }
    bench->outbox = 0;
}
