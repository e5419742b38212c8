/* See failover.h. */
#include "server/failover.h"

#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "server/control.h"
#include "server/history.h"
#include "server/shop_lane.h"

#define LOOK_EVERY_MS   1000
#define FIND_EVENTS_MAX 256 /* one question to PostgreSQL */

static void look(struct shop_lane *lane);
static bool ask_name(struct shop_lane *lane, char name_out[BOOK_STORE_BYTES]);
static void begin(struct shop_lane *lane, const char *before, const char *now);
static bool compare_some(struct shop_lane *lane, bool *ended_out);
static bool compare_batch(struct shop_lane *lane, struct bytes batch);
static bool compare_events(struct shop_lane *lane, const struct bytes *encoded, size_t count);
static bool put_back(struct shop_lane *lane, struct book_claimed *lost, size_t count);
static void end_walk(struct shop_lane *lane);
static bool redis_said(struct shop_lane *lane, enum status status, const struct failure *failure);

bool failover_step(struct shop_lane *lane)
{
    struct failover *failover = &lane->failover;
    int64_t now_ms = clock_monotonic_ms(lane->clock);
    if (now_ms < failover->next_ms) {
        return false;
    }
    failover->next_ms = now_ms + LOOK_EVERY_MS;
    if (!failover->comparing) {
        look(lane);
        return false;
    }
    bool ended;
    if (!compare_some(lane, &ended)) {
        return false;
    }
    failover->next_ms = now_ms;
    if (ended) {
        end_walk(lane);
    }
    return !ended;
}

static void look(struct shop_lane *lane)
{
    struct failure failure;
    char before[BOOK_STORE_BYTES], now[BOOK_STORE_BYTES];
    if (!redis_said(lane, book_trim_settled(lane->book, &lane->options->retention, &failure),
                    &failure) ||
        !redis_said(lane, book_read_store(lane->book, before, &failure), &failure) ||
        !ask_name(lane, now) || strcmp(before, now) == 0) {
        return;
    }
    if (before[0] == '\0') { /* the first one, or Redis has forgotten what was settled, too */
        (void)redis_said(lane, book_note_store(lane->book, now, &failure), &failure);
        return;
    }
    begin(lane, before, now);
}

static bool ask_name(struct shop_lane *lane, char name_out[BOOK_STORE_BYTES])
{
    struct failure failure;
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms;
    if (control_store_name(lane->postgres, deadline_ms, name_out, &failure) != STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        return false;
    }
    outage_over(&lane->postgres_outage, lane->clock);
    return true;
}

static void begin(struct shop_lane *lane, const char *before, const char *now)
{
    struct failover *failover = &lane->failover;
    log_line(LOG_WARN, "PostgreSQL is another than before: does it have what was settled?",
             "before", before, "now", now, NULL);
    *failover = (struct failover){.comparing = true};
    memcpy(failover->name, now, strlen(now) + 1);
}

/* ---- comparing ---- */

/* False when a store did not answer: the same step again, later. */
static bool compare_some(struct shop_lane *lane, bool *ended_out)
{
    struct failover *failover = &lane->failover;
    struct book_walk walk = failover->walk;
    struct bytes batches[BOOK_WALK_BATCHES_MAX];
    size_t count;
    struct failure failure;
    if (!redis_said(lane, book_walk_settled(lane->book, &walk, batches, &count, &failure),
                    &failure)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) { /* the book forgets its views with its next use */
        batches[i] = arena_copy(&lane->arena, batches[i]);
        if (batches[i].data == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!compare_batch(lane, batches[i])) {
            return false;
        }
    }
    failover->walk = walk;
    *ended_out = count == 0;
    return true;
}

static bool compare_batch(struct shop_lane *lane, struct bytes batch)
{
    struct bytes *encoded;
    size_t count;
    struct failure failure;
    if (event_codec_split(batch, &lane->arena, &encoded, &count, &failure) != STATUS_OK) {
        log_line(LOG_ERROR, "a batch that was kept is unreadable", "reason", failure.reason, NULL);
        return true;
    }
    for (size_t at = 0; at < count; at += FIND_EVENTS_MAX) {
        size_t some = count - at < FIND_EVENTS_MAX ? count - at : FIND_EVENTS_MAX;
        if (!compare_events(lane, encoded + at, some)) {
            return false;
        }
    }
    lane->failover.compared += (int64_t)count;
    return true;
}

static bool compare_events(struct shop_lane *lane, const struct bytes *encoded, size_t count)
{
    struct history_event *keys = arena_calloc(&lane->arena, count, sizeof *keys);
    struct book_claimed *lost = arena_alloc(&lane->arena, count * sizeof *lost);
    size_t known = 0, missing = 0;
    if (keys == NULL || lost == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (history_event_read(encoded[i], &lane->arena, &keys[known])) {
            lost[known++].event = encoded[i];
        }
    }
    struct failure failure;
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms;
    if (history_find_events(lane->postgres, keys, known, &lane->arena, deadline_ms, &failure) !=
        STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        return false;
    }
    outage_over(&lane->postgres_outage, lane->clock);
    for (size_t i = 0; i < known; i++) {
        if (!keys[i].persisted) {
            lost[missing++] = (struct book_claimed){keys[i].event_id, lost[i].event};
        }
    }
    return missing == 0 || put_back(lane, lost, missing);
}

static bool put_back(struct shop_lane *lane, struct book_claimed *lost, size_t count)
{
    struct failure failure;
    for (size_t i = 0; i < count; i++) {
        lost[i].event = event_codec_restore(lost[i].event, &lane->arena);
        if (lost[i].event.data == NULL) {
            return false;
        }
    }
    if (lane->failover.lost == 0) {
        log_line(LOG_ERROR,
                 "PostgreSQL has lost what it had: it is written again, and stock is "
                 "fenced",
                 NULL);
    }
    if (!redis_said(lane, book_unsettle(lane->book, lost, count, &failure), &failure)) {
        return false;
    }
    FAILPOINT("unsettled");
    lane->failover.lost += (int64_t)count;
    struct stock_pass pass;
    if (stock_gate_enter(lane->options->gate, &pass)) {
        stock_gate_suspect(lane->options->gate, pass.epoch);
    }
    return true;
}

/* What was kept while the walk was under way is looked at once more. Only then is the new name
 * noted, unless yet another PostgreSQL answers by now. */
static void end_walk(struct shop_lane *lane)
{
    struct failover *failover = &lane->failover;
    if (!failover->again) {
        failover->again = true;
        failover->next_ms += FAILOVER_LATE_MS;
        struct book_walk first = failover->walk;
        failover->walk = (struct book_walk){.before = ""};
        memcpy(failover->walk.after, first.newest, sizeof first.newest);
        return;
    }
    char now[BOOK_STORE_BYTES];
    struct failure failure;
    if (!ask_name(lane, now)) {
        return; /* the end of the walk is found again */
    }
    if (strcmp(now, failover->name) != 0) {
        begin(lane, failover->name, now);
        return;
    }
    if (redis_said(lane, book_note_store(lane->book, now, &failure), &failure)) {
        log_line(LOG_INFO, "PostgreSQL was compared with what was settled", "store", now, "events",
                 LOG_INT(failover->compared), "lost", LOG_INT(failover->lost), NULL);
        failover->comparing = false;
    }
}

static bool redis_said(struct shop_lane *lane, enum status status, const struct failure *failure)
{
    if (status != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, failure);
        return false;
    }
    outage_over(&lane->redis_outage, lane->clock);
    return true;
}
