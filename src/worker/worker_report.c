/* See worker_report.h. */
#include "worker/worker_report.h"

#include "base/log.h"

#define LINE_EVERY_MS 1000

const int64_t worker_batch_bounds_us[WORKER_BATCH_BOUNDS] = {
    1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000, 30000000};

static void add_totals(struct worker_report *report);
static void log_event(enum log_level level, const char *what, const struct event *event);

void worker_report_init(struct worker_report *report, int64_t lane, int64_t now_ms)
{
    memset(report, 0, sizeof *report);
    report->lane = lane;
    report->last_ms = now_ms;
}

void worker_report_write(struct worker_report *report, const struct event_write *write)
{
    for (size_t i = 0; i < write->event_count; i++) {
        enum event_outcome outcome = write->events[i].outcome;
        report->outcomes[outcome]++;
        if (outcome == EVENT_REJECTED) {
            log_event(LOG_ERROR, "rejected: no such units, or against the order",
                      write->events[i].event);
        } else if (outcome == EVENT_LATE) {
            log_event(LOG_WARN, "late: stored after its epoch", write->events[i].event);
        } else if (outcome == EVENT_LAPSED) {
            log_event(LOG_WARN, "lapsed: it came after its epoch", write->events[i].event);
        } else if (outcome == EVENT_DOUBLE) {
            log_event(LOG_WARN, "decided twice: what it took is given back",
                      write->events[i].event);
        }
    }
    report->folded += (int64_t)write->folded;
    if (write->refused > 0) {
        log_line(LOG_ERROR, "rejected: events that had waited contradict their orders", "count",
                 LOG_INT(write->refused), NULL);
    }
}

/* The last bit of "00-...-01". */
static bool is_sampled(const char *traceparent)
{
    return strchr("13579bdf", traceparent[strlen(traceparent) - 1]) != NULL;
}

void worker_report_batch(struct worker_report *report, const struct broker_delivery *messages,
                         size_t count, int64_t took_us)
{
    size_t bound = 0;
    while (bound < WORKER_BATCH_BOUNDS && took_us > worker_batch_bounds_us[bound]) {
        bound++;
    }
    (void)atomic_fetch_add(&report->totals.batch_times[bound], 1);
    (void)atomic_fetch_add(&report->totals.batch_us, took_us);
    report->batches++;
    report->messages += (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        const struct broker_delivery *message = &messages[i];
        if (message->traceparent[0] != '\0') {
            log_line(is_sampled(message->traceparent) ? LOG_INFO : LOG_DEBUG, "message persisted",
                     "message_id", message->message_id, "routing_key", message->routing_key,
                     "traceparent", message->traceparent, NULL);
        }
    }
}

void worker_report_letter(struct worker_report *report, const struct dead_letter *letter)
{
    report->dead++;
    log_line(LOG_ERROR, "dead letter", "reason", letter->reason, "message", letter->message,
             "message_id", letter->message_id, "routing_key", letter->routing_key, NULL);
}

void worker_report_trouble(struct worker_report *report, enum worker_trouble trouble,
                           const struct failure *failure, const char *detail, int64_t now_ms)
{
    static const char *const NAMES[] = {"rabbitmq", "postgresql", "redis"};
    bool was_on = report->troubles[trouble].on;
    if (failure != NULL && !was_on) {
        report->troubles[trouble].on = true;
        atomic_store(&report->totals.troubles[trouble], true);
        report->troubles[trouble].since_ms = now_ms;
        log_line(LOG_WARN, "trouble", "with", NAMES[trouble], "lane", LOG_INT(report->lane),
                 "status", status_name(failure->code), "reason", failure->reason, "message",
                 failure->message, "detail", detail, NULL);
    }
    if (failure == NULL && was_on) {
        report->troubles[trouble].on = false;
        atomic_store(&report->totals.troubles[trouble], false);
        log_line(LOG_INFO, "trouble over", "with", NAMES[trouble], "lane", LOG_INT(report->lane),
                 "after_ms", LOG_INT(now_ms - report->troubles[trouble].since_ms), NULL);
    }
}

void worker_report_line(struct worker_report *report, int64_t now_ms, bool now)
{
    if (!now && now_ms - report->last_ms < LINE_EVERY_MS) {
        return;
    }
    if (report->batches > 0 || report->dead > 0 || report->folded > 0) {
        const int64_t *outcomes = report->outcomes;
        log_line(LOG_INFO, "persisted", "lane", LOG_INT(report->lane), "events",
                 LOG_INT(outcomes[EVENT_STORED] + outcomes[EVENT_LATE]), "messages",
                 LOG_INT(report->messages), "batches", LOG_INT(report->batches), "duplicates",
                 LOG_INT(outcomes[EVENT_DUPLICATE] + outcomes[EVENT_STALE]), "doubles",
                 LOG_INT(outcomes[EVENT_DOUBLE]), "waiting", LOG_INT(outcomes[EVENT_WAITING]),
                 "folded", LOG_INT(report->folded), "late", LOG_INT(outcomes[EVENT_LATE]), "lapsed",
                 LOG_INT(outcomes[EVENT_LAPSED]), "rejected", LOG_INT(outcomes[EVENT_REJECTED]),
                 "dead", LOG_INT(report->dead), NULL);
    }
    add_totals(report);
    report->last_ms = now_ms;
    report->batches = 0;
    report->messages = 0;
    report->dead = 0;
    report->folded = 0;
    memset(report->outcomes, 0, sizeof report->outcomes);
}

static void add_totals(struct worker_report *report)
{
    struct worker_totals *totals = &report->totals;
    (void)atomic_fetch_add(&totals->batches, report->batches);
    (void)atomic_fetch_add(&totals->messages, report->messages);
    (void)atomic_fetch_add(&totals->dead, report->dead);
    (void)atomic_fetch_add(&totals->folded, report->folded);
    for (size_t i = 0; i < EVENT_OUTCOME_COUNT; i++) {
        (void)atomic_fetch_add(&totals->outcomes[i], report->outcomes[i]);
    }
}

static void log_event(enum log_level level, const char *what, const struct event *event)
{
    char event_id[UUID_TEXT_BYTES], subject_id[UUID_TEXT_BYTES];
    uuid_print(&event->event_id, event_id);
    bool is_stock = event->kind == EVENT_STOCK_ADJUSTED;
    uuid_print(is_stock ? &event->adjustment.adjustment_id : &event->order.order_id, subject_id);
    log_line(level, what, "kind", event_codec_routing_key(event->kind), "event_id", event_id,
             is_stock ? "adjustment_id" : "order_id", subject_id, "epoch", LOG_INT(event->epoch),
             "call_id", event->call_id, NULL);
}
