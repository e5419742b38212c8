/* See accept_commands.h. The steps stand in the order in which they run. */
#include "server/accept_commands.h"

#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "server/command.h"
#include "server/command_calls.h"
#include "server/publish_events.h"
#include "server/recall_commands.h"
#include "server/shop_lane.h"

/* One caller in a hurry does not take the confirm from the others of its batch. */
#define PUBLISH_LEAST_MS 100
/* While RabbitMQ does not confirm in time, no batch waits longer: the lane goes on taking orders.
 */
#define PUBLISH_SLOW_MS 200

/* So often an order may have been changed between being read and being decided. */
#define DECIDE_TRIES 8

struct batch {
    struct command *commands;
    size_t count;
    struct rpc_call **calls; /* NULL: commands of the server's own */
    size_t call_count;
    int64_t decided_from_ms; /* just before the decisions were sent */
};

static bool begin(struct shop_lane *lane, struct rpc_call **calls, size_t count,
                  struct batch *batch_out);
static void refuse_all(struct rpc_call **calls, size_t count,
                       enum status (*refuse)(struct failure *failure));
static void prepare(struct shop_lane *lane, struct batch *batch);
static void run(struct shop_lane *lane, struct batch *batch);
static void decide(struct shop_lane *lane, struct batch *batch);
static void decide_open(struct shop_lane *lane, struct batch *batch);
static void fill_decision(const struct command *command, struct book_decision *decision);
static bool settle_conflicts(struct shop_lane *lane, struct batch *batch, bool is_last);
static int64_t redis_deadline_ms(const struct shop_lane *lane, const struct batch *batch);
static void take_outcome(struct shop_lane *lane, const struct book_decision *decision,
                         struct command *command);
static void publish(struct shop_lane *lane, struct batch *batch);
static int64_t publish_deadline_ms(const struct shop_lane *lane, const struct batch *batch);
static void confirm(struct shop_lane *lane, struct batch *batch);
static void reconnect(struct shop_lane *lane);
static bool is_undecided(const struct command *command);
static void doubt(struct shop_lane *lane, struct batch *batch,
                  bool (*chosen)(const struct command *command));
static void look_up_repeated(struct shop_lane *lane, struct batch *batch);

void accept_commands(void *state, struct rpc_call **calls, size_t count)
{
    struct shop_lane *lane = state;
    struct batch batch;
    if (!stock_gate_enter(lane->options->gate, &lane->pass)) {
        refuse_all(calls, count, refuse_fenced);
        return;
    }
    if (!begin(lane, calls, count, &batch)) {
        refuse_all(calls, count, refuse_overloaded);
        return;
    }
    if (batch.count == 0) {
        return;
    }
    run(lane, &batch);
    look_up_repeated(lane, &batch);
    FAILPOINT("before_reply");
    command_calls_answer(lane, batch.commands, batch.count);
    reconnect(lane);
}

void accept_own_commands(struct shop_lane *lane, struct command *commands, size_t count)
{
    struct batch batch = {.commands = commands, .count = count};
    run(lane, &batch);
}

static void run(struct shop_lane *lane, struct batch *batch)
{
    prepare(lane, batch);
    recall_commands(lane, batch->commands, batch->count);
    doubt(lane, batch, is_undecided);
    FAILPOINT("before_reserve");
    decide(lane, batch);
    FAILPOINT("after_reserve");
    publish(lane, batch);
    FAILPOINT("after_publish");
    confirm(lane, batch);
    FAILPOINT("after_confirm");
}

static void refuse_all(struct rpc_call **calls, size_t count,
                       enum status (*refuse)(struct failure *failure))
{
    struct failure failure;
    (void)refuse(&failure);
    for (size_t i = 0; i < count; i++) {
        rpc_fail(calls[i], &failure);
    }
}

static bool begin(struct shop_lane *lane, struct rpc_call **calls, size_t count,
                  struct batch *batch_out)
{
    arena_reset(&lane->arena);
    size_t command_count;
    struct command *commands = command_calls_open(lane, calls, &count, &command_count);
    if (commands == NULL) {
        return false;
    }
    if (book_epoch(lane->book) != lane->pass.epoch) {
        book_set_epoch(lane->book, lane->pass.epoch);
    }
    *batch_out = (struct batch){
        .commands = commands, .count = command_count, .calls = calls, .call_count = count};
    return true;
}

