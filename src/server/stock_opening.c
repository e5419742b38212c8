/* See stock_opening.h and the story in stock_opener.h. */
#include "server/stock_opening.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "redis/book.h"
#include "server/control.h"

/* Past T_pub, for clocks that tick apart and threads that wake late. */
#define FENCE_MARGIN_MS 500
/* The outbox and the queue are looked at this often, and count as empty after two looks in a row.
 */
#define DRAIN_POLL_MS 250
#define DRAIN_LOOKS   2
/* After this long the lock is given back, so that another server may try. */
#define DRAIN_MOST_MS   60000
#define DRAIN_REPORT_MS 5000
/* How often everything in the outbox is made due at once, instead of in its own time. */
#define DRAIN_HURRY_MS 5000
/* For the short statements. */
#define CONTROL_TIMEOUT_MS 2000

/* What an opening works with. */
struct opening_work {
    struct shop_lane *lane;
    struct pause *pause;
    const atomic_bool *stopping;
    struct control_state control;
    int64_t highest;    /* epoch that Redis knows of */
    int64_t hurried_ms; /* when the outbox was made due last; 0 = not yet */
};

static enum status read_control(struct opening_work *work);
static enum opening open_gate(struct opening_work *work);
static enum opening lead(struct opening_work *work);
static enum opening open_anew(struct opening_work *work);
static bool fence(struct opening_work *work);
static bool drain(struct opening_work *work);
static bool is_drained(struct opening_work *work, struct book_gauges *gauges_out,
                       int64_t *ready_out);
static enum status hurry(struct opening_work *work, struct failure *failure);
static bool still_leads(struct opening_work *work);
static bool load(struct opening_work *work);
static bool is_open(struct opening_work *work, bool *open_out);
static bool rest(struct opening_work *work, int64_t ms);
static int64_t deadline_ms(const struct opening_work *work);

enum opening stock_opening_look(struct shop_lane *lane)
{
    struct opening_work work = {.lane = lane};
    bool open;
    if (read_control(&work) != STATUS_OK || !is_open(&work, &open)) {
        return OPENING_FAILED;
    }
    if (open) {
        return open_gate(&work);
    }
    stock_gate_close(lane->options->gate);
    return OPENING_NEEDED;
}

enum opening stock_opening_lead(struct shop_lane *lane, struct pause *pause,
                                const atomic_bool *stopping)
{
    struct opening_work work = {.lane = lane, .pause = pause, .stopping = stopping};
    struct failure failure;
    bool leads;
    arena_reset(&lane->arena);
    if (control_try_lead(lane->postgres, lane->options->shard, deadline_ms(&work), &leads,
                         &failure) != STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        return OPENING_FAILED;
    }
    if (!leads) {
        return OPENING_NEEDED;
    }
    enum opening outcome = lead(&work);
    control_leave(lane->postgres, lane->options->shard, deadline_ms(&work));
    return outcome;
}

static enum status read_control(struct opening_work *work)
{
    struct shop_lane *lane = work->lane;
    struct failure failure;
    if (control_read(lane->postgres, lane->options->shard, deadline_ms(work), &work->control,
                     &failure) != STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        return failure.code;
    }
    outage_over(&lane->postgres_outage, lane->clock);
    return STATUS_OK;
}

