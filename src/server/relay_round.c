/* See relay_round.h. */
#include "server/relay_round.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "redis/book.h"
#include "server/failover.h"
#include "server/history.h"
#include "server/publish_events.h"

#define ROUND_EVENTS_MAX 256
/* An event that was claimed is another relay's again after the timeouts of what is done with it,
 * and this: whoever claimed it may have died, or be the one that a store does not answer. */
#define LEASE_MARGIN_MS 1000
/* How often PostgreSQL is asked for the same event, once it has said. */
#define LOOK_EVERY_MS 30000
/* With more messages than this waiting, an event that PostgreSQL lacks is most likely among them,
 * and publishing it again would only make the queue longer. */
#define SHORT_QUEUE_MESSAGES 64

static enum relay_pace publish_unconfirmed(struct shop_lane *lane);
static enum relay_pace look_after_unpersisted(struct shop_lane *lane);
static enum status claim(struct shop_lane *lane, enum book_due due, int64_t lease_ms,
                         struct publish_event **events_out, size_t *count_out);
static size_t copy_claimed(struct shop_lane *lane, const struct book_claimed *claimed, size_t count,
                           struct publish_event *events);
static enum status publish(struct shop_lane *lane, struct publish_event *events, size_t count);
static enum status confirm(struct shop_lane *lane, const struct publish_event *events,
                           size_t count);
static enum status settle_persisted(struct shop_lane *lane, struct publish_event *events,
                                    size_t *count);
static enum status settle(struct shop_lane *lane, const struct book_settled *settled, size_t count,
                          struct bytes batch);
static void postpone(struct shop_lane *lane, const struct publish_event *events, size_t count,
                     int64_t by_ms);
static enum status ask_queue(struct shop_lane *lane, bool *short_out);

enum relay_pace relay_round(struct shop_lane *lane)
{
    arena_reset(&lane->arena);
    enum relay_pace confirming = publish_unconfirmed(lane);
    arena_reset(&lane->arena);
    enum relay_pace persisting = look_after_unpersisted(lane);
    arena_reset(&lane->arena);
    bool comparing = failover_step(lane);
    if (confirming == RELAY_FAILED || persisting == RELAY_FAILED) {
        return RELAY_FAILED;
    }
    return confirming == RELAY_WORKED || persisting == RELAY_WORKED || comparing ? RELAY_WORKED
                                                                                 : RELAY_IDLE;
}

static enum relay_pace publish_unconfirmed(struct shop_lane *lane)
{
    struct publish_event *events = NULL;
    size_t count = 0;
    int64_t lease_ms = lane->options->publish_timeout_ms + LEASE_MARGIN_MS;
    if (claim(lane, BOOK_DUE_CONFIRM, lease_ms, &events, &count) != STATUS_OK) {
        return RELAY_FAILED;
    }
    if (count == 0) {
        return RELAY_IDLE;
    }
    enum status published = publish(lane, events, count);
    FAILPOINT("relay_published");
    enum status confirmed = confirm(lane, events, count);
    return published == STATUS_OK && confirmed == STATUS_OK ? RELAY_WORKED : RELAY_FAILED;
}

static enum relay_pace look_after_unpersisted(struct shop_lane *lane)
{
    struct publish_event *events = NULL;
    size_t count = 0;
    bool is_short;
    int64_t lease_ms =
        lane->options->postgres_timeout_ms + lane->options->publish_timeout_ms + LEASE_MARGIN_MS;
    if (claim(lane, BOOK_DUE_PERSIST, lease_ms, &events, &count) != STATUS_OK) {
        return RELAY_FAILED;
    }
    if (count == 0) {
        return RELAY_IDLE;
    }
    if (settle_persisted(lane, events, &count) != STATUS_OK ||
        (count > 0 && ask_queue(lane, &is_short) != STATUS_OK)) {
        return RELAY_FAILED;
    }
    if (count > 0 && is_short) {
        log_line(LOG_INFO, "publishing again what nobody persisted", "events", LOG_INT(count),
                 NULL);
        if (publish(lane, events, count) != STATUS_OK) {
            return RELAY_FAILED;
        }
    }
    postpone(lane, events, count, LOOK_EVERY_MS - lease_ms);
    return RELAY_WORKED;
}

/* ---- Redis ---- */

static enum status claim(struct shop_lane *lane, enum book_due due, int64_t lease_ms,
                         struct publish_event **events_out, size_t *count_out)
{
    struct book_claimed *claimed = arena_alloc(&lane->arena, ROUND_EVENTS_MAX * sizeof *claimed);
    struct publish_event *events = arena_alloc(&lane->arena, ROUND_EVENTS_MAX * sizeof *events);
    struct failure failure;
    if (claimed == NULL || events == NULL) {
        return refuse_overloaded(&failure);
    }
    size_t count;
    if (book_claim(lane->book, due, claimed, ROUND_EVENTS_MAX, lease_ms, &count, &failure) !=
        STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return failure.code;
    }
    outage_over(&lane->redis_outage, lane->clock);
    *events_out = events;
    *count_out = copy_claimed(lane, claimed, count, events);
    return STATUS_OK;
}

