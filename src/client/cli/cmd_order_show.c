/* orderctl order show: an order with its lines and all that has happened to it. */
#include <assert.h>
#include <shop/v1/order_service.pb-c.h>
#include <stddef.h>

#include "client/cli/commands.h"
#include "client/cli/order_events.h"
#include "client/cli/show_order.h"
#include "client/cli/watch.h"
#include "json/json_print.h"

#define SERVICE    (&shop__v1__order_service__descriptor)
#define PAGE_SIZE  1000
#define EVENTS_MAX 100000 /* more than lines can change an order; then a server runs in circles */

struct timeline {
    Shop__V1__OrderEvent **events;
    size_t count, room;
};

static int show_one(struct cli *cli, const void *values);
static int show_once(struct cli *cli, const void *values);
static enum status load_timeline(struct cli *cli, const char *order_id,
                                 struct timeline *timeline_out, struct failure *failure);
static bool add_page(struct cli *cli, const Shop__V1__ListOrderEventsResponse *page,
                     struct timeline *timeline);
static void show_timeline(struct cli *cli, const struct timeline *timeline);
static int show_json(struct cli *cli, const Shop__V1__Order *order,
                     const struct timeline *timeline);

struct show_options {
    struct watch_options watch;
};

static const struct option SHOW_OPTIONS[] = {WATCH_OPTION_ENTRIES(struct show_options, watch)};
static_assert(sizeof(struct show_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

const struct cli_command COMMAND_ORDER_SHOW = {
    .group = "order",
    .name = "show",
    .arguments = "ORDER_ID",
    .summary = "Shows an order with its lines and its timeline.",
    .details =
        "With -o json it prints an object with the order and its orderEvents. The timeline is\n"
        "what PostgreSQL has: the last change may be missing for a moment.",
    .options = SHOW_OPTIONS,
    .option_count = sizeof(SHOW_OPTIONS) / sizeof(SHOW_OPTIONS[0]),
    .words_least = 1,
    .words_most = 1,
    .run = show_one,
};

static int show_one(struct cli *cli, const void *values)
{
    const struct show_options *options = values;
    return watch_run(cli, &options->watch, show_once, values);
}

static int show_once(struct cli *cli, const void *values)
{
    (void)values;
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    request.order_id = cli_text(cli, cli->words[0]);
    struct failure failure;
    ProtobufCMessage *response = NULL;
    struct timeline timeline = {0};
    if (cli_call(cli, SERVICE, "GetOrder", &request.base, &response, &failure) != STATUS_OK ||
        load_timeline(cli, request.order_id, &timeline, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    const Shop__V1__Order *order = (const Shop__V1__Order *)response;
    if (cli->globals.output == CLI_JSON) {
        return show_json(cli, order, &timeline);
    }
    int code = show_order(cli, order);
    show_timeline(cli, &timeline);
    return code;
}

static enum status load_timeline(struct cli *cli, const char *order_id,
                                 struct timeline *timeline_out, struct failure *failure)
{
    Shop__V1__ListOrderEventsRequest request = SHOP__V1__LIST_ORDER_EVENTS_REQUEST__INIT;
    request.order_id = cli_text(cli, order_id);
    request.page_size = PAGE_SIZE;
    for (;;) {
        ProtobufCMessage *response;
        enum status status =
            cli_call(cli, SERVICE, "ListOrderEvents", &request.base, &response, failure);
        if (status != STATUS_OK) {
            return status;
        }
        const Shop__V1__ListOrderEventsResponse *page =
            (const Shop__V1__ListOrderEventsResponse *)response;
        if (!add_page(cli, page, timeline_out)) {
            return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE",
                               "the order's timeline does not fit into memory");
        }
        if (page->next_page_token[0] == '\0') {
            return STATUS_OK;
        }
        request.page_token = page->next_page_token;
    }
}

static bool add_page(struct cli *cli, const Shop__V1__ListOrderEventsResponse *page,
                     struct timeline *timeline)
{
    size_t count = timeline->count + page->n_order_events;
    if (count > EVENTS_MAX) {
        return false;
    }
    if (count > timeline->room) {
        size_t room = 2 * count;
        Shop__V1__OrderEvent **events = arena_alloc(&cli->arena, room * sizeof(events[0]));
        if (events == NULL) {
            return false;
        }
        for (size_t i = 0; i < timeline->count; i++) {
            events[i] = timeline->events[i];
        }
        timeline->events = events;
        timeline->room = room;
    }
    for (size_t i = 0; i < page->n_order_events; i++) {
        timeline->events[timeline->count++] = page->order_events[i];
    }
    return true;
}

static void show_timeline(struct cli *cli, const struct timeline *timeline)
{
    struct table table;
    fputc('\n', cli->out);
    table_init(&table, cli->out, ORDER_EVENT_COLUMNS, ORDER_EVENT_COLUMN_COUNT);
    for (size_t i = 0; i < timeline->count; i++) {
        const char *cells[TABLE_COLUMNS_MAX] = {NULL};
        order_event_cells(&timeline->events[i]->base, &cli->arena, cells);
        table_row(&table, cells);
    }
    table_fini(&table);
}

static int show_json(struct cli *cli, const Shop__V1__Order *order, const struct timeline *timeline)
{
    static const struct json_print_options OPTIONS = {.defaults = true, .pretty = true};
    struct json_text text;
    struct bytes printed;
    struct failure failure;
    enum status status;
    json_text_begin(&text, &cli->arena, true);
    json_text_open(&text, '{');
    json_text_key(&text, bytes_of_text("order"));
    status = json_print_into(&order->base, &OPTIONS, &text, &failure);
    json_text_key(&text, bytes_of_text("orderEvents"));
    json_text_open(&text, '[');
    for (size_t i = 0; i < timeline->count && status == STATUS_OK; i++) {
        status = json_print_into(&timeline->events[i]->base, &OPTIONS, &text, &failure);
    }
    json_text_close(&text, ']');
    json_text_close(&text, '}');
    if (status == STATUS_OK && !json_text_end(&text, &printed)) {
        status = failure_set(&failure, STATUS_RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE",
                             "the order does not fit into memory");
    }
    if (status != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    fprintf(cli->out, "%s\n", (const char *)printed.data);
    return CLI_OK;
}
