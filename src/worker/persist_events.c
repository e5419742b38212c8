/* See persist_events.h. */
#include "worker/persist_events.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "base/stop.h"

#define BACKOFF_BASE_MS 50
#define BACKOFF_MOST_MS 2000
#define SWEEP_MOST      1000 /* one script call in Redis stays far below a millisecond's worth */
#define FOLD_MOST       256
#define REQUEUED_MOST   64 /* a sweep */
/* Who took longer from the commit to here - the process was frozen - leaves it to the relay, which
 * asks PostgreSQL: it may be another one by now, and have been compared with what was settled. Far
 * below the server's FAILOVER_LATE_MS. */
#define SETTLE_MOST_MS 5000

/* While stock is loaded anew: a moment, unless workers stand still. */
#define QUIET_POLL_MS 100

enum taken {
    TAKEN,
    TAKEN_NOTHING, /* the queue is empty, and nothing is held */
    NOT_CONNECTED,
};

enum written {
    WRITTEN, /* all of it is committed */
    FAULTY,  /* one of the events cannot be stored */
    GAVE_UP, /* PostgreSQL is away, or we are asked to stop: nothing may be acknowledged */
};

static void await_store(struct persist *persist);
static void let_go_if_asked(struct persist *persist);
static void acknowledge(struct persist *persist);
static enum taken take(struct persist *persist);
static bool persist_batch(struct persist *persist);
static bool write_batch(struct persist *persist);
static bool write_apart(struct persist *persist);
static enum written write_patiently(struct persist *persist, struct event_write *write,
                                    struct failure *failure);
static bool bury(struct persist *persist, const struct event *event, const struct failure *why);
static void settle(struct persist *persist);
static void apply(struct persist *persist, const struct event_write *write);
static void sweep(struct persist *persist);
static void fold(struct persist *persist);
static void store_requeued(struct persist *persist);
static enum status store_letter(struct persist *persist, const struct requeued_letter *letter,
                                struct failure *failure);
static void note(struct persist *persist, enum worker_trouble trouble, enum status status,
                 const struct failure *failure);
static void refuse(struct persist *persist, const struct failure *failure);

static int64_t now_ms(const struct persist *persist)
{
    return clock_monotonic_ms(persist->clock);
}

bool persist_begin(struct persist *persist)
{
    while (!stop_requested() && !persist->refused) {
        struct failure failure;
        enum status status = event_store_fits(persist->store, &failure);
        note(persist, TROUBLE_STORE, status, &failure);
        if (status == STATUS_OK) {
            persist->attempts = 0;
            return true;
        }
        if (status == STATUS_FAILED_PRECONDITION) {
            refuse(persist, &failure);
        } else {
            (void)stop_wait(clock_backoff_ms(persist->clock, persist->attempts++, BACKOFF_BASE_MS,
                                             BACKOFF_MOST_MS));
        }
    }
    return false;
}

/* The trouble may have begun as another one, of which the log has told. */
static void refuse(struct persist *persist, const struct failure *failure)
{
    persist->refused = true;
    log_line(LOG_ERROR, "refused", "reason", failure->reason, "message", failure->message, NULL);
}

void persist_step(struct persist *persist)
{
    if (persist->stands_back) {
        await_store(persist);
        return;
    }
    switch (take(persist)) {
    case NOT_CONNECTED:
        break;
    case TAKEN_NOTHING:
        let_go_if_asked(persist);
        break;
    case TAKEN:
        if (!persist_batch(persist)) {
            return;
        }
        break;
    }
    sweep(persist);
    worker_report_line(persist->report, now_ms(persist), false);
}

/* False: given up, nothing is held any more. */
static bool persist_batch(struct persist *persist)
{
    int64_t since_us = clock_monotonic_us(persist->clock);
    bool early = CANARY("ack_before_commit");
    if (early) {
        acknowledge(persist);
    }
    persist->committed_ms = 0;
    bool stored = persist->inbox->parked ? write_apart(persist) : write_batch(persist);
    if (!stored) {
        inbox_release(persist->inbox);
        persist->stands_back = true;
        return false;
    }
    FAILPOINT("after_commit");
    if (!early) {
        acknowledge(persist);
    }
    FAILPOINT("after_ack");
    settle(persist);
    apply(persist, &persist->written);
    FAILPOINT("after_settle");
    worker_report_batch(persist->report, persist->inbox->messages, persist->inbox->batch.messages,
                        clock_monotonic_us(persist->clock) - since_us);
    return true;
}