/* ---- prepare ---- */

static bool is_any(const struct command *command)
{
    (void)command;
    return true;
}

static void prepare_kind(struct shop_lane *lane, const struct command_kind *kind,
                         struct command **commands, size_t count)
{
    kind->prepare(lane, commands, count);
}

static void prepare(struct shop_lane *lane, struct batch *batch)
{
    if (!commands_by_kind(lane, batch->commands, batch->count, is_any, prepare_kind)) {
        for (size_t i = 0; i < batch->count; i++) {
            (void)refuse_overloaded(command_fail(&batch->commands[i]));
        }
    }
}

/* ---- decide ---- */

static void decide(struct shop_lane *lane, struct batch *batch)
{
    batch->decided_from_ms = clock_monotonic_ms(lane->clock);
    for (int tries = 1; tries <= DECIDE_TRIES; tries++) {
        decide_open(lane, batch);
        if (!settle_conflicts(lane, batch, tries == DECIDE_TRIES)) {
            return;
        }
    }
}

static bool is_conflicted(const struct command *command)
{
    return command->fate == COMMAND_CONFLICTED;
}

static void prepare_again(struct shop_lane *lane, const struct command_kind *kind,
                          struct command **commands, size_t count)
{
    kind->again(lane, commands, count);
}

/* False when there were none, or nothing more is tried. */
static bool settle_conflicts(struct shop_lane *lane, struct batch *batch, bool is_last)
{
    size_t conflicts = 0;
    for (size_t i = 0; i < batch->count; i++) {
        conflicts += is_conflicted(&batch->commands[i]) ? 1 : 0;
    }
    if (conflicts == 0) {
        return false;
    }
    if (!is_last &&
        commands_by_kind(lane, batch->commands, batch->count, is_conflicted, prepare_again)) {
        return true;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (is_conflicted(&batch->commands[i])) {
            (void)refuse_conflict(command_fail(&batch->commands[i]));
        }
    }
    return false;
}

static void decide_open(struct shop_lane *lane, struct batch *batch)
{
    struct book_decision *decisions = arena_calloc(&lane->arena, batch->count, sizeof *decisions);
    struct command **deciding = arena_alloc(&lane->arena, batch->count * sizeof *deciding);
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct command *command = &batch->commands[i];
        if (command->fate != COMMAND_OPEN) {
            continue;
        }
        if (decisions == NULL || deciding == NULL) {
            (void)refuse_overloaded(command_fail(command));
            continue;
        }
        deciding[count] = command;
        fill_decision(command, &decisions[count++]);
    }
    if (count == 0) {
        return;
    }
    book_decide(lane->book, decisions, count, redis_deadline_ms(lane, batch));
    for (size_t i = 0; i < count; i++) {
        take_outcome(lane, &decisions[i], deciding[i]);
    }
}

static void fill_decision(const struct command *command, struct book_decision *decision)
{
    decision->record_id = command->record_id;
    memcpy(decision->request_hash, command->request_hash, sizeof decision->request_hash);
    decision->takes = command->takes;
    decision->take_count = command->take_count;
    decision->event_id = command->event_id;
    decision->event = command->event;
    decision->record = command->record;
    decision->hold = command->hold;
    decision->hold_ms = command->hold_ms;
    decision->order_id = command->order_id;
    decision->found_version = command->found_version;
    decision->is_trial = command->is_trial;
    memcpy(decision->order_hash, command->order_hash, sizeof decision->order_hash);
    decision->customer_id = command->customer_id;
    decision->frees = command->frees;
    decision->free_count = command->free_count;
    decision->counted_product_id = command->counted_product_id;
    decision->found_count = command->found_count;
}

static int64_t redis_deadline_ms(const struct shop_lane *lane, const struct batch *batch)
{
    int64_t most_ms = lane->options->redis_timeout_ms;
    return batch->calls != NULL
               ? shop_lane_deadline_ms(lane, batch->calls, batch->call_count, most_ms)
               : clock_monotonic_ms(lane->clock) + most_ms;
}

