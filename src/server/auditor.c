/* See auditor.h. */
#include "server/auditor.h"

#include <string.h>

#include "base/log.h"
#include "server/audit.h"
#include "server/store_fitness.h"

#define ROUND_MS 1000
/* PostgreSQL's own books take a look at every line: seldom. */
#define BOOKS_MS      600000
#define BOOKS_MOST    100
#define BOOKS_TIME_MS 30000

static void gauge(struct shop_lane *lane);
static bool judge(struct shop_lane *lane, const struct audit_slice *slice);
static void fence(struct shop_lane *lane);
static void end_walk(struct shop_lane *lane);
static void check_books(struct shop_lane *lane);

enum relay_pace auditor_round(struct shop_lane *lane)
{
    struct audit_walk *walk = &lane->walk;
    int64_t now_ms = clock_monotonic_ms(lane->clock);
    if (now_ms < walk->next_ms) {
        return RELAY_IDLE;
    }
    walk->next_ms = now_ms + ROUND_MS;
    store_fitness_step(lane);
    gauge(lane);
    struct audit_slice slice;
    struct failure failure;
    arena_reset(&lane->arena);
    enum status status = audit_slice(lane, walk->after, AUDIT_SLICE_MAX, &slice, &failure);
    if (status != STATUS_OK) { /* a store is away, or stock is being loaded: later */
        return RELAY_IDLE;
    }
    if (!judge(lane, &slice)) {
        fence(lane);
        return RELAY_IDLE;
    }
    if (slice.count < AUDIT_SLICE_MAX) {
        end_walk(lane);
        return RELAY_IDLE;
    }
    const char *last = slice.products[slice.count - 1].product_id;
    memcpy(walk->after, last, strlen(last) + 1);
    return RELAY_IDLE;
}

static void gauge(struct shop_lane *lane)
{
    struct audit_gauges *audit = lane->options->audit;
    struct book_gauges gauges;
    struct failure failure;
    if (book_gauges(lane->book, &gauges, &failure) == STATUS_OK) {
        atomic_store(&audit->outbox, gauges.outbox);
        atomic_store(&audit->unpublished_ms, gauges.oldest_unconfirmed_ms);
        atomic_store(&audit->unpersisted_ms, gauges.oldest_unpersisted_ms);
    }
}

/* False: Redis would sell what is not there. */
static bool judge(struct shop_lane *lane, const struct audit_slice *slice)
{
    int64_t high = 0;
    for (size_t i = 0; i < slice->count; i++) {
        const struct audit_product *product = &slice->products[i];
        high += product->high;
        lane->walk.drift_units += product->low;
        if (product->high > 0 || product->low > 0) {
            log_line(product->high > 0 ? LOG_ERROR : LOG_WARN,
                     product->high > 0 ? "audit: too many units in Redis"
                                       : "audit: too few units in Redis",
                     "product_id", product->product_id, "in_redis", LOG_INT(product->available),
                     "units", LOG_INT(product->high > 0 ? product->high : product->low), NULL);
        }
    }
    (void)atomic_fetch_add(&lane->options->audit->oversold_units, high);
    return high == 0;
}

static void fence(struct shop_lane *lane)
{
    struct stock_pass pass;
    struct failure failure;
    if (!stock_gate_enter(lane->options->gate, &pass)) {
        return;
    }
    if (book_open_begin(lane->book, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return;
    }
    log_line(LOG_ERROR, "stock fenced by the audit", "epoch", LOG_INT(pass.epoch), NULL);
    stock_gate_suspect(lane->options->gate, pass.epoch);
}

static void end_walk(struct shop_lane *lane)
{
    struct audit_walk *walk = &lane->walk;
    walk->after[0] = '\0';
    check_books(lane);
    atomic_store(&lane->options->audit->drift_units, walk->drift_units);
    atomic_store(&lane->options->audit->walked_ms, clock_monotonic_ms(lane->clock));
    walk->drift_units = 0;
}

static void check_books(struct shop_lane *lane)
{
    int64_t now_ms = clock_monotonic_ms(lane->clock);
    struct audit_reserved *wrong;
    size_t count;
    struct failure failure;
    if (now_ms < lane->walk.books_ms) {
        return;
    }
    lane->walk.books_ms = now_ms + BOOKS_MS;
    arena_reset(&lane->arena);
    if (audit_books(lane->postgres, BOOKS_MOST, &lane->arena, now_ms + BOOKS_TIME_MS, &wrong,
                    &count, &failure) != STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t units = wrong[i].reserved - wrong[i].open;
        lane->walk.drift_units += units > 0 ? units : -units;
        log_line(LOG_ERROR, "audit: reserved is not the sum of the open lines", "product_id",
                 wrong[i].product_id, "reserved", LOG_INT(wrong[i].reserved), "open",
                 LOG_INT(wrong[i].open), NULL);
    }
}