/* Whoever loads stock anew asks for it when the queue is empty, and has to see that no worker holds
 * anything. Closing the connection shows it; nothing is taken until the stock is loaded. */
static void let_go_if_asked(struct persist *persist)
{
    bool quiet = false;
    struct failure failure;
    enum status status = event_store_ready(persist->store, &quiet, &failure);
    note(persist, TROUBLE_STORE, status, &failure);
    if (status == STATUS_OK && quiet) {
        inbox_release(persist->inbox);
        persist->stands_back = true;
    }
}

static void acknowledge(struct persist *persist)
{
    struct failure failure;
    enum status status = inbox_acknowledge(persist->inbox, &failure);
    note(persist, TROUBLE_BROKER, status, &failure);
}

/* Until PostgreSQL answers, and nobody asks for quiet, nothing is taken: what is not taken costs no
 * delivery attempt. */
static void await_store(struct persist *persist)
{
    bool quiet = false;
    struct failure failure;
    enum status status = event_store_ready(persist->store, &quiet, &failure);
    note(persist, TROUBLE_STORE, status, &failure);
    if (status != STATUS_OK) {
        (void)stop_wait(clock_backoff_ms(persist->clock, persist->attempts++, BACKOFF_BASE_MS,
                                         BACKOFF_MOST_MS));
        return;
    }
    persist->attempts = 0;
    if (quiet) {
        (void)stop_wait(QUIET_POLL_MS);
        return;
    }
    persist->stands_back = false;
}

static enum taken take(struct persist *persist)
{
    struct inbox *inbox = persist->inbox;
    struct failure failure;
    enum status status = inbox_take(inbox, persist->options.idle_ms, &failure);
    note(persist, TROUBLE_BROKER, status, &failure);
    persist->has_taken = persist->has_taken || status == STATUS_OK;
    if (status != STATUS_OK) {
        if (!persist->has_taken &&
            (status == STATUS_INVALID_ARGUMENT || status == STATUS_FAILED_PRECONDITION ||
             status == STATUS_PERMISSION_DENIED)) {
            refuse(persist, &failure);
        }
        int64_t wait_ms = failure.retry_delay_ms > 0 ? failure.retry_delay_ms : BACKOFF_BASE_MS;
        (void)stop_wait(wait_ms);
        return NOT_CONNECTED;
    }
    for (size_t i = 0; i < inbox->letter_count; i++) {
        worker_report_letter(persist->report, &inbox->letters[i]);
    }
    return inbox->batch.messages > 0 ? TAKEN : TAKEN_NOTHING;
}

/* False: given up. */
static bool write_batch(struct persist *persist)
{
    struct inbox *inbox = persist->inbox;
    struct event_write write = {
        .events = inbox->events,
        .event_count = inbox->event_count,
        .letters = inbox->letters,
        .letter_count = inbox->letter_count,
    };
    struct failure failure;
    switch (write_patiently(persist, &write, &failure)) {
    case WRITTEN:
        persist->written = write;
        return true;
    case FAULTY:
        return write_apart(persist);
    case GAVE_UP:
        return false;
    }
    return false;
}

/* Each event in a transaction of its own, so that it shows which one is at fault. */
static bool write_apart(struct persist *persist)
{
    struct inbox *inbox = persist->inbox;
    struct event_write letters = {.letters = inbox->letters, .letter_count = inbox->letter_count};
    persist->written = (struct event_write){0};
    struct failure failure;
    if (inbox->letter_count > 0 && write_patiently(persist, &letters, &failure) != WRITTEN) {
        return false;
    }
    for (size_t i = 0; i < inbox->event_count; i++) {
        struct event_write write = {.events = &inbox->events[i], .event_count = 1};
        enum written written = write_patiently(persist, &write, &failure);
        if (written == GAVE_UP ||
            (written == FAULTY && !bury(persist, inbox->events[i].event, &failure))) {
            return false;
        }
        if (written == WRITTEN) {
            apply(persist, &write);
        }
    }
    return true;
}

