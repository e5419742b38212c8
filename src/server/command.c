/* See command.h. */
#include "server/command.h"

#include <stdlib.h>
#include <string.h>

#include "server/refusals.h"
#include "server/shop_lane.h"

static void fail_refused_again(struct shop_lane *lane, struct command *command,
                               struct bytes payload);

struct failure *command_fail(struct command *command)
{
    command->fate = COMMAND_FAILED;
    return &command->failure;
}

bool command_take(struct shop_lane *lane, struct command *command,
                  const struct product_quantity *units, size_t count)
{
    struct book_take *takes = arena_alloc(&lane->arena, count * sizeof *takes);
    if (takes == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        takes[i] = (struct book_take){units[i].product_id, units[i].quantity};
    }
    command->takes = takes;
    command->take_count = count;
    return true;
}

static void fail_with_units(struct failure *failure, const char *product_id, const char *name,
                            int64_t number, int64_t limit)
{
    failure_add(failure, "product_id", "%s", product_id);
    failure_add(failure, name, "%lld", (long long)number);
    failure_add(failure, "limit", "%lld", (long long)limit);
}

void command_fail_ruled(struct command *command, const char *reason, const char *product_id,
                        int64_t number, int64_t limit)
{
    struct failure *failure = command_fail(command);
    if (strcmp(reason, "ORDER_LIMIT_EXCEEDED") == 0) {
        (void)failure_set(failure, STATUS_FAILED_PRECONDITION, "ORDER_LIMIT_EXCEEDED",
                          "nothing was done: an order may have %lld of %s, not %lld",
                          (long long)limit, product_id, (long long)number);
        fail_with_units(failure, product_id, "quantity", number, limit);
        return;
    }
    if (strcmp(reason, "PURCHASE_LIMIT_EXCEEDED") == 0) {
        (void)failure_set(failure, STATUS_FAILED_PRECONDITION, "PURCHASE_LIMIT_EXCEEDED",
                          "nothing was done: a customer may have %lld of %s, and has %lld",
                          (long long)limit, product_id, (long long)number);
        fail_with_units(failure, product_id, "used", number, limit);
        return;
    }
    if (strcmp(reason, "SALE_NOT_OPEN") == 0) {
        (void)failure_set(failure, STATUS_FAILED_PRECONDITION, "SALE_NOT_OPEN",
                          "nothing was done: %s is not on sale now", product_id);
    } else if (strcmp(reason, "PRODUCT_SUSPENDED") == 0) {
        (void)failure_set(failure, STATUS_FAILED_PRECONDITION, "PRODUCT_SUSPENDED",
                          "nothing was done: %s is not sold for now", product_id);
    } else {
        (void)failure_set(failure, STATUS_FAILED_PRECONDITION, "PRODUCT_DELETED",
                          "nothing was done: %s is not sold any more", product_id);
    }
    failure_add(failure, "product_id", "%s", product_id);
}

/* What was raised above what is left, such as a safety stock, leaves less than none. */
void command_fail_short(struct command *command, const char *product_id, int64_t available)
{
    struct failure *failure = command_fail(command);
    available = available > 0 ? available : 0;
    (void)failure_set(failure, STATUS_FAILED_PRECONDITION, command->kind->short_reason,
                      "nothing was done: there are %lld of %s", (long long)available, product_id);
    failure_add(failure, "product_id", "%s", product_id);
    failure_add(failure, "available", "%lld", (long long)available);
}

void command_repeat(struct shop_lane *lane, struct command *command,
                    const struct book_record *prior)
{
    if (memcmp(prior->request_hash, command->request_hash, sizeof command->request_hash) != 0) {
        (void)refuse_reused(command_fail(command));
        return;
    }
    switch (prior->kind) {
    case BOOK_ACCEPTED:
        command->prior = *prior;
        command->prior.payload = arena_copy(&lane->arena, prior->payload);
        if (command->prior.payload.data == NULL && prior->payload.size > 0) {
            (void)refuse_overloaded(command_fail(command));
            return;
        }
        command->fate = COMMAND_REPEATED;
        return;
    case BOOK_REFUSED:
        fail_refused_again(lane, command, prior->payload);
        return;
    }
}

/* The payload is product_id, NUL, what was available then; by a rule: number, reason and limit. */
static void fail_refused_again(struct shop_lane *lane, struct command *command,
                               struct bytes payload)
{
    const char *parts[] = {"", "0", NULL, "0"};
    char *text = arena_alloc(&lane->arena, payload.size + 1);
    if (text == NULL) {
        (void)refuse_overloaded(command_fail(command));
        return;
    }
    memcpy(text, payload.data, payload.size);
    text[payload.size] = '\0';
    const char *at = text, *end = text + payload.size;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && at < end; i++) {
        parts[i] = at;
        at += strlen(at) + 1;
    }
    int64_t number = strtoll(parts[1], NULL, 10);
    if (parts[2] == NULL) {
        command_fail_short(command, parts[0], number);
    } else {
        command_fail_ruled(command, parts[2], parts[0], number, strtoll(parts[3], NULL, 10));
    }
}

enum durability command_durability(const struct book_lookup *lookup)
{
    /* Redis was lost since it had it: it may have been all there was. And a record of an older
     * epoch may have come back without its event: part of a transaction that was cut off in Redis'
     * file (docs/RELIABILITY.md). */
    if (!lookup->found || (!lookup->in_outbox && !lookup->record.is_current)) {
        return DURABILITY_RESERVED;
    }
    if (!lookup->in_outbox) {
        return DURABILITY_PERSISTED;
    }
    return lookup->unconfirmed ? DURABILITY_RESERVED : DURABILITY_QUEUED;
}

bool commands_by_kind(struct shop_lane *lane, struct command *commands, size_t count,
                      bool (*chosen)(const struct command *command),
                      void (*step)(struct shop_lane *lane, const struct command_kind *kind,
                                   struct command **commands, size_t count))
{
    struct command **rest = arena_alloc(&lane->arena, count * sizeof *rest);
    struct command **group = arena_alloc(&lane->arena, count * sizeof *group);
    if (rest == NULL || group == NULL) {
        return false;
    }
    size_t rest_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (chosen(&commands[i])) {
            rest[rest_count++] = &commands[i];
        }
    }
    while (rest_count > 0) {
        const struct command_kind *kind = rest[0]->kind;
        size_t grouped = 0, left = 0;
        for (size_t i = 0; i < rest_count; i++) {
            if (rest[i]->kind == kind) {
                group[grouped++] = rest[i];
            } else {
                rest[left++] = rest[i];
            }
        }
        rest_count = left;
        step(lane, kind, group, grouped);
    }
    return true;
}
