/* See expire_holds.h. */
#include "server/expire_holds.h"

#include <stdio.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "server/accept_commands.h"
#include "server/change_order.h"

#define ROUND_ORDERS_MAX                                                     \
    512 /* of one confirm; a claim of so many is half a millisecond of Redis \
         */
/* An order that was claimed and not resolved is another server's after this and T_pub. */
#define LEASE_MS 1000

/* "expire:" and the order's id: there is one such request for each order. */
#define REQUEST_ID_BYTES (7 + UUID_TEXT_BYTES)

static size_t make_commands(struct shop_lane *lane, const struct uuid *order_ids, size_t count,
                            struct command *commands);
static enum relay_pace report(struct shop_lane *lane, const struct command *commands, size_t count);

enum relay_pace expire_holds_round(struct shop_lane *lane)
{
    if (!stock_gate_enter(lane->options->gate, &lane->pass)) {
        return RELAY_IDLE;
    }
    arena_reset(&lane->arena);
    book_set_epoch(lane->book, lane->pass.epoch);
    struct uuid order_ids[ROUND_ORDERS_MAX];
    size_t count;
    struct failure failure;
    if (book_claim_ended(lane->book, order_ids, ROUND_ORDERS_MAX,
                         lane->options->publish_timeout_ms + LEASE_MS, &count,
                         &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return RELAY_FAILED;
    }
    outage_over(&lane->redis_outage, lane->clock);
    if (count == 0) {
        return RELAY_IDLE;
    }
    FAILPOINT("holds_claimed");
    struct command *commands = arena_calloc(&lane->arena, count, sizeof *commands);
    if (commands == NULL || make_commands(lane, order_ids, count, commands) != count) {
        return RELAY_FAILED;
    }
    accept_own_commands(lane, commands, count);
    return report(lane, commands, count);
}

static size_t make_commands(struct shop_lane *lane, const struct uuid *order_ids, size_t count,
                            struct command *commands)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        struct order_changing *body = arena_calloc(&lane->arena, 1, sizeof *body);
        struct verb_request *request = arena_calloc(&lane->arena, 1, sizeof *request);
        char *id = arena_alloc(&lane->arena, REQUEST_ID_BYTES);
        if (body == NULL || request == NULL || id == NULL) {
            break;
        }
        (void)snprintf(id, REQUEST_ID_BYTES, "expire:");
        uuid_print(&order_ids[i], id + 7);
        *request = (struct verb_request){
            .verb = ORDER_EXPIRE, .request_id = id, .order_id = id + 7, .reason = ""};
        body->request = request;
        commands[made++] = (struct command){.kind = &change_order_kind, .body = body};
    }
    return made;
}

/* What was confirmed or cancelled meanwhile has no hold any more; a hold that is left all the same
 * belongs to nobody. */
static enum relay_pace report(struct shop_lane *lane, const struct command *commands, size_t count)
{
    struct uuid resolved[ROUND_ORDERS_MAX];
    size_t resolved_count = 0, expired = 0, failed = 0;
    const struct failure *why = NULL;
    for (size_t i = 0; i < count; i++) {
        if (commands[i].fate == COMMAND_ACCEPTED) {
            expired++;
        } else if (commands[i].fate == COMMAND_PERSISTED) {
            resolved[resolved_count++] = commands[i].order_id;
        } else if (commands[i].fate == COMMAND_FAILED) {
            failed++;
            why = &commands[i].failure;
        }
    }
    if (expired > 0) {
        log_line(LOG_INFO, "holds ended", "orders", LOG_INT((int64_t)expired), NULL);
    }
    if (failed > 0) {
        log_line(LOG_WARN, "holds could not be ended and are tried again", "orders",
                 LOG_INT((int64_t)failed), "reason", why->reason, "message", why->message, NULL);
    }
    struct failure failure;
    if (resolved_count > 0 &&
        book_drop_holds(lane->book, resolved, resolved_count, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return RELAY_FAILED;
    }
    return failed == count ? RELAY_FAILED : RELAY_WORKED;
}
