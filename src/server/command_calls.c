/* See command_calls.h. */
#include "server/command_calls.h"

#include "server/command.h"
#include "server/persist_waiter.h"
#include "server/refusals.h"
#include "server/shop_lane.h"

static void count_commands(struct rpc_call **calls, size_t call_count, size_t *sizes,
                           struct failure *failures);
static size_t drop_refused(struct rpc_call **calls, size_t call_count, size_t *sizes,
                           const struct failure *failures);
static void open_call(struct shop_lane *lane, struct rpc_call *call, struct command *commands,
                      size_t count);
static size_t count_siblings(const struct command *commands, size_t count);
static void answer_one(struct shop_lane *lane, struct command *command);
static void answer_list(struct shop_lane *lane, const struct command_list *list,
                        struct command *commands, size_t count);

struct command *command_calls_open(struct shop_lane *lane, struct rpc_call **calls,
                                   size_t *call_count, size_t *count_out)
{
    size_t *sizes = arena_alloc(&lane->arena, *call_count * sizeof *sizes);
    struct failure *failures = arena_alloc(&lane->arena, *call_count * sizeof *failures);
    if (sizes == NULL || failures == NULL) {
        return NULL;
    }
    count_commands(calls, *call_count, sizes, failures);
    size_t count = 0;
    for (size_t i = 0; i < *call_count; i++) {
        count += sizes[i];
    }
    struct command *commands = arena_calloc(&lane->arena, count, sizeof *commands);
    if (commands == NULL) {
        return NULL;
    }
    *call_count = drop_refused(calls, *call_count, sizes, failures);
    for (size_t i = 0, at = 0; i < *call_count; at += sizes[i++]) {
        open_call(lane, calls[i], commands + at, sizes[i]);
    }
    *count_out = count;
    return commands;
}

/* 0 for those that are wrong as a whole, with their failure. */
static void count_commands(struct rpc_call **calls, size_t call_count, size_t *sizes,
                           struct failure *failures)
{
    for (size_t i = 0; i < call_count; i++) {
        const struct command_kind *kind = rpc_call_tag(calls[i]);
        sizes[i] = 1;
        if (kind->list != NULL &&
            kind->list->count(rpc_call_request(calls[i]), &sizes[i], &failures[i]) != STATUS_OK) {
            sizes[i] = 0;
        }
    }
}

/* Answers those without commands and closes the gaps. */
static size_t drop_refused(struct rpc_call **calls, size_t call_count, size_t *sizes,
                           const struct failure *failures)
{
    size_t kept = 0;
    for (size_t i = 0; i < call_count; i++) {
        if (sizes[i] == 0) {
            rpc_fail(calls[i], &failures[i]);
            continue;
        }
        calls[kept] = calls[i];
        sizes[kept++] = sizes[i];
    }
    return kept;
}

static void open_call(struct shop_lane *lane, struct rpc_call *call, struct command *commands,
                      size_t count)
{
    const struct command_kind *kind = rpc_call_tag(call);
    for (size_t i = 0; i < count; i++) {
        commands[i].call = call;
        commands[i].request = rpc_call_request(call);
        commands[i].kind = kind->list != NULL ? kind->list->kind : kind;
    }
    if (kind->list != NULL) {
        kind->list->split(lane, rpc_call_request(call), commands, count);
    }
}

void command_calls_answer(struct shop_lane *lane, struct command *commands, size_t count)
{
    for (size_t at = 0; at < count;) {
        struct command *first = &commands[at];
        size_t siblings = count_siblings(first, count - at);
        const struct command_kind *kind = rpc_call_tag(first->call);
        if (kind->list != NULL) {
            answer_list(lane, kind->list, first, siblings);
        } else {
            answer_one(lane, first);
        }
        at += siblings;
    }
}

/* How many of the first ones belong to the same call. */
static size_t count_siblings(const struct command *commands, size_t count)
{
    size_t siblings = 1;
    while (siblings < count && commands[siblings].call == commands[0].call) {
        siblings++;
    }
    return siblings;
}

/* NULL when it has failed. */
static const ProtobufCMessage *make_answer(struct shop_lane *lane, struct command *command)
{
    return command->fate != COMMAND_FAILED ? command->kind->answer(lane, command) : NULL;
}

static void answer_one(struct shop_lane *lane, struct command *command)
{
    const ProtobufCMessage *answer = make_answer(lane, command);
    if (answer == NULL) {
        rpc_fail(command->call, &command->failure);
        return;
    }
    if (command->waits && persist_waiter_take(lane->options->waiter, command->call,
                                              &command->record_id, answer, command->durability)) {
        return;
    }
    rpc_reply(command->call, answer);
}

static void answer_list(struct shop_lane *lane, const struct command_list *list,
                        struct command *commands, size_t count)
{
    struct rpc_call *call = commands[0].call;
    const ProtobufCMessage **answers = arena_alloc(&lane->arena, count * sizeof *answers);
    const ProtobufCMessage *answer = NULL;
    if (answers != NULL) {
        for (size_t i = 0; i < count; i++) {
            answers[i] = make_answer(lane, &commands[i]);
        }
        answer = list->join(lane, commands, answers, count);
    }
    if (answer == NULL) {
        struct failure failure;
        (void)refuse_unanswerable(&failure);
        rpc_fail(call, &failure);
        return;
    }
    rpc_reply(call, answer);
}
