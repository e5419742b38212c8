/* Event store on PostgreSQL: see event_store.h. One transaction, two exchanges of the pipeline; a
 * third only when an event was there before. Events that waited and can be applied now are another
 * transaction, of the same plan. Statements: event_store_sql.h, change_sql.h; rows: event_rows.c,
 * change_rows.c; what follows from what: event_plan.c. */
#include <stdlib.h>

#include "base/failpoint.h"
#include "worker/change_rows.h"
#include "worker/change_sql.h"
#include "worker/event_store_inside.h"
#include "worker/event_store_sql.h"
#include "worker/stock_notices.h"

#define CONNECT_TIMEOUT_MS   3000
#define STATEMENT_TIMEOUT_MS 5000
/* An exchange: a batch takes milliseconds; what takes this long is stuck. */
#define EXCHANGE_MS 10000
/* Rows of a batch of 4 MiB of events, and half as much again. */
#define ARENA_FIRST_BYTES (256 * 1024)
#define ARENA_LIMIT_BYTES (64UL * 1024 * 1024)

static enum status insert_and_lock(struct event_store *store, struct event_plan *plan,
                                   int64_t *epoch_out, struct failure *failure);
static enum status read_changes(struct event_store *store, size_t first, struct event_plan *plan,
                                struct failure *failure);
static enum status learn_winners(struct event_store *store, struct event_plan *plan,
                                 struct failure *failure);
static enum status record_doubles(struct event_store *store, struct event_plan *plan, int64_t epoch,
                                  struct failure *failure);
static enum status change_and_commit(struct event_store *store, const struct event_plan *plan,
                                     struct event_write *write, struct failure *failure);
static void add_rejected_letters(struct event_store *store, const struct event_plan *plan);
static void take_deltas(struct event_store *store, size_t result, struct event_write *write);
static bool read_ready(struct event_store *store, size_t result);
static enum status fold_ready(struct event_store *store, struct event_write *write,
                              struct failure *failure);
static enum status lock_waiting(struct event_store *store, struct event_plan *plan,
                                struct event_write *write, struct failure *failure);
static enum status refuse_full(struct failure *failure);

struct event_store *event_store_create(const char *database_url, const char *shard,
                                       const char *application_name, const struct clock *clock)
{
    struct event_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return NULL;
    }
    store->clock = clock;
    store->shard = shard;
    arena_init(&store->arena, ARENA_FIRST_BYTES, ARENA_LIMIT_BYTES);
    const struct postgres_link_options options = {
        .url = database_url,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .application_name = application_name,
        .clock = clock,
    };
    store->link = postgres_link_create(&options);
    postgres_fitness_init(&store->fitness, &options);
    if (store->link == NULL) {
        event_store_destroy(&store);
    }
    return store;
}

void event_store_destroy(struct event_store **store)
{
    if (*store == NULL) {
        return;
    }
    postgres_fitness_fini(&(*store)->fitness);
    postgres_link_destroy(&(*store)->link);
    arena_fini(&(*store)->arena);
    free(*store);
    *store = NULL;
}

enum status event_store_fits(struct event_store *store, struct failure *failure)
{
    return postgres_fitness_look(&store->fitness, store->link, failure);
}

enum status event_store_ready(struct event_store *store, bool *quiet_out, struct failure *failure)
{
    event_store_start(store);
    int64_t epoch;
    struct postgres_parameter shard = postgres_text(store->shard);
    (void)event_rows_add(&store->rows, &SQL_MAY_CONSUME, &shard, 1);
    enum status status = event_store_exchange(store, failure);
    status =
        status == STATUS_OK ? event_store_read_epoch(store->results[0], &epoch, failure) : status;
    *quiet_out = status == STATUS_OK && postgres_result_int(store->results[0], 0, 1) == 0;
    return status;
}