/* The book forgets its views with its next use. What does not fit comes again after the lease. */
static size_t copy_claimed(struct shop_lane *lane, const struct book_claimed *claimed, size_t count,
                           struct publish_event *events)
{
    size_t copied = 0;
    for (size_t i = 0; i < count; i++) {
        const char *routing_key = event_codec_peek_routing_key(claimed[i].event);
        struct bytes event = arena_copy(&lane->arena, claimed[i].event);
        if (routing_key == NULL || event.data == NULL) {
            char id[UUID_TEXT_BYTES];
            uuid_print(&claimed[i].event_id, id);
            log_line(LOG_ERROR, "cannot relay an event", "event_id", id, "reason",
                     routing_key == NULL ? "it is not one of this version's" : "no memory", NULL);
            continue;
        }
        events[copied++] = (struct publish_event){
            .event_id = claimed[i].event_id,
            .event = event,
            .routing_key = routing_key,
        };
    }
    return copied;
}

/* Where it fails they are looked after again sooner, no more. */
static void postpone(struct shop_lane *lane, const struct publish_event *events, size_t count,
                     int64_t by_ms)
{
    struct uuid *ids = arena_alloc(&lane->arena, count * sizeof *ids);
    struct failure failure;
    for (size_t i = 0; ids != NULL && i < count; i++) {
        ids[i] = events[i].event_id;
    }
    if (ids != NULL && by_ms > 0) {
        (void)book_postpone(lane->book, ids, count, by_ms, &failure);
    }
}

static enum status confirm(struct shop_lane *lane, const struct publish_event *events, size_t count)
{
    struct uuid *ids = arena_alloc(&lane->arena, count * sizeof *ids);
    struct failure failure;
    size_t confirmed = 0;
    if (ids == NULL) {
        return refuse_overloaded(&failure);
    }
    for (size_t i = 0; i < count; i++) {
        if (events[i].confirmed) {
            ids[confirmed++] = events[i].event_id;
        }
    }
    if (confirmed > 0 && book_confirm(lane->book, ids, confirmed, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return failure.code;
    }
    return STATUS_OK;
}

/* ---- RabbitMQ ---- */

static enum status publish(struct shop_lane *lane, struct publish_event *events, size_t count)
{
    struct failure failure;
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->publish_timeout_ms;
    if (publish_events(lane->publisher, events, count, &lane->arena, deadline_ms, &failure) !=
        STATUS_OK) {
        outage_note(&lane->rabbitmq_outage, lane->clock, &failure);
        return failure.code;
    }
    outage_over(&lane->rabbitmq_outage, lane->clock);
    return STATUS_OK;
}

static enum status ask_queue(struct shop_lane *lane, bool *short_out)
{
    int64_t ready, consumers;
    struct failure failure;
    if (broker_queue_depth(lane->publisher, &ready, &consumers, &failure) != STATUS_OK) {
        outage_note(&lane->rabbitmq_outage, lane->clock, &failure);
        return failure.code;
    }
    *short_out = ready <= SHORT_QUEUE_MESSAGES;
    return STATUS_OK;
}

/* ---- PostgreSQL ---- */

/* Keeps those that are not persisted. */
static enum status settle_persisted(struct shop_lane *lane, struct publish_event *events,
                                    size_t *count)
{
    struct history_event *keys = arena_calloc(&lane->arena, *count, sizeof *keys);
    struct book_settled *settled = arena_alloc(&lane->arena, *count * sizeof *settled);
    struct failure failure;
    struct bytes *kept = arena_alloc(&lane->arena, *count * sizeof *kept);
    if (keys == NULL || settled == NULL || kept == NULL) {
        return refuse_overloaded(&failure);
    }
    for (size_t i = 0; i < *count; i++) {
        /* One that cannot be read is never found; published again, it ends as a dead letter. */
        if (!history_event_read(events[i].event, &lane->arena, &keys[i])) {
            keys[i].event_id = events[i].event_id;
        }
    }
    int64_t asked_ms = clock_monotonic_ms(lane->clock);
    int64_t deadline_ms = asked_ms + lane->options->postgres_timeout_ms;
    if (history_find_events(lane->postgres, keys, *count, &lane->arena, deadline_ms, &failure) !=
        STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
        return failure.code;
    }
    outage_over(&lane->postgres_outage, lane->clock);
    if (clock_monotonic_ms(lane->clock) - asked_ms > FAILOVER_SETTLE_MS) {
        return STATUS_DEADLINE_EXCEEDED; /* stood still: that PostgreSQL may be gone */
    }
    size_t settling = 0, left = 0;
    for (size_t i = 0; i < *count; i++) {
        if (keys[i].persisted) {
            kept[settling] = events[i].event;
            settled[settling++] = (struct book_settled){keys[i].event_id, keys[i].record_id};
        } else {
            events[left++] = events[i];
        }
    }
    *count = left;
    if (settling > 0) {
        return settle(lane, settled, settling, event_codec_join(kept, settling, &lane->arena));
    }
    return STATUS_OK;
}

static enum status settle(struct shop_lane *lane, const struct book_settled *settled, size_t count,
                          struct bytes batch)
{
    struct failure failure;
    if (batch.data == NULL) {
        return refuse_overloaded(&failure);
    }
    if (book_settle(lane->book, settled, count, batch, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return failure.code;
    }
    return STATUS_OK;
}
