/* See shop_lane.h. */
#include "server/shop_lane.h"

#include <stdlib.h>

#include "postgres/postgres_link.h"
#include "redis/book.h"
#include "redis/redis_link.h"
#include "server/audit_books.h"
#include "server/refusals.h"

/* The usual batch fits into the first chunk; the largest one (every call with 2,000 lines) does not
 * fit into the limit, and then the last of its calls are refused as overload. */
#define BATCH_FIRST_BYTES (1024 * 1024)
#define BATCH_LIMIT_BYTES (128 * 1024 * 1024)

static bool open_stores(struct shop_lane *lane, struct failure *failure);
static bool open_redis(const struct lane_options *options, const char *url, int64_t timeout_ms,
                       struct redis_link **link_out, struct failure *failure);

void *shop_lane_open_read(void *context, struct failure *failure)
{
    const struct lane_options *options = context;
    struct shop_lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL) {
        (void)failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
        return NULL;
    }
    lane->options = options;
    lane->clock = options->clock;
    arena_init(&lane->arena, BATCH_FIRST_BYTES, BATCH_LIMIT_BYTES);
    lane->redis_outage.store = STORE_REDIS;
    lane->postgres_outage.store = STORE_POSTGRES;
    lane->rabbitmq_outage.store = STORE_RABBITMQ;
    if (!open_stores(lane, failure)) {
        shop_lane_close(lane);
        return NULL;
    }
    product_source_init(&lane->products, lane->cache, lane->postgres, lane->clock);
    return lane;
}

void *shop_lane_open_write(void *context, struct failure *failure)
{
    struct shop_lane *lane = shop_lane_open_read(context, failure);
    if (lane == NULL) {
        return NULL;
    }
    lane->publisher = broker_publisher_create(&lane->options->broker);
    if (lane->publisher == NULL) {
        (void)failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
        shop_lane_close(lane);
        return NULL;
    }
    return lane;
}

static bool open_stores(struct shop_lane *lane, struct failure *failure)
{
    const struct lane_options *options = lane->options;
    if (!open_redis(options, options->redis_url, options->redis_timeout_ms, &lane->redis,
                    failure) ||
        !open_redis(options, options->cache_url, options->cache_timeout_ms, &lane->cache_redis,
                    failure)) {
        return false;
    }
    struct postgres_link_options postgres = shop_lane_postgres(options);
    struct product_cache_options cache = {
        .link = lane->cache_redis,
        .clock = options->clock,
        .ttl_ms = options->product_ttl_ms,
        .missing_ttl_ms = options->missing_product_ttl_ms,
    };
    lane->book = book_create(lane->redis, options->shard, &options->limits);
    lane->cache = product_cache_create(&cache);
    lane->postgres = postgres_link_create(&postgres);
    postgres_fitness_init(&lane->fitness, &postgres);
    if (lane->book == NULL || lane->cache == NULL || lane->postgres == NULL) {
        (void)failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
        return false;
    }
    return true;
}

struct postgres_link_options shop_lane_postgres(const struct lane_options *options)
{
    return (struct postgres_link_options){
        .url = options->database_url,
        .connect_timeout_ms = options->connect_timeout_ms,
        .statement_timeout_ms = options->postgres_timeout_ms,
        .application_name = "order-server",
        .clock = options->clock,
    };
}

static bool open_redis(const struct lane_options *options, const char *url, int64_t timeout_ms,
                       struct redis_link **link_out, struct failure *failure)
{
    struct redis_link_options redis = {
        .url = url,
        .connect_timeout_ms = options->connect_timeout_ms,
        .command_timeout_ms = timeout_ms,
        .clock = options->clock,
    };
    return redis_link_create(&redis, link_out, failure) == STATUS_OK;
}

void shop_lane_close(void *state)
{
    struct shop_lane *lane = state;
    if (lane == NULL) {
        return;
    }
    broker_publisher_destroy(&lane->publisher);
    postgres_fitness_fini(&lane->fitness);
    audit_books_destroy(&lane->walk.books);
    postgres_link_destroy(&lane->walk.books_link);
    postgres_link_destroy(&lane->postgres);
    product_cache_destroy(&lane->cache);
    redis_link_destroy(&lane->cache_redis);
    book_destroy(&lane->book);
    redis_link_destroy(&lane->redis);
    arena_fini(&lane->arena);
    free(lane);
}

void shop_lane_idle(void *state)
{
    struct shop_lane *lane = state;
    broker_publisher_idle(lane->publisher);
}

int64_t shop_lane_deadline_ms(const struct shop_lane *lane, struct rpc_call *const *calls,
                              size_t count, int64_t most_ms)
{
    int64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t deadline = rpc_call_deadline_ms(calls[i]);
        last = deadline > last ? deadline : last;
    }
    int64_t most = clock_monotonic_ms(lane->clock) + most_ms;
    return last < most ? last : most;
}

enum status shop_lane_blame(struct shop_lane *lane, struct outage *outage,
                            const struct failure *cause, struct failure *failure)
{
    outage_note(outage, lane->clock, cause);
    return refuse_for_store(failure, outage->store, cause);
}

enum status shop_lane_still_open(struct shop_lane *lane, int64_t epoch, struct failure *failure)
{
    struct failure cause;
    bool open = false;
    if (book_check(lane->book, epoch, &open, &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->redis_outage, &cause, failure);
    }
    if (!open) {
        stock_gate_suspect(lane->options->gate, epoch);
        return refuse_fenced(failure);
    }
    return STATUS_OK;
}