/* Everything that points into the book's reply is copied: its next use forgets it. */
static void take_outcome(struct shop_lane *lane, const struct book_decision *decision,
                         struct command *command)
{
    if (decision->outcome != BOOK_FAILED) {
        outage_over(&lane->redis_outage, lane->clock);
    }
    switch (decision->outcome) {
    case BOOK_DECIDED:
        command->fate = COMMAND_ACCEPTED;
        command->is_behind = decision->is_behind;
        return;
    case BOOK_NOTED:
        command->fate = COMMAND_PERSISTED;
        return;
    case BOOK_POSSIBLE:
        command->fate = COMMAND_POSSIBLE;
        return;
    case BOOK_REPEATED:
        command_repeat(lane, command, &decision->prior);
        return;
    case BOOK_OUT_OF_STOCK:
        command_fail_short(command, decision->short_product_id, decision->short_available);
        return;
    case BOOK_AGAINST_RULES:
        command_fail_ruled(command, decision->rule_reason, decision->short_product_id,
                           decision->rule_number, decision->rule_limit);
        return;
    case BOOK_STOCK_UNKNOWN:
        (void)refuse_not_loaded(command_fail(command), decision->short_product_id);
        return;
    case BOOK_OVERLOADED:
        (void)refuse_overloaded(command_fail(command));
        return;
    case BOOK_FENCED:
        stock_gate_suspect(lane->options->gate, lane->pass.epoch);
        (void)refuse_fenced(command_fail(command));
        return;
    case BOOK_CONFLICT:
        command->fate = COMMAND_CONFLICTED;
        return;
    case BOOK_HOLD_ENDED:
        (void)refuse_hold_ended(command_fail(command));
        return;
    case BOOK_HOLD_RUNS: /* an expiry that was too early */
        (void)refuse_conflict(command_fail(command));
        return;
    case BOOK_FAILED:
        (void)shop_lane_blame(lane, &lane->redis_outage, &decision->failure, command_fail(command));
        return;
    }
}

/* ---- publish ---- */

static void publish(struct shop_lane *lane, struct batch *batch)
{
    struct publish_event *events = arena_alloc(&lane->arena, batch->count * sizeof *events);
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct command *command = &batch->commands[i];
        if (command->fate != COMMAND_ACCEPTED) {
            continue;
        }
        command->durability = DURABILITY_RESERVED;
        if (events != NULL) {
            events[count++] = (struct publish_event){
                .event_id = command->event_id,
                .event = command->event,
                .routing_key = event_codec_routing_key(command->event_kind),
                .traceparent = command->call != NULL ? rpc_call_traceparent(command->call) : NULL,
            };
        }
    }
    int64_t deadline_ms = publish_deadline_ms(lane, batch);
    bool without = lane->rabbitmq_slow && !broker_publisher_connected(lane->publisher);
    if (count == 0 || without || clock_monotonic_ms(lane->clock) >= deadline_ms) {
        return; /* the relay publishes them */
    }
    FAILPOINT("before_publish");
    struct failure failure;
    enum status status =
        publish_events(lane->publisher, events, count, &lane->arena, deadline_ms, &failure);
    lane->rabbitmq_slow = status != STATUS_OK;
    if (status != STATUS_OK) {
        outage_note(&lane->rabbitmq_outage, lane->clock, &failure);
    } else {
        outage_over(&lane->rabbitmq_outage, lane->clock);
    }
    bool in_time = clock_monotonic_ms(lane->clock) <=
                   batch->decided_from_ms + lane->options->publish_timeout_ms;
    for (size_t i = 0, at = 0; i < batch->count; i++) {
        struct command *command = &batch->commands[i];
        if (command->fate == COMMAND_ACCEPTED) {
            command->confirmed = events[at++].confirmed;
            bool is_queued = command->confirmed && in_time && !command->is_behind;
            command->durability = is_queued ? DURABILITY_QUEUED : DURABILITY_RESERVED;
        }
    }
}

