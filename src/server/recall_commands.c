/* See recall_commands.h. */
#include "server/recall_commands.h"

#include "server/command.h"
#include "server/shop_lane.h"

static bool ask_book(struct shop_lane *lane, struct command **asked, size_t count);
static void fail_all(struct command **commands, size_t count, const struct failure *failure);
static bool is_fresh(const struct shop_lane *lane, const struct command *command);
static bool is_forgettable(const struct command *command);
static void recall_kind(struct shop_lane *lane, const struct command_kind *kind,
                        struct command **commands, size_t count);

void recall_commands(struct shop_lane *lane, struct command *commands, size_t count)
{
    struct command **asked = arena_alloc(&lane->arena, count * sizeof *asked);
    size_t asked_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct command *command = &commands[i];
        if (!command->identified) {
            continue;
        }
        command->forgettable = !is_fresh(lane, command);
        if (!command->forgettable && command->fate == COMMAND_OPEN) {
            continue;
        }
        if (asked == NULL) {
            (void)refuse_overloaded(command_fail(command));
            command->forgettable = false;
            continue;
        }
        asked[asked_count++] = command;
    }
    if (asked_count == 0 || !ask_book(lane, asked, asked_count)) {
        return;
    }
    if (!commands_by_kind(lane, commands, count, is_forgettable, recall_kind)) {
        struct failure failure;
        (void)refuse_overloaded(&failure);
        fail_all(asked, asked_count, &failure);
    }
}

/* False when nothing is known, and all of them have failed. */
static bool ask_book(struct shop_lane *lane, struct command **asked, size_t count)
{
    struct failure failure, cause;
    struct book_lookup *lookups = arena_calloc(&lane->arena, count, sizeof *lookups);
    if (lookups == NULL) {
        (void)refuse_overloaded(&failure);
        fail_all(asked, count, &failure);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        lookups[i].record_id = asked[i]->record_id;
    }
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->redis_timeout_ms;
    if (book_read(lane->book, lookups, count, deadline_ms, &cause) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &cause);
        (void)refuse_unavailable(&failure, STORE_REDIS);
        fail_all(asked, count, &failure);
        return false;
    }
    outage_over(&lane->redis_outage, lane->clock);
    for (size_t i = 0; i < count; i++) {
        if (lookups[i].found) {
            asked[i]->forgettable = false;
            command_repeat(lane, asked[i], &lookups[i].record);
        }
    }
    return true;
}

static void fail_all(struct command **commands, size_t count, const struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        *command_fail(commands[i]) = *failure;
        commands[i]->forgettable = false;
    }
}

/* Redis has a record of it if there ever was one. A record stays for its time to live at least;
 * none is older than the stock in Redis. The caller's clock, which is in the request_id, may be
 * ahead. */
static bool is_fresh(const struct shop_lane *lane, const struct command *command)
{
    int64_t now_us = clock_unix_us(lane->clock);
    int64_t kept_ms = (now_us - lane->pass.records_since_us) / 1000;
    if (kept_ms > BOOK_LIMITS_DEFAULT.record_ttl_ms) {
        kept_ms = BOOK_LIMITS_DEFAULT.record_ttl_ms;
    }
    return identity_is_fresh(command->request_id, now_us, kept_ms - SHOP_FUTURE_MS_MAX);
}

static bool is_forgettable(const struct command *command)
{
    return command->forgettable;
}

static void recall_kind(struct shop_lane *lane, const struct command_kind *kind,
                        struct command **commands, size_t count)
{
    kind->recall(lane, commands, count);
}
