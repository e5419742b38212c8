/* orderctl import orders: rows that follow one another with the same order_ref are one order.
 * Always: an order is sent whole or not at all; a row of it that cannot be read spoils the order,
 * and one whose order_ref cannot be read spoils the orders before and behind it. */
#include <assert.h>
#include <shop/v1/order_service.pb-c.h>

#include "client/cli/commands.h"
#include "client/cli/import.h"
#include "client/cli/order_group.h"

static int run(struct cli *cli, const void *values);
static void on_row(struct import *import, const struct csv_values *values, const char *problem);
static void on_file_end(struct import *import);
static bool on_end(struct import *import, struct window *window, struct window_job *job);
static void finish_group(struct import *import);
static void send_order(struct import *import, const struct order_group *group);
static void copy_lines(const struct order_request *order, struct arena *arena,
                       Shop__V1__CreateOrderRequest *message);

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
        .state_size = sizeof(struct order_group),
        .service = &shop__v1__order_service__descriptor,
        .on_row = on_row,
        .on_file_end = on_file_end,
        .on_end = on_end,
    };
    return import_run(cli, &KIND, values);
}

static void on_row(struct import *import, const struct csv_values *values, const char *problem)
{
    struct order_group *group = import->state;
    if (!order_group_takes(group, values)) {
        finish_group(import);
    }
    order_group_add(group, values, problem);
}

static void on_file_end(struct import *import)
{
    struct order_group *group = import->state;
    finish_group(import);
    order_group_fini(group);
}

static void finish_group(struct import *import)
{
    struct order_group *group = import->state;
    struct failure failure;
    size_t line;
    if (!group->open) {
        return;
    }
    int64_t now_us = clock_unix_us(import->cli->environment->clock);
    if (order_group_check(group, now_us, &failure, &line) == STATUS_OK) {
        send_order(import, group);
    } else {
        import_count(import, IMPORT_BAD, line, group->order.order_ref, &failure);
    }
    order_group_reset(group);
}

static void send_order(struct import *import, const struct order_group *group)
{
    const struct order_request *order = &group->order;
    struct window_job *job =
        import_take(import, group->first_line, order->order_ref, sizeof(struct import_subject));
    if (job == NULL) {
        import_count(import, IMPORT_CREATED, group->first_line, order->order_ref, NULL);
        return;
    }
    struct arena *arena = &job->arena;
    Shop__V1__CreateOrderRequest *message = arena_alloc(arena, sizeof(*message));
    shop__v1__create_order_request__init(message);
    message->request_id = import_request_id(arena, "import-order-", &order->order_ref, 1);
    message->customer_id = arena_strdup(arena, order->customer_id);
    message->order_ref = arena_strdup(arena, order->order_ref);
    if (order->has_placed_time) {
        message->placed_time = arena_alloc(arena, sizeof(*message->placed_time));
        google__protobuf__timestamp__init(message->placed_time);
        int64_t micros = order->placed_time_us % 1000000;
        micros += micros < 0 ? 1000000 : 0;
        message->placed_time->seconds = (order->placed_time_us - micros) / 1000000;
        message->placed_time->nanos = (int32_t)(micros * 1000);
    }
    copy_lines(order, arena, message);
    job->method = "CreateOrder";
    job->request = &message->base;
    import_send(import, job);
}

static void copy_lines(const struct order_request *order, struct arena *arena,
                       Shop__V1__CreateOrderRequest *message)
{
    Shop__V1__CreateOrderLine *lines = arena_calloc(arena, order->line_count, sizeof(lines[0]));
    message->lines = arena_calloc(arena, order->line_count, sizeof(message->lines[0]));
    message->n_lines = order->line_count;
    assert(lines != NULL && message->lines != NULL); /* a job has room for the largest order */
    for (size_t i = 0; i < order->line_count; i++) {
        const struct order_line *line = &order->lines[i];
        shop__v1__create_order_line__init(&lines[i]);
        lines[i].product_id = arena_strdup(arena, line->product_id);
        lines[i].quantity = line->quantity;
        if (line->has_price) {
            lines[i].price_presence_case =
                SHOP__V1__CREATE_ORDER_LINE__PRICE_PRESENCE_UNIT_PRICE_MINOR;
            lines[i].unit_price_minor = line->unit_price_minor;
        }
        message->lines[i] = &lines[i];
    }
}

static bool on_end(struct import *import, struct window *window, struct window_job *job)
{
    (void)window;
    const struct import_subject *subject = job->subject;
    if (job->response == NULL) {
        import_count_failure(import, job);
        return false;
    }
    const Shop__V1__Order *order = (const Shop__V1__Order *)job->response;
    import_count(import,
                 import_is_new(import, order->create_time) ? IMPORT_CREATED : IMPORT_UNCHANGED,
                 subject->line, subject->name, NULL);
    return false;
}
