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

void command_fail_short(struct command *command, const char *product_id, int64_t available)
{
    struct failure *failure = command_fail(command);
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

/* The payload is product_id, NUL, what was available then. */
static void fail_refused_again(struct shop_lane *lane, struct command *command,
                               struct bytes payload)
{
    char *text = arena_alloc(&lane->arena, payload.size + 1);
    if (text == NULL) {
        (void)refuse_overloaded(command_fail(command));
        return;
    }
    memcpy(text, payload.data, payload.size);
    text[payload.size] = '\0';
    size_t id_size = strlen(text);
    const char *available = id_size < payload.size ? text + id_size + 1 : "0";
    command_fail_short(command, text, strtoll(available, NULL, 10));
}

enum durability command_durability(const struct book_lookup *lookup)
{
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
