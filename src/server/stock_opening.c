/* See stock_opening.h and the story in stock_opener.h. */
#include "server/stock_opening.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "redis/book.h"
#include "server/control.h"
#include "server/stock_drain.h"

/* For the short statements. */
#define CONTROL_TIMEOUT_MS 2000
/* A leader that has asked PostgreSQL nothing for this long stands still: several times what any
 * step between two questions may take. */
#define LEADER_SILENT_MS 15000

/* What an opening works with. */
struct opening_work {
    struct shop_lane *lane;
    struct pause *pause;
    const atomic_bool *stopping;
    struct control_state control;
    struct control_known known;
};

static enum status read_control(struct opening_work *work);
static enum opening open_gate(struct opening_work *work);
static void depose(struct opening_work *work);
static enum opening lead(struct opening_work *work);
static enum opening open_anew(struct opening_work *work);
static bool fence(struct opening_work *work);
static bool load(struct opening_work *work);
static bool is_open(struct opening_work *work, bool *open_out);
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
        depose(&work);
        return OPENING_NEEDED;
    }
    enum opening outcome = lead(&work);
    control_leave(lane->postgres, deadline_ms(&work));
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

/* Another server is at it, unless it stands still. */
static void depose(struct opening_work *work)
{
    struct shop_lane *lane = work->lane;
    struct failure failure;
    bool ended = false;
    if (control_depose(lane->postgres, lane->options->shard, LEADER_SILENT_MS, &lane->arena,
                       deadline_ms(work), &ended, &failure) != STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
    }
    if (ended) {
        log_line(LOG_WARN, "a server that stood still while it loaded stock has lost the lock",
                 NULL);
    }
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
    if (work->control.epoch > 0 && !stock_drain(work->lane, work->pause, work->stopping)) {
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
    if (book_highest_epoch(work->lane->book, &work->known.highest, &failure) != STATUS_OK ||
        book_open_begin(work->lane->book, &failure) != STATUS_OK) {
        outage_note(&work->lane->redis_outage, work->lane->clock, &failure);
        return false;
    }
    return true;
}

static bool load(struct opening_work *work)
{
    struct shop_lane *lane = work->lane;
    struct control_stock stock;
    struct failure failure;
    if (!stock_drain_leads(lane)) {
        return false;
    }
    if (book_read_store(lane->book, work->known.store, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return false;
    }
    if (control_advance(lane->postgres, lane->options->shard, &work->known, &lane->arena,
                        clock_monotonic_ms(lane->clock) + STOCK_OPENING_STATEMENT_MS,
                        &work->control, &stock, &failure) != STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        return false;
    }
    FAILPOINT("open_advanced");
    if (book_open_load(lane->book, stock.stock, stock.stock_count, &failure) != STATUS_OK ||
        book_open_rules(lane->book, stock.ruled, stock.ruled_count, &failure) != STATUS_OK ||
        book_open_bought(lane->book, stock.bought, stock.bought_count, &failure) != STATUS_OK ||
        book_open_holds(lane->book, stock.held, stock.held_count, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return false;
    }
    FAILPOINT("open_loaded");
    if (!stock_drain_leads(lane)) {
        return false;
    }
    if (book_open_end(lane->book, work->control.epoch, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return false;
    }
    return true;
}

static int64_t deadline_ms(const struct opening_work *work)
{
    return clock_monotonic_ms(work->lane->clock) + CONTROL_TIMEOUT_MS;
}
