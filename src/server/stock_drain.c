/* See stock_drain.h. */
#include "server/stock_drain.h"

#include "base/log.h"
#include "redis/book.h"
#include "server/control.h"

/* Past T_pub, for clocks that tick apart and threads that wake late. */
#define FENCE_MARGIN_MS 500
#define POLL_MS         250
/* After this long the lock is given back, so that another server may try. */
#define MOST_MS   60000
#define REPORT_MS 5000
/* How often everything in the outbox is made due at once, instead of in its own time. */
#define HURRY_MS 5000
/* So long a change that PostgreSQL has, and could apply, is waited for: several sweeps. One that no
 * worker can apply must not keep the shop closed. */
#define READY_MOST_MS 20000
/* For the short statements. */
#define CONTROL_TIMEOUT_MS 2000
/* Of each queue: it must not get anything, and gives back what it got. */
#define WITNESS_PREFETCH 1

struct drain {
    struct shop_lane *lane;
    struct pause *pause;
    const atomic_bool *stopping;
    struct broker_consumer *witness;
    bool quiet; /* workers are asked to let go of the queue */
    int64_t from_ms, reported_ms;
    int64_t hurried_ms; /* when the outbox was made due last; 0 = not yet */
    int64_t outbox, ready;
};

static bool wait_until_silent(struct drain *drain);
static bool is_empty(struct drain *drain);
static bool has_ready(struct drain *drain);
static enum status hurry(struct drain *drain, struct failure *failure);
static bool is_silent(struct drain *drain);
static bool ask_quiet(struct drain *drain);
static bool has_got_something(struct drain *drain);
static void end_quiet(struct drain *drain);
static void report(struct drain *drain);
static bool rest(struct drain *drain, int64_t ms);

static int64_t now_ms(const struct drain *drain)
{
    return clock_monotonic_ms(drain->lane->clock);
}

bool stock_drain(struct shop_lane *lane, struct pause *pause, const atomic_bool *stopping)
{
    struct drain drain = {
        .lane = lane,
        .pause = pause,
        .stopping = stopping,
        .witness = broker_consumer_create(&lane->options->broker, WITNESS_PREFETCH),
    };
    if (drain.witness == NULL) {
        return false;
    }
    drain.from_ms = drain.reported_ms = now_ms(&drain);
    bool drained = rest(&drain, lane->options->publish_timeout_ms + FENCE_MARGIN_MS) &&
                   wait_until_silent(&drain);
    broker_consumer_destroy(&drain.witness);
    return drained;
}

/* One moment at which nothing is anywhere is enough: nothing is decided any more, so whatever is
 * published later was not accepted in time. */
static bool wait_until_silent(struct drain *drain)
{
    while (now_ms(drain) - drain->from_ms <= MOST_MS && stock_drain_leads(drain->lane)) {
        if (!is_empty(drain)) {
            end_quiet(drain);
        } else if (is_silent(drain)) {
            return true;
        }
        report(drain);
        if (!rest(drain, POLL_MS)) {
            return false;
        }
    }
    return false;
}

/* A store that does not answer is not drained. */
static bool is_empty(struct drain *drain)
{
    struct shop_lane *lane = drain->lane;
    struct book_gauges gauges;
    struct failure failure;
    int64_t consumers;
    drain->outbox = drain->ready = -1;
    if (hurry(drain, &failure) != STATUS_OK ||
        book_gauges(lane->book, &gauges, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return false;
    }
    outage_over(&lane->redis_outage, lane->clock);
    drain->outbox = gauges.outbox;
    if (broker_queue_depth(lane->publisher, &drain->ready, &consumers, &failure) != STATUS_OK) {
        outage_note(&lane->rabbitmq_outage, lane->clock, &failure);
        return false;
    }
    outage_over(&lane->rabbitmq_outage, lane->clock);
    return drain->outbox == 0 && drain->ready == 0 && !has_ready(drain);
}

/* Whoever reads the order in the next epoch would not see that change, and decide another one. */
static bool has_ready(struct drain *drain)
{
    struct shop_lane *lane = drain->lane;
    struct failure failure;
    bool ready = true;
    if (control_has_ready(lane->postgres, now_ms(drain) + CONTROL_TIMEOUT_MS, &ready, &failure) !=
        STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
    }
    return ready && now_ms(drain) - drain->from_ms < READY_MOST_MS;
}

static enum status hurry(struct drain *drain, struct failure *failure)
{
    if (drain->hurried_ms != 0 && now_ms(drain) - drain->hurried_ms < HURRY_MS) {
        return STATUS_OK;
    }
    drain->hurried_ms = now_ms(drain);
    return book_hurry(drain->lane->book, failure);
}

static bool is_silent(struct drain *drain)
{
    struct shop_lane *lane = drain->lane;
    struct failure failure;
    bool alone = false;
    if (!ask_quiet(drain)) {
        return false;
    }
    if (broker_consumer_alone(drain->witness, &alone, &failure) != STATUS_OK) {
        outage_note(&lane->rabbitmq_outage, lane->clock, &failure);
        return false;
    }
    if (!alone && has_got_something(drain)) {
        end_quiet(drain);
    }
    return alone;
}

static bool ask_quiet(struct drain *drain)
{
    struct shop_lane *lane = drain->lane;
    struct failure failure;
    if (!drain->quiet &&
        control_ask_quiet(lane->postgres, lane->options->shard, now_ms(drain) + CONTROL_TIMEOUT_MS,
                          &drain->quiet, &failure) != STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        drain->quiet = false;
    }
    return drain->quiet;
}

/* Something came back from a worker that let go, or died. The workers are to have it. */
static bool has_got_something(struct drain *drain)
{
    struct broker_delivery delivery;
    struct failure failure;
    bool got = false;
    if (broker_consume(drain->witness, 0, &delivery, &got, &failure) == STATUS_OK && got) {
        broker_delivery_free(&delivery);
    }
    return got;
}

/* The workers may come back. */
static void end_quiet(struct drain *drain)
{
    struct shop_lane *lane = drain->lane;
    broker_consumer_release(drain->witness);
    if (drain->quiet) {
        control_end_quiet(lane->postgres, lane->options->shard, now_ms(drain) + CONTROL_TIMEOUT_MS);
        drain->quiet = false;
    }
}

bool stock_drain_leads(struct shop_lane *lane)
{
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + CONTROL_TIMEOUT_MS;
    struct failure failure;
    bool leads;
    if (control_leads(lane->postgres, lane->options->shard, deadline_ms, &leads, &failure) !=
        STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        return false;
    }
    return leads;
}

static void report(struct drain *drain)
{
    if (now_ms(drain) - drain->reported_ms > REPORT_MS) {
        drain->reported_ms = now_ms(drain);
        log_line(LOG_WARN, "draining before stock is loaded", "outbox", LOG_INT(drain->outbox),
                 "queue", LOG_INT(drain->ready), "workers", drain->quiet ? "asked to let go" : "",
                 NULL);
    }
}

/* False when the program stops. */
static bool rest(struct drain *drain, int64_t ms)
{
    int64_t until_ms = now_ms(drain) + ms;
    for (int64_t left = ms; left > 0 && !atomic_load(drain->stopping);
         left = until_ms - now_ms(drain)) {
        pause_wait(drain->pause, left);
    }
    return !atomic_load(drain->stopping);
}
