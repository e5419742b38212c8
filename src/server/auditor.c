/* See auditor.h. */
#include "server/auditor.h"

#include <string.h>

#include "base/log.h"
#include "server/audit.h"
#include "server/audit_books.h"
#include "server/refusals.h"
#include "server/store_fitness.h"

#define ROUND_MS 1000
/* PostgreSQL's own books take a look at every line: seldom. */
#define BOOKS_MS       600000
#define BOOKS_AGAIN_MS 60000 /* after a failure */
#define BOOKS_TIME_MS  30000 /* of a step */
#define BOOKS_LINES    100   /* in the log; all are counted */

static void gauge(struct shop_lane *lane);
static bool judge(struct shop_lane *lane, const struct audit_slice *slice);
static void fence(struct shop_lane *lane);
static void end_walk(struct shop_lane *lane);
static void look_for_waiting(struct shop_lane *lane);
static void begin_books(struct shop_lane *lane);
static enum relay_pace step_books(struct shop_lane *lane);
static void end_books(struct shop_lane *lane);
static void close_books(struct audit_walk *walk);
static void found_wrong(void *state, const struct audit_book *book);

enum relay_pace auditor_round(struct shop_lane *lane)
{
    struct audit_walk *walk = &lane->walk;
    int64_t now_ms = clock_monotonic_ms(lane->clock);
    if (now_ms < walk->next_ms) {
        return walk->books != NULL ? step_books(lane) : RELAY_IDLE;
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
    int64_t now_ms = clock_monotonic_ms(lane->clock);
    walk->after[0] = '\0';
    atomic_store(&lane->options->audit->drift_units,
                 walk->drift_units + walk->last_books_drift_units);
    look_for_waiting(lane);
    atomic_store(&lane->options->audit->walked_ms, now_ms);
    walk->drift_units = 0;
    if (walk->books == NULL && now_ms >= walk->next_books_ms) {
        begin_books(lane);
    }
}

/* A line when there are more than in the walk before. */
static void look_for_waiting(struct shop_lane *lane)
{
    struct audit_gauges *audit = lane->options->audit;
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms;
    struct audit_waiting *waiting;
    struct failure failure;
    size_t count;
    arena_reset(&lane->arena);
    if (audit_read_waiting(lane->postgres, AUDIT_WAITING_MAX, &lane->arena, deadline_ms, &waiting,
                           &count, &failure) != STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        return;
    }
    if ((int64_t)count > atomic_exchange(&audit->waiting_orders, (int64_t)count)) {
        char order_id[UUID_TEXT_BYTES];
        uuid_print(&waiting[0].order_id, order_id);
        log_line(LOG_WARN, "audit: changes wait for one before them that does not come", "order_id",
                 order_id, "version", LOG_INT(waiting[0].version), "waiting_version",
                 LOG_INT(waiting[0].waiting_version), "orders", LOG_INT((int64_t)count), NULL);
    }
}

/* A step a round, over a connection of its own: it stays at one moment of PostgreSQL, while slices
 * of Redis are compared in between. */
static void begin_books(struct shop_lane *lane)
{
    struct audit_walk *walk = &lane->walk;
    struct postgres_link_options link = shop_lane_postgres(lane->options);
    struct audit_books_options options = {
        .products_max = AUDIT_BOOKS_PRODUCTS_MAX,
        .orders_max = AUDIT_BOOKS_ORDERS_MAX,
        .found = found_wrong,
        .state = walk,
    };
    struct failure failure;
    walk->next_books_ms = clock_monotonic_ms(lane->clock) + BOOKS_AGAIN_MS;
    walk->books_found = walk->books_drift_units = 0;
    walk->books_link = postgres_link_create(&link);
    enum status status = walk->books_link != NULL
                             ? audit_books_begin(walk->books_link, &options, &walk->books, &failure)
                             : refuse_overloaded(&failure);
    if (status != STATUS_OK) {
        postgres_link_destroy(&walk->books_link);
        log_line(LOG_WARN, "audit: PostgreSQL's own books were not read", "reason", failure.reason,
                 NULL);
    }
}

static enum relay_pace step_books(struct shop_lane *lane)
{
    struct audit_walk *walk = &lane->walk;
    struct failure failure;
    bool done = false;
    if (audit_books_step(walk->books, clock_monotonic_ms(lane->clock) + BOOKS_TIME_MS, &done,
                         &failure) != STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        close_books(walk);
        return RELAY_IDLE;
    }
    if (done) {
        end_books(lane);
    }
    return RELAY_WORKED;
}

static void end_books(struct shop_lane *lane)
{
    struct audit_walk *walk = &lane->walk;
    struct audit_gauges *audit = lane->options->audit;
    int64_t now_ms = clock_monotonic_ms(lane->clock);
    close_books(walk);
    outage_over(&lane->postgres_outage, lane->clock);
    (void)atomic_fetch_add(&audit->drift_units,
                           walk->books_drift_units - walk->last_books_drift_units);
    walk->last_books_drift_units = walk->books_drift_units;
    walk->next_books_ms = now_ms + BOOKS_MS;
    atomic_store(&audit->books_ms, now_ms);
    if (walk->books_found > BOOKS_LINES) {
        log_line(LOG_ERROR, "audit: more products are wrong in PostgreSQL than were named",
                 "products", LOG_INT(walk->books_found), NULL);
    }
}

static void close_books(struct audit_walk *walk)
{
    audit_books_destroy(&walk->books);
    postgres_link_destroy(&walk->books_link);
}

static void found_wrong(void *state, const struct audit_book *book)
{
    struct audit_walk *walk = state;
    walk->books_drift_units += audit_book_drift(book);
    if (walk->books_found++ >= BOOKS_LINES) {
        return;
    }
    if (book->on_hand != book->moved_on_hand) {
        log_line(LOG_ERROR, "audit: on_hand is not the sum of its movements", "product_id",
                 book->product_id, "expected", LOG_INT(book->moved_on_hand), "found",
                 LOG_INT(book->on_hand), NULL);
    }
    if (book->reserved != book->moved_reserved) {
        log_line(LOG_ERROR, "audit: reserved is not the sum of its movements", "product_id",
                 book->product_id, "expected", LOG_INT(book->moved_reserved), "found",
                 LOG_INT(book->reserved), NULL);
    }
    if (book->reserved != book->open) {
        log_line(LOG_ERROR, "audit: reserved is not the sum of the open lines", "product_id",
                 book->product_id, "expected", LOG_INT(book->open), "found",
                 LOG_INT(book->reserved), NULL);
    }
}