/* False when Redis did not say. */
static bool is_open(struct opening_work *work, bool *open_out)
{
    struct shop_lane *lane = work->lane;
    struct failure failure;
    *open_out = false;
    if (work->control.epoch == 0) {
        return true;
    }
    if (book_check(lane->book, work->control.epoch, open_out, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return false;
    }
    outage_over(&lane->redis_outage, lane->clock);
    return true;
}

static enum opening open_gate(struct opening_work *work)
{
    struct stock_gate *gate = work->lane->options->gate;
    struct stock_pass pass,
        now = {
            .epoch = work->control.epoch,
            /* Before the first epoch nothing was ever decided. */
            .records_since_us = work->control.epoch == 1 ? 0 : work->control.update_time_us,
        };
    if (!stock_gate_enter(gate, &pass) || pass.epoch != now.epoch) {
        stock_gate_open(gate, &now);
        log_line(LOG_INFO, "stock open", "epoch", LOG_INT(now.epoch), NULL);
    }
    return OPENING_OPEN;
}

/* This server holds the lock. Whoever held it before may have done the work meanwhile. */
static enum opening lead(struct opening_work *work)
{
    bool open;
    if (read_control(work) != STATUS_OK || !is_open(work, &open)) {
        return OPENING_FAILED;
    }
    return open ? open_gate(work) : open_anew(work);
}

static enum opening open_anew(struct opening_work *work)
{
    int64_t from_ms = clock_monotonic_ms(work->lane->clock);
    log_line(LOG_WARN, "stock fenced", "epoch", LOG_INT(work->control.epoch), NULL);
    FAILPOINT("open_begin");
    if (!fence(work)) {
        return OPENING_FAILED;
    }
    FAILPOINT("open_fenced");
    /* Before the first epoch nothing was ever sold: there is nothing to wait for. */
    if (work->control.epoch > 0 && !drain(work)) {
        return OPENING_NEEDED;
    }
    FAILPOINT("open_drained");
    if (!load(work)) {
        return OPENING_FAILED;
    }
    log_line(LOG_INFO, "stock loaded", "epoch", LOG_INT(work->control.epoch), "ms",
             LOG_INT(clock_monotonic_ms(work->lane->clock) - from_ms), NULL);
    return open_gate(work);
}

static bool fence(struct opening_work *work)
{
    struct failure failure;
    if (book_highest_epoch(work->lane->book, &work->highest, &failure) != STATUS_OK ||
        book_open_begin(work->lane->book, &failure) != STATUS_OK) {
        outage_note(&work->lane->redis_outage, work->lane->clock, &failure);
        return false;
    }
    return true;
}

static bool drain(struct opening_work *work)
{
    const struct clock *clock = work->lane->clock;
    int64_t from_ms = clock_monotonic_ms(clock), reported_ms = from_ms;
    if (!rest(work, work->lane->options->publish_timeout_ms + FENCE_MARGIN_MS)) {
        return false;
    }
    int empty = 0;
    while (empty < DRAIN_LOOKS) {
        struct book_gauges gauges = {0};
        int64_t ready = -1, now_ms = clock_monotonic_ms(clock);
        empty = is_drained(work, &gauges, &ready) ? empty + 1 : 0;
        if (now_ms - from_ms > DRAIN_MOST_MS) {
            return false;
        }
        if (now_ms - reported_ms > DRAIN_REPORT_MS) {
            reported_ms = now_ms;
            log_line(LOG_WARN, "draining before stock is loaded", "outbox", LOG_INT(gauges.outbox),
                     "queue", LOG_INT(ready), NULL);
        }
        if (!rest(work, DRAIN_POLL_MS)) {
            return false;
        }
    }
    return true;
}

/* The relays publish what is left in the outbox; the workers empty the queue, then the outbox. A
 * store that does not answer is not drained. */
static bool is_drained(struct opening_work *work, struct book_gauges *gauges_out,
                       int64_t *ready_out)
{
    struct shop_lane *lane = work->lane;
    struct failure failure;
    int64_t consumers;
    if (hurry(work, &failure) != STATUS_OK ||
        book_gauges(lane->book, gauges_out, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return false;
    }
    outage_over(&lane->redis_outage, lane->clock);
    if (broker_queue_depth(lane->publisher, ready_out, &consumers, &failure) != STATUS_OK) {
        outage_note(&lane->rabbitmq_outage, lane->clock, &failure);
        return false;
    }
    outage_over(&lane->rabbitmq_outage, lane->clock);
    return gauges_out->outbox == 0 && *ready_out == 0;
}

static enum status hurry(struct opening_work *work, struct failure *failure)
{
    int64_t now_ms = clock_monotonic_ms(work->lane->clock);
    if (work->hurried_ms != 0 && now_ms - work->hurried_ms < DRAIN_HURRY_MS) {
        return STATUS_OK;
    }
    work->hurried_ms = now_ms;
    return book_hurry(work->lane->book, failure);
}

static bool load(struct opening_work *work)
{
    struct shop_lane *lane = work->lane;
    struct control_stock stock;
    struct failure failure;
    if (!still_leads(work)) {
        return false;
    }
    if (control_advance(lane->postgres, lane->options->shard, work->highest, &lane->arena,
                        clock_monotonic_ms(lane->clock) + STOCK_OPENING_STATEMENT_MS,
                        &work->control, &stock, &failure) != STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        return false;
    }
    FAILPOINT("open_advanced");
    if (book_open_load(lane->book, stock.stock, stock.stock_count, &failure) != STATUS_OK ||
        book_open_holds(lane->book, stock.held, stock.held_count, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return false;
    }
    FAILPOINT("open_loaded");
    if (!still_leads(work)) {
        return false;
    }
    if (book_open_end(lane->book, work->control.epoch, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return false;
    }
    return true;
}

static bool still_leads(struct opening_work *work)
{
    struct shop_lane *lane = work->lane;
    struct failure failure;
    bool leads;
    if (control_leads(lane->postgres, lane->options->shard, deadline_ms(work), &leads, &failure) !=
        STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        return false;
    }
    return leads;
}

/* False when the program stops. */
static bool rest(struct opening_work *work, int64_t ms)
{
    const struct clock *clock = work->lane->clock;
    int64_t until_ms = clock_monotonic_ms(clock) + ms;
    for (int64_t left = ms; left > 0 && !atomic_load(work->stopping);
         left = until_ms - clock_monotonic_ms(clock)) {
        pause_wait(work->pause, left);
    }
    return !atomic_load(work->stopping);
}

static int64_t deadline_ms(const struct opening_work *work)
{
    return clock_monotonic_ms(work->lane->clock) + CONTROL_TIMEOUT_MS;
}
