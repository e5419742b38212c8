/* Worker report: what a lane says in the log - once a second at most, and only when something
 * happened; troubles when they begin and when they end. */
#pragma once

#include <stdatomic.h>

#include "broker/broker.h"
#include "worker/event_store.h"

enum worker_trouble {
    TROUBLE_BROKER,
    TROUBLE_STORE,
    TROUBLE_BOOK,
    TROUBLE_COUNT,
};

/* How long batches take, in us: a commit on a good disk, up to a PostgreSQL that was away. */
#define WORKER_BATCH_BOUNDS 11
extern const int64_t worker_batch_bounds_us[WORKER_BATCH_BOUNDS];

/* Since the start; any thread may read it. */
struct worker_totals {
    _Atomic int64_t batches, messages, dead, folded, outcomes[EVENT_OUTCOME_COUNT];
    _Atomic int64_t batch_us, batch_times[WORKER_BATCH_BOUNDS + 1]; /* the last: above all bounds */
    atomic_bool troubles[TROUBLE_COUNT];
};

struct worker_report {
    struct worker_totals totals;
    int64_t lane;
    int64_t last_ms;
    int64_t batches, messages;
    int64_t outcomes[EVENT_OUTCOME_COUNT];
    int64_t dead, folded;
    struct {
        bool on;
        int64_t since_ms;
    } troubles[TROUBLE_COUNT];
};

void worker_report_init(struct worker_report *report, int64_t lane, int64_t now_ms);
/* A write was committed. Rejected and late events are worth a line each. */
void worker_report_write(struct worker_report *report, const struct event_write *write);
/* A batch was acknowledged and settled, took_us after it was taken. A message of a trace that is
 * sampled is worth a line. */
void worker_report_batch(struct worker_report *report, const struct broker_delivery *messages,
                         size_t count, int64_t took_us);
void worker_report_letter(struct worker_report *report, const struct dead_letter *letter);
/* `failure` NULL: it works (again). `detail` may be "". */
void worker_report_trouble(struct worker_report *report, enum worker_trouble trouble,
                           const struct failure *failure, const char *detail, int64_t now_ms);
/* The line, when it is time and there is something to say; `now` when leaving. */
void worker_report_line(struct worker_report *report, int64_t now_ms, bool now);
