/* orderctl import orders: rows that follow one another with the same order_ref are one order;
 * orders travel in batches. Always: an order is sent whole or not at all; a row of it that cannot
 * be read spoils the order, and one whose order_ref cannot be read spoils the orders before and
 * behind it. An order that is refused leaves the others of its batch alone; a batch with one that
 * may yet be accepted is repeated. */
#include <shop/v1/order_service.pb-c.h>

#include "client/cli/commands.h"
#include "client/cli/import.h"
#include "client/cli/order_batch.h"
#include "client/cli/order_group.h"

/* What is kept between rows. */
struct orders_state {
    struct order_group group; /* the rows of the order at hand */
    struct window_job *job;   /* orders that wait for more; NULL = none */
};

static int run(struct cli *cli, const void *values);
static void on_row(struct import *import, const struct csv_values *values, const char *problem);
static void on_file_end(struct import *import);
static bool on_end(struct import *import, struct window *window, struct window_job *job);
static void finish_group(struct import *import);
static void add_order(struct import *import, const struct order_group *group);
static void send_batch(struct import *import);
static void count_result(struct import *import, const struct import_subject *subject,
                         const Shop__V1__CreateOrderResult *result);

const struct cli_command COMMAND_IMPORT_ORDERS = {
    .group = "import",
    .name = "orders",
    .arguments = "FILE.csv",
    .summary = "Places the orders of a CSV file ('-' reads standard input).",
    .details =
        "Columns, in any order: order_ref,customer_id,order_time,product_id,quantity and, if\n"
        "prices were agreed on elsewhere, unit_price_minor (the server takes that over its local\n"
        "ipc socket only).\n\n"
        "Rows that follow one another with the same order_ref are one order; it is placed with\n"
        "all its lines or not at all. Importing a file twice places nothing twice.",
    .options = IMPORT_OPTIONS,
    .option_count = IMPORT_OPTION_COUNT,
    .words_least = 1,
    .words_most = 1,
    .run = run,
};

static int run(struct cli *cli, const void *values)
{
    static const struct import_kind KIND = {
        .noun = "orders",
        .columns = ORDER_GROUP_COLUMNS,
        .column_count = ORDER_GROUP_COLUMN_COUNT,
        .state_size = sizeof(struct orders_state),
        .service = &shop__v1__order_service__descriptor,
        .on_row = on_row,
        .on_file_end = on_file_end,
        .is_unfinished = order_batch_is_unfinished,
        .on_end = on_end,
    };
    return import_run(cli, &KIND, values);
}

static void on_row(struct import *import, const struct csv_values *values, const char *problem)
{
    struct order_group *group = &((struct orders_state *)import->state)->group;
    if (!order_group_takes(group, values)) {
        finish_group(import);
    }
    order_group_add(group, values, problem);
}

static void on_file_end(struct import *import)
{
    struct orders_state *state = import->state;
    finish_group(import);
    send_batch(import);
    order_group_fini(&state->group);
}

static void finish_group(struct import *import)
{
    struct order_group *group = &((struct orders_state *)import->state)->group;
    struct failure failure;
    size_t line;
    if (!group->open) {
        return;
    }
    int64_t now_us = clock_unix_us(import->cli->environment->clock);
    if (order_group_check(group, now_us, &failure, &line) == STATUS_OK) {
        add_order(import, group);
    } else {
        import_count(import, IMPORT_BAD, line, group->order.order_ref, &failure);
    }
    order_group_reset(group);
}

static void add_order(struct import *import, const struct order_group *group)
{
    struct orders_state *state = import->state;
    if (state->job != NULL && !order_batch_has_room(state->job->subject, &group->order)) {
        send_batch(import);
    }
    if (state->job == NULL) {
        state->job = import_take(import, sizeof(struct order_batch));
    }
    if (state->job == NULL) {
        import_count(import, IMPORT_CREATED, group->first_line, group->order.order_ref, NULL);
        return;
    }
    order_batch_add(state->job->subject, &state->job->arena, &group->order, group->first_line);
}

static void send_batch(struct import *import)
{
    struct orders_state *state = import->state;
    if (state->job == NULL) {
        return;
    }
    struct order_batch *batch = state->job->subject;
    state->job->method = "BatchCreateOrders";
    state->job->request = &batch->request.base;
    import_send(import, state->job);
    state->job = NULL;
}

static bool on_end(struct import *import, struct window *window, struct window_job *job)
{
    (void)window;
    const struct order_batch *batch = job->subject;
    const Shop__V1__BatchCreateOrdersResponse *response =
        (const Shop__V1__BatchCreateOrdersResponse *)job->response;
    if (response != NULL && response->n_results != batch->count) {
        (void)failure_set(&job->failure, STATUS_UNKNOWN, "MALFORMED_RESPONSE",
                          "%zu results for %zu orders", response->n_results, batch->count);
        response = NULL;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (response == NULL) {
            import_count_failure(import, &batch->orders[i], &job->failure);
        } else {
            count_result(import, &batch->orders[i], response->results[i]);
        }
    }
    return false;
}

static void count_result(struct import *import, const struct import_subject *subject,
                         const Shop__V1__CreateOrderResult *result)
{
    struct failure failure;
    switch (result->outcome_case) {
    case SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_ORDER:
        import_count(import,
                     import_is_new(import, result->order->create_time) ? IMPORT_CREATED
                                                                       : IMPORT_UNCHANGED,
                     subject->line, subject->name, NULL);
        return;
    case SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_FAILURE:
        order_failure_read(result->failure, &failure);
        import_count_failure(import, subject, &failure);
        return;
    default:
        (void)failure_set(&failure, STATUS_UNKNOWN, "MALFORMED_RESPONSE",
                          "a result without outcome");
        import_count_failure(import, subject, &failure);
        return;
    }
}
