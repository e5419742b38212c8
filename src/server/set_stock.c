/* See set_stock.h. */
#include "server/set_stock.h"

#include "server/adjust_stock.h"
#include "server/catalogue.h"
#include "server/refusals.h"
#include "server/shop_lane.h"
#include "shop/product_codec.h"

static void prepare(struct shop_lane *lane, struct command **commands, size_t count);
static void look(struct shop_lane *lane, struct command **commands, size_t count);
static enum status read_stock(struct shop_lane *lane, struct command **commands, size_t count,
                              struct book_count *counts, struct stock **stock_out,
                              size_t *found_out, struct failure *failure);
static void compare(struct shop_lane *lane, struct command *command, const struct book_count *last,
                    const struct stock *stock);
static const ProtobufCMessage *answer(struct shop_lane *lane, struct command *command);

const struct command_kind set_stock_kind = {
    .name = "set_stock",
    .prepare = prepare,
    .again = look,
    .recall = adjust_stock_recall,
    .answer = answer,
    .short_reason = "WOULD_OVERSELL",
};

static void prepare(struct shop_lane *lane, struct command **commands, size_t count)
{
    adjust_stock_read(lane, commands, count);
    look(lane, commands, count);
}

static bool is_asking(const struct command *command)
{
    return command->fate == COMMAND_OPEN || command->fate == COMMAND_CONFLICTED;
}

static void look(struct shop_lane *lane, struct command **commands, size_t count)
{
    struct book_count *counts = arena_calloc(&lane->arena, count, sizeof *counts);
    struct stock *stock = NULL;
    size_t found = 0;
    struct failure failure;
    enum status status = counts != NULL
                             ? read_stock(lane, commands, count, counts, &stock, &found, &failure)
                             : refuse_overloaded(&failure);
    for (size_t i = 0, at = 0; i < count; i++) {
        if (!is_asking(commands[i])) {
            continue;
        }
        if (status != STATUS_OK) {
            *command_fail(commands[i]) = failure;
            continue;
        }
        const struct book_count *last = &counts[at++];
        compare(lane, commands[i], last, catalogue_pick_stock(stock, found, last->product_id));
    }
}

/* Redis first: what it says is settled PostgreSQL shows then. */
static enum status read_stock(struct shop_lane *lane, struct command **commands, size_t count,
                              struct book_count *counts, struct stock **stock_out,
                              size_t *found_out, struct failure *failure)
{
    const char **ids = arena_alloc(&lane->arena, count * sizeof *ids);
    if (ids == NULL) {
        return refuse_overloaded(failure);
    }
    size_t asked = 0;
    for (size_t i = 0; i < count; i++) {
        const struct stock_adjustment *adjustment = commands[i]->body;
        if (is_asking(commands[i])) {
            ids[asked] = adjustment->product_id;
            counts[asked++].product_id = adjustment->product_id;
        }
    }
    if (asked == 0) {
        return STATUS_OK;
    }
    struct failure cause;
    int64_t now_ms = clock_monotonic_ms(lane->clock);
    if (book_read_counts(lane->book, counts, asked, &lane->arena,
                         now_ms + lane->options->redis_timeout_ms, &cause) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &cause);
        return refuse_unavailable(failure, STORE_REDIS);
    }
    if (catalogue_find_stock(lane->postgres, ids, asked, &lane->arena,
                             now_ms + lane->options->postgres_timeout_ms, stock_out, found_out,
                             &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    return STATUS_OK;
}

static void compare(struct shop_lane *lane, struct command *command, const struct book_count *last,
                    const struct stock *stock)
{
    const struct stock_adjustment *adjustment = command->body;
    if (stock == NULL) {
        (void)refuse_not_loaded(command_fail(command), adjustment->product_id);
        return;
    }
    if (last->in_outbox || stock->on_hand != adjustment->expected) {
        struct failure *failure = command_fail(command);
        (void)failure_set(failure, STATUS_ABORTED, "STOCK_CHANGED",
                          last->in_outbox
                              ? "nothing was done: another adjustment of %s is on its way"
                              : "nothing was done: %s has another number on hand",
                          adjustment->product_id);
        failure_add(failure, "product_id", "%s", adjustment->product_id);
        failure_add(failure, "on_hand", "%lld", (long long)stock->on_hand);
        return;
    }
    if (adjustment->delta == 0) {
        command->fate = COMMAND_PERSISTED;
        command->durability = DURABILITY_PERSISTED;
        return;
    }
    command->fate = COMMAND_OPEN;
    adjust_stock_plan(lane, command);
    command->hold = BOOK_RECOUNT;
    command->found_count = last->event_id;
}

static const ProtobufCMessage *answer(struct shop_lane *lane, struct command *command)
{
    const ProtobufCMessage *response =
        product_codec_set(command->body, command->durability, &lane->arena);
    if (response == NULL) {
        (void)refuse_unanswerable(command_fail(command));
    }
    return response;
}