enum status event_store_write(struct event_store *store, struct event_write *write,
                              struct failure *failure)
{
    event_store_start(store);
    write->deltas = NULL;
    write->delta_count = write->folded = write->refused = 0;
    struct event_plan plan = {.arena = &store->arena};
    enum status status = STATUS_OK;
    if (write->event_count > 0) {
        status =
            event_plan_prepare(&plan, write->events, write->event_count, &store->arena, failure);
    }
    if (status == STATUS_OK) {
        status = insert_and_lock(store, &plan, &write->epoch, failure);
    }
    if (status == STATUS_OK) {
        event_plan_lapse(&plan, write->epoch);
        status = learn_winners(store, &plan, failure);
    }
    if (status == STATUS_OK) {
        status = record_doubles(store, &plan, write->epoch, failure);
    }
    if (status == STATUS_OK && !event_plan_decide(&plan, write->epoch)) {
        status = refuse_full(failure);
    }
    if (status == STATUS_OK) {
        FAILPOINT("before_commit");
        status = change_and_commit(store, &plan, write, failure);
    }
    if (status != STATUS_OK) {
        postgres_link_rollback(store->link);
        return status;
    }
    /* The batch is committed, whatever becomes of this: event_store_fold finds them again. */
    struct failure ignored;
    (void)fold_ready(store, write, &ignored);
    return STATUS_OK;
}

enum status event_store_fold(struct event_store *store, size_t most, struct event_write *write,
                             struct failure *failure)
{
    event_store_start(store);
    *write = (struct event_write){0};
    struct postgres_parameter limit = postgres_int8(&store->arena, (int64_t)most);
    size_t ready = event_rows_add(&store->rows, &SQL_ALL_READY, &limit, 1);
    enum status status = event_store_exchange(store, failure);
    if (status != STATUS_OK) {
        return status;
    }
    return read_ready(store, ready) ? fold_ready(store, write, failure) : refuse_full(failure);
}

/* Again while others' events become ready meanwhile: each turn applies some. */
static enum status fold_ready(struct event_store *store, struct event_write *write,
                              struct failure *failure)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && store->ready_count > 0) {
        struct event_plan plan = {.arena = &store->arena};
        status = lock_waiting(store, &plan, write, failure);
        if (status == STATUS_OK && !event_plan_decide(&plan, write->epoch)) {
            status = refuse_full(failure);
        }
        if (status == STATUS_OK) {
            FAILPOINT("before_fold");
            status = change_and_commit(store, &plan, write, failure);
        }
        for (size_t i = 0; status == STATUS_OK && i < plan.event_count; i++) {
            write->folded += plan.events[i].stored->outcome != EVENT_WAITING;
        }
        write->refused += status == STATUS_OK ? plan.rejected_count : 0;
    }
    if (status != STATUS_OK) {
        postgres_link_rollback(store->link);
    }
    return status;
}

/* Orders, then their waiting events, then the stock that these move. Another worker may have been
 * quicker: then there are none. */