static bool bury(struct persist *persist, const struct event *event, const struct failure *why)
{
    struct dead_letter letter = {
        .reason = why->reason,
        .message = why->message,
        .routing_key = event_codec_routing_key(event->kind),
        .message_id = "",
        .body = event->encoded,
        .event = event,
    };
    worker_report_letter(persist->report, &letter);
    struct event_write write = {.letters = &letter, .letter_count = 1};
    struct failure failure;
    return write_patiently(persist, &write, &failure) == WRITTEN;
}

static bool is_transient(enum status status)
{
    return status == STATUS_UNAVAILABLE || status == STATUS_UNKNOWN ||
           status == STATUS_DEADLINE_EXCEEDED || status == STATUS_INTERNAL;
}

/* The whole transaction again, until PostgreSQL has it or the batch has been held long enough. That
 * it may have been committed already does not matter: written again, it changes nothing. */
static enum written write_patiently(struct persist *persist, struct event_write *write,
                                    struct failure *failure)
{
    int64_t since_ms = now_ms(persist);
    for (unsigned attempt = 0;; attempt++) {
        int64_t from_ms = now_ms(persist);
        enum status status = event_store_write(persist->store, write, failure);
        if (status == STATUS_OK) {
            if (persist->committed_ms == 0) {
                persist->committed_ms = from_ms;
            }
            note(persist, TROUBLE_STORE, STATUS_OK, NULL);
            worker_report_write(persist->report, write);
            return WRITTEN;
        }
        if (!is_transient(status)) {
            return FAULTY;
        }
        note(persist, TROUBLE_STORE, status, failure);
        if (now_ms(persist) - since_ms >= persist->options.hold_ms) {
            return GAVE_UP;
        }
        broker_consumer_idle(persist->inbox->consumer);
        if (stop_wait(
                clock_backoff_ms(persist->clock, attempt, BACKOFF_BASE_MS, BACKOFF_MOST_MS))) {
            return GAVE_UP;
        }
    }
}

/* What PostgreSQL has needs no outbox any more. Whatever the outcome was: a duplicate, too, may be
 * one whose first worker died before it came here. But what has lapsed is not stored, and a
 * change's id follows from its request: what the outbox has under it was decided again. */
static void settle(struct persist *persist)
{
    struct inbox *inbox = persist->inbox;
    struct book_settled *settled = arena_calloc(&inbox->arena, inbox->event_count, sizeof *settled);
    struct bytes *encoded = arena_alloc(&inbox->arena, inbox->event_count * sizeof *encoded);
    if (settled == NULL || encoded == NULL || inbox->event_count == 0 ||
        now_ms(persist) - persist->committed_ms > SETTLE_MOST_MS) {
        return; /* the relay will look */
    }
    size_t count = 0;
    for (size_t i = 0; i < inbox->event_count; i++) {
        const struct event *event = inbox->events[i].event;
        if (inbox->events[i].outcome != EVENT_LAPSED) {
            encoded[count] = event->encoded;
            settled[count].event_id = event->event_id;
            settled[count++].record_id = event->kind == EVENT_STOCK_ADJUSTED
                                             ? event->adjustment.adjustment_id
                                             : event->order.order_id;
        }
    }
    struct bytes batch = event_codec_join(encoded, count, &inbox->arena);
    if (batch.data == NULL || count == 0) {
        return;
    }
    struct failure failure;
    enum status status = book_settle(persist->book, settled, count, batch, &failure);
    note(persist, TROUBLE_BOOK, status, &failure);
}