static int64_t publish_deadline_ms(const struct shop_lane *lane, const struct batch *batch)
{
    int64_t wait_ms = lane->rabbitmq_slow && lane->options->publish_timeout_ms > PUBLISH_SLOW_MS
                          ? PUBLISH_SLOW_MS
                          : lane->options->publish_timeout_ms;
    int64_t deadline_ms = batch->decided_from_ms + wait_ms;
    int64_t least_ms = batch->decided_from_ms + PUBLISH_LEAST_MS;
    for (size_t i = 0; i < batch->count; i++) {
        const struct command *command = &batch->commands[i];
        if (command->fate != COMMAND_ACCEPTED || command->call == NULL) {
            continue;
        }
        int64_t caller_ms = rpc_call_answer_by_ms(command->call);
        caller_ms = caller_ms > least_ms ? caller_ms : least_ms;
        deadline_ms = caller_ms < deadline_ms ? caller_ms : deadline_ms;
    }
    return deadline_ms;
}

/* ---- confirm ---- */

static void confirm(struct shop_lane *lane, struct batch *batch)
{
    struct uuid *ids = arena_alloc(&lane->arena, batch->count * sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; ids != NULL && i < batch->count; i++) {
        if (batch->commands[i].confirmed) {
            ids[count++] = batch->commands[i].event_id;
        }
    }
    struct failure failure;
    if (count > 0 && book_confirm(lane->book, ids, count, &failure) != STATUS_OK) {
        /* The relay publishes them once more; the worker knows them by their ids. */
        outage_note(&lane->redis_outage, lane->clock, &failure);
    }
}

/* ---- answer ---- */

/* While RabbitMQ is away no batch has the time for a whole new connection, and under load the lane
 * is never idle: so between two batches, when nobody's deadline is at stake. */
static void reconnect(struct shop_lane *lane)
{
    if (lane->rabbitmq_slow && !broker_publisher_connected(lane->publisher)) {
        broker_publisher_idle(lane->publisher);
    }
}

/* Its answer follows from what was read, not from the script's decision. */
static bool is_undecided(const struct command *command)
{
    return command->identified &&
           (command->fate == COMMAND_FAILED || command->fate == COMMAND_PERSISTED);
}

/* That Redis has nothing about a request or an order says something only as long as it has lost
 * nothing. Should it have since, they are to be asked for again. */
static void doubt(struct shop_lane *lane, struct batch *batch,
                  bool (*chosen)(const struct command *command))
{
    size_t some = 0;
    for (size_t i = 0; i < batch->count; i++) {
        some += chosen(&batch->commands[i]);
    }
    struct failure failure;
    /* While Redis is away they have failed for that, and nobody waits for it a second time. */
    if (some == 0 || lane->redis_outage.away ||
        shop_lane_still_open(lane, lane->pass.epoch, &failure) == STATUS_OK) {
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (chosen(&batch->commands[i])) {
            *command_fail(&batch->commands[i]) = failure;
        }
    }
}

static bool has_repeat(const struct command *command)
{
    return command->fate == COMMAND_REPEATED && command->kind->repeat != NULL;
}

static void repeat_kind(struct shop_lane *lane, const struct command_kind *kind,
                        struct command **commands, size_t count)
{
    kind->repeat(lane, commands, count);
}

static void refuse_unloaded(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (has_repeat(&batch->commands[i])) {
            (void)refuse_unanswerable(command_fail(&batch->commands[i]));
        }
    }
}

/* How far the earlier ones have come by now, those of this very batch included. */
static void look_up_repeated(struct shop_lane *lane, struct batch *batch)
{
    struct book_lookup *lookups = arena_calloc(&lane->arena, batch->count, sizeof *lookups);
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct command *command = &batch->commands[i];
        if (command->fate == COMMAND_REPEATED) {
            command->durability = DURABILITY_RESERVED; /* at least */
            if (lookups != NULL) {
                lookups[count++].record_id = command->record_id;
            }
        }
    }
    if (count == 0) {
        return;
    }
    struct failure failure;
    if (book_read(lane->book, lookups, count, redis_deadline_ms(lane, batch), &failure) !=
        STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return;
    }
    for (size_t i = 0, at = 0; i < batch->count; i++) {
        struct command *command = &batch->commands[i];
        if (command->fate == COMMAND_REPEATED) {
            command->durability = command_durability(&lookups[at++]);
        }
    }
    if (!commands_by_kind(lane, batch->commands, batch->count, has_repeat, repeat_kind)) {
        refuse_unloaded(batch);
    }
    doubt(lane, batch, has_repeat);
}