static enum status lock_waiting(struct event_store *store, struct event_plan *plan,
                                struct event_write *write, struct failure *failure)
{
    struct event_rows *rows = &store->rows;
    struct postgres_parameter shard = postgres_text(store->shard);
    const struct uuid *ids = store->ready;
    size_t count = store->ready_count;
    store->ready_count = 0;
    (void)event_rows_add(rows, &SQL_BEGIN, NULL, 0);
    size_t epoch = event_rows_add(rows, &SQL_EPOCH, &shard, 1);
    (void)change_rows_add_lock_of(rows, ids, count);
    size_t waiting = change_rows_add_waiting_query(rows, ids, count);
    size_t lines = change_rows_add_waiting_lines_query(rows, ids, count);
    enum status status = event_store_exchange(store, failure);
    if (status == STATUS_OK) {
        status = event_store_read_epoch(store->results[epoch], &write->epoch, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    size_t event_count = postgres_result_rows(store->results[waiting]);
    struct stored_event *events =
        change_rows_read_waiting(store->results[waiting], store->results[lines], &store->arena);
    if (events == NULL) {
        return refuse_full(failure);
    }
    status = event_plan_prepare(plan, events, event_count, &store->arena, failure);
    if (status != STATUS_OK || event_count == 0) {
        return status;
    }
    plan->waited = true;
    for (size_t i = 0; i < plan->slot_count; i++) {
        plan->slots[i].fresh = true;
    }
    size_t first = change_rows_add_lock(rows, plan);
    (void)change_rows_add_lines_query(rows, plan);
    size_t stock = event_rows_add_lock(rows, plan);
    status = event_store_exchange(store, failure);
    if (status == STATUS_OK) {
        event_rows_read_stock(store->results[stock], plan);
        status = read_changes(store, first, plan, failure);
    }
    return status;
}

static enum status refuse_full(struct failure *failure)
{
    return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
                       "a batch does not fit its arena");
}

const char *event_store_detail(const struct event_store *store)
{
    return postgres_link_detail(store->link);
}

void event_store_start(struct event_store *store)
{
    arena_reset(&store->arena);
    store->rows = (struct event_rows){.link = store->link, .arena = &store->arena};
    store->sweep = (struct event_sweep){0};
    store->ready_count = 0;
}

/* The first exchange: events, orders and lines go in where they are new; the epoch and the stock of
 * all products concerned come back, both locked. */
static enum status insert_and_lock(struct event_store *store, struct event_plan *plan,
                                   int64_t *epoch_out, struct failure *failure)
{
    struct event_rows *rows = &store->rows;
    struct postgres_parameter shard = postgres_text(store->shard);
    bool has_orders = plan->order_count > 0;
    bool has_adjustments = plan->first_change > plan->order_count;
    bool has_changes = plan->changed_count > 0;
    (void)event_rows_add(rows, &SQL_BEGIN, NULL, 0);
    size_t epoch = event_rows_add(rows, &SQL_EPOCH, &shard, 1);
    size_t orders = has_orders ? event_rows_add_orders(rows, plan) : 0;
    size_t changes = has_changes ? change_rows_add_lock(rows, plan) : 0;
    if (has_changes) {
        (void)change_rows_add_lines_query(rows, plan);
        (void)change_rows_add_known_query(rows, plan);
    }
    size_t stock = plan->slot_count > 0 ? event_rows_add_lock(rows, plan) : 0;
    size_t entries = has_adjustments ? event_rows_add_entries_query(rows, plan) : 0;
    enum status status = event_store_exchange(store, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (has_orders) {
        event_rows_read_orders(store->results[orders], plan);
    }
    if (plan->slot_count > 0) {
        event_rows_read_stock(store->results[stock], plan);
    }
    if (has_adjustments) {
        event_rows_read_entries(store->results[entries], plan);
    }
    if (has_changes) {
        change_rows_read_known(store->results[changes + 2], plan);
        status = read_changes(store, changes, plan, failure);
    }
    return status == STATUS_OK ? event_store_read_epoch(store->results[epoch], epoch_out, failure)
                               : status;
}

/* `first`: the result with the orders; their lines come next. */
static enum status read_changes(struct event_store *store, size_t first, struct event_plan *plan,
                                struct failure *failure)
{
    return change_rows_read_orders(store->results[first], plan) &&
                   change_rows_read_lines(store->results[first + 1], plan)
               ? STATUS_OK
               : refuse_full(failure);
}

enum status event_store_read_epoch(const struct postgres_result *result, int64_t *epoch_out,
                                   struct failure *failure)
{
    if (postgres_result_rows(result) != 1) {
        return failure_set(failure, STATUS_INTERNAL, "SCHEMA_INCOMPLETE",
                           "table control has no row for this shard: apply the migrations");
    }
    *epoch_out = postgres_result_int(result, 0, 0);
    return STATUS_OK;
}

/* Rare: some orders were there. Which event made them? */
static enum status learn_winners(struct event_store *store, struct event_plan *plan,
                                 struct failure *failure)
{
    size_t known = 0;
    for (size_t i = 0; i < plan->order_count; i++) {
        known += !plan->slots[i].fresh;
    }
    if (known == 0) {
        return STATUS_OK;
    }
    size_t winners = event_rows_add_winners_query(&store->rows, plan);
    enum status status = event_store_exchange(store, failure);
    if (status == STATUS_OK) {
        event_rows_read_winners(store->results[winners], plan);
    }
    return status;
}

/* Rarer: one of them was reserved twice. It is on record from now on, so that its units are given
 * back once, however often it is delivered. */
static enum status record_doubles(struct event_store *store, struct event_plan *plan, int64_t epoch,
                                  struct failure *failure)
{
    size_t doubles = 0;
    for (size_t i = 0; i < plan->event_count; i++) {
        doubles += event_plan_is_double(&plan->events[i], epoch);
    }
    if (doubles == 0) {
        return STATUS_OK;
    }
    size_t recorded = event_rows_add_doubles(&store->rows, plan, epoch);
    enum status status = event_store_exchange(store, failure);
    if (status == STATUS_OK) {
        event_rows_read_doubles(store->results[recorded], plan);
    }
    return status;
}

static enum status change_and_commit(struct event_store *store, const struct event_plan *plan,
                                     struct event_write *write, struct failure *failure)
{
    struct event_rows *rows = &store->rows;
    size_t deltas = 0;
    event_rows_add_decided(rows, plan);
    change_rows_add_decided(rows, plan);
    change_rows_add_feed(rows, plan);
    stock_notices_add(rows, plan, write->epoch);
    bool has_deltas = event_rows_add_deltas(rows, plan, write->epoch, &deltas);
    (void)event_rows_add_letters(rows, store->shard, write->letters, write->letter_count);
    struct postgres_parameter letter_id = postgres_int8(&store->arena, write->letter_id);
    if (write->letter_id != 0) {
        (void)event_rows_add(rows, &SQL_SETTLE_LETTER, &letter_id, 1);
    }
    add_rejected_letters(store, plan);
    (void)event_rows_add(rows, &SQL_COMMIT, NULL, 0);
    bool has_orders = plan->order_count + plan->changed_count > 0;
    size_t ready = has_orders ? change_rows_add_ready_query(rows, plan) : 0;
    enum status status = event_store_exchange(store, failure);
    if (status == STATUS_OK && has_deltas) {
        take_deltas(store, deltas, write);
    }
    if (status == STATUS_OK && has_orders) {
        (void)read_ready(store, ready);
    }
    return status;
}

/* Committed: should memory be out now, the sweep finds them. */
static void take_deltas(struct event_store *store, size_t result, struct event_write *write)
{
    const struct book_delta *more = NULL;
    size_t count = 0;
    if (event_store_read_deltas(store, result, &more, &count, NULL) != STATUS_OK) {
        return;
    }
    struct book_delta *all = arena_calloc(&store->arena, write->delta_count + count, sizeof *all);
    if (all == NULL) {
        return;
    }
    if (write->delta_count > 0) {
        memcpy(all, write->deltas, write->delta_count * sizeof *all);
    }
    memcpy(all + write->delta_count, more, count * sizeof *all);
    write->deltas = all;
    write->delta_count += count;
}

static bool read_ready(struct event_store *store, size_t result)
{
    size_t count = postgres_result_rows(store->results[result]);
    store->ready = arena_calloc(&store->arena, count, sizeof *store->ready);
    for (size_t i = 0; store->ready != NULL && i < count; i++) {
        store->ready[i] = postgres_result_uuid(store->results[result], i, 0);
    }
    store->ready_count = store->ready != NULL ? count : 0;
    return store->ready != NULL;
}

/* A rejected order is a row that says so; anything else is kept as a letter. */
static void add_rejected_letters(struct event_store *store, const struct event_plan *plan)
{
    for (size_t i = 0; i < plan->rejected_count; i++) {
        const struct event *event = plan->rejected[i];
        if (event->kind == EVENT_ORDER_CREATED) {
            continue;
        }
        bool adjusts = event->kind == EVENT_STOCK_ADJUSTED;
        struct dead_letter letter = {
            .reason = adjusts ? "STOCK_GUARD" : "CHANGE_GUARD",
            .message = adjusts
                           ? "less would be on hand than is reserved, or there is no such product"
                           : "it contradicts its order, or there are no such units",
            .routing_key = event_codec_routing_key(event->kind),
            .message_id = "",
            .body = event->encoded,
        };
        (void)event_rows_add_letters(&store->rows, store->shard, &letter, 1);
    }
}

enum status event_store_read_deltas(struct event_store *store, size_t result,
                                    const struct book_delta **deltas_out, size_t *count_out,
                                    struct failure *failure)
{
    size_t count = postgres_result_rows(store->results[result]);
    const struct book_delta *deltas = event_rows_read_deltas(store->results[result], &store->arena);
    if (deltas == NULL && count > 0) {
        return failure_set(failure, STATUS_UNAVAILABLE, "OUT_OF_MEMORY", "out of memory");
    }
    *deltas_out = deltas;
    *count_out = count;
    return STATUS_OK;
}

enum status event_store_commit(struct event_store *store, struct failure *failure)
{
    (void)event_rows_add(&store->rows, &SQL_COMMIT, NULL, 0);
    return event_store_exchange(store, failure);
}

enum status event_store_exchange(struct event_store *store, struct failure *failure)
{
    int64_t deadline_ms = clock_monotonic_ms(store->clock) + EXCHANGE_MS;
    store->rows.added = 0;
    return postgres_link_flush(store->link, deadline_ms, &store->results, failure);
}