static enum status apply_to_book(struct persist *persist, int64_t epoch,
                                 const struct book_delta *deltas, size_t count)
{
    if (book_epoch(persist->book) != epoch) {
        book_set_epoch(persist->book, epoch);
    }
    struct failure failure;
    enum status status = book_apply(persist->book, deltas, count, &failure);
    note(persist, TROUBLE_BOOK, status, &failure);
    return status;
}

/* Only after the commit: Redis may show less than there is, never more. */
static void apply(struct persist *persist, const struct event_write *write)
{
    if (write->delta_count == 0 ||
        apply_to_book(persist, write->epoch, write->deltas, write->delta_count) != STATUS_OK) {
        return;
    }
    struct failure failure;
    enum status status =
        event_store_forget_deltas(persist->store, write->deltas, write->delta_count, &failure);
    note(persist, TROUBLE_STORE, status, &failure);
}

/* What others, or we, left behind: Redis was away, or a worker died between commit and apply. */
static void sweep(struct persist *persist)
{
    if (now_ms(persist) < persist->next_sweep_ms) {
        return;
    }
    persist->next_sweep_ms = now_ms(persist) + persist->options.sweep_ms;
    struct event_sweep found;
    struct failure failure;
    enum status status = event_store_sweep_begin(persist->store, persist->options.sweep_age_ms,
                                                 SWEEP_MOST, &found, &failure);
    if (status == STATUS_OK) {
        bool applied = found.count == 0 ||
                       apply_to_book(persist, found.epoch, found.deltas, found.count) == STATUS_OK;
        if (applied && found.count == SWEEP_MOST) {
            persist->next_sweep_ms = 0;
        }
        status = event_store_sweep_end(persist->store, applied, &failure);
    }
    note(persist, TROUBLE_STORE, status, &failure);
    if (status == STATUS_OK) {
        fold(persist);
        store_requeued(persist);
    }
}

/* Events that waited, of writers that died between their commit and their second look. */
static void fold(struct persist *persist)
{
    struct event_write write;
    struct failure failure;
    enum status status = event_store_fold(persist->store, FOLD_MOST, &write, &failure);
    note(persist, TROUBLE_STORE, status, &failure);
    if (status == STATUS_OK) {
        worker_report_write(persist->report, &write);
        apply(persist, &write);
    }
}

/* Dead letters that somebody wants stored after all; what still cannot be is undecided again. */
static void store_requeued(struct persist *persist)
{
    for (int i = 0; i < REQUEUED_MOST; i++) {
        struct requeued_letter letter;
        struct failure failure;
        enum status status = event_store_next_letter(persist->store, &letter, &failure);
        if (status == STATUS_OK && letter.letter_id != 0) {
            status = store_letter(persist, &letter, &failure);
        }
        note(persist, TROUBLE_STORE, status, &failure);
        if (status != STATUS_OK || letter.letter_id == 0) {
            return;
        }
    }
}

static enum status store_letter(struct persist *persist, const struct requeued_letter *letter,
                                struct failure *failure)
{
    struct stored_event stored = {.held = letter->held, .lasting = true};
    struct event_write write = {
        .events = &stored, .event_count = 1, .letter_id = letter->letter_id};
    struct event *event;
    arena_reset(&persist->inbox->arena); /* the batch is acknowledged and settled */
    struct bytes body = arena_copy(&persist->inbox->arena, letter->body);
    enum status status = event_codec_decode(body, &persist->inbox->arena, &event, failure);
    if (status == STATUS_OK) {
        stored.event = event;
        status = event_store_write(persist->store, &write, failure);
    }
    if (status == STATUS_OK) {
        worker_report_write(persist->report, &write);
        apply(persist, &write);
        return STATUS_OK;
    }
    struct failure why = *failure;
    return is_transient(status)
               ? status
               : event_store_return_letter(persist->store, letter->letter_id, &why, failure);
}

static void note(struct persist *persist, enum worker_trouble trouble, enum status status,
                 const struct failure *failure)
{
    const char *detail = trouble == TROUBLE_STORE ? event_store_detail(persist->store) : "";
    worker_report_trouble(persist->report, trouble, status == STATUS_OK ? NULL : failure, detail,
                          now_ms(persist));
}
