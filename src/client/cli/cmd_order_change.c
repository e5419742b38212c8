/* orderctl order: what happens to an order once it is placed. */
#include <assert.h>
#include <shop/v1/order_service.pb-c.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/list.h"
#include "client/cli/order_events.h"
#include "client/cli/show_order.h"
#include "shop/limits.h"

#define SERVICE (&shop__v1__order_service__descriptor)

struct confirm_options {
    const char *payment, *request_id;
    bool reacquire;
};

struct cancel_options {
    const char *reason, *request_id;
    bool write_off;
};

struct fulfil_options {
    const char *tracking, *request_id;
};

static int confirm_order(struct cli *cli, const void *values);
static int cancel_order(struct cli *cli, const void *values);
static int fulfil_order(struct cli *cli, const void *values);
static int list_events(struct cli *cli, const void *values);
static int change(struct cli *cli, const char *method, const ProtobufCMessage *request);
static bool parse_lines(struct cli *cli, Shop__V1__LineQuantity ***lines_out, size_t *count_out);

#define REQUEST_ID_OPTION(VALUES)            \
    {.name = "request-id",                   \
     .type = OPTION_TEXT,                    \
     .offset = offsetof(VALUES, request_id), \
     .value = "ID",                          \
     .help = "names the attempt: asking again with it cannot do it twice (default: a new one)"}

static const struct option CONFIRM_OPTIONS[] = {
    {.name = "payment",
     .type = OPTION_TEXT,
     .offset = offsetof(struct confirm_options, payment),
     .value = "TEXT",
     .help = "what paid for it"},
    {.name = "reacquire",
     .type = OPTION_FLAG,
     .offset = offsetof(struct confirm_options, reacquire),
     .help = "also when the hold ran out: take the units again if they are there"},
    REQUEST_ID_OPTION(struct confirm_options),
};
static_assert(sizeof(struct confirm_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

static const struct option CANCEL_OPTIONS[] = {
    {.name = "reason",
     .type = OPTION_TEXT,
     .offset = offsetof(struct cancel_options, reason),
     .value = "TEXT",
     .help = "why"},
    {.name = "write-off",
     .type = OPTION_FLAG,
     .offset = offsetof(struct cancel_options, write_off),
     .help = "the units are gone: they do not become available again"},
    REQUEST_ID_OPTION(struct cancel_options),
};
static_assert(sizeof(struct cancel_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

static const struct option FULFIL_OPTIONS[] = {
    {.name = "tracking",
     .type = OPTION_TEXT,
     .offset = offsetof(struct fulfil_options, tracking),
     .value = "TEXT",
     .help = "of the parcel"},
    REQUEST_ID_OPTION(struct fulfil_options),
};
static_assert(sizeof(struct fulfil_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

const struct cli_command COMMAND_ORDER_CONFIRM = {
    .group = "order",
    .name = "confirm",
    .arguments = "ORDER_ID",
    .summary = "Makes the units of a held order the customer's.",
    .options = CONFIRM_OPTIONS,
    .option_count = sizeof(CONFIRM_OPTIONS) / sizeof(CONFIRM_OPTIONS[0]),
    .words_least = 1,
    .words_most = 1,
    .run = confirm_order,
};

const struct cli_command COMMAND_ORDER_CANCEL = {
    .group = "order",
    .name = "cancel",
    .arguments = "ORDER_ID [LINE=QUANTITY...]",
    .summary = "Gives back what is open of an order, or some of it.",
    .details = "  orderctl order cancel ORDER_ID 1=2 3=1 --reason 'damaged' --write-off\n\n"
               "LINE is the line's place in the order, from 1; ascending.",
    .options = CANCEL_OPTIONS,
    .option_count = sizeof(CANCEL_OPTIONS) / sizeof(CANCEL_OPTIONS[0]),
    .words_least = 1,
    .words_most = 1 + SHOP_ORDER_LINES_MAX,
    .run = cancel_order,
};

const struct cli_command COMMAND_ORDER_FULFIL = {
    .group = "order",
    .name = "fulfil",
    .arguments = "ORDER_ID [LINE=QUANTITY...]",
    .summary = "Sends what is open of a confirmed order, or some of it.",
    .details = "LINE is the line's place in the order, from 1; ascending.",
    .options = FULFIL_OPTIONS,
    .option_count = sizeof(FULFIL_OPTIONS) / sizeof(FULFIL_OPTIONS[0]),
    .words_least = 1,
    .words_most = 1 + SHOP_ORDER_LINES_MAX,
    .run = fulfil_order,
};

const struct cli_command COMMAND_ORDER_EVENTS = {
    .group = "order",
    .name = "events",
    .arguments = "ORDER_ID",
    .summary = "Lists what has happened to an order, the oldest first.",
    .details = LIST_DETAILS,
    .options = LIST_OPTIONS,
    .option_count = LIST_OPTION_COUNT,
    .words_least = 1,
    .words_most = 1,
    .run = list_events,
};

static int confirm_order(struct cli *cli, const void *values)
{
    const struct confirm_options *options = values;
    Shop__V1__ConfirmOrderRequest request = SHOP__V1__CONFIRM_ORDER_REQUEST__INIT;
    request.order_id = cli_text(cli, cli->words[0]);
    request.request_id = cli_text(cli, cli_request_id(cli, options->request_id));
    request.payment_reference = cli_text(cli, options->payment);
    request.reacquire = options->reacquire;
    return change(cli, "ConfirmOrder", &request.base);
}

static int cancel_order(struct cli *cli, const void *values)
{
    const struct cancel_options *options = values;
    Shop__V1__CancelOrderRequest request = SHOP__V1__CANCEL_ORDER_REQUEST__INIT;
    if (!parse_lines(cli, &request.lines, &request.n_lines)) {
        return cli_usage(cli, "units of lines are given as LINE=QUANTITY");
    }
    request.order_id = cli_text(cli, cli->words[0]);
    request.request_id = cli_text(cli, cli_request_id(cli, options->request_id));
    request.reason = cli_text(cli, options->reason);
    request.write_off = options->write_off;
    return change(cli, "CancelOrder", &request.base);
}

static int fulfil_order(struct cli *cli, const void *values)
{
    const struct fulfil_options *options = values;
    Shop__V1__FulfillOrderRequest request = SHOP__V1__FULFILL_ORDER_REQUEST__INIT;
    if (!parse_lines(cli, &request.lines, &request.n_lines)) {
        return cli_usage(cli, "units of lines are given as LINE=QUANTITY");
    }
    request.order_id = cli_text(cli, cli->words[0]);
    request.request_id = cli_text(cli, cli_request_id(cli, options->request_id));
    request.tracking_reference = cli_text(cli, options->tracking);
    return change(cli, "FulfillOrder", &request.base);
}

static int change(struct cli *cli, const char *method, const ProtobufCMessage *request)
{
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, method, request, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    return show_order(cli, (const Shop__V1__Order *)response);
}

/* The words behind the order's id. The ranges are the server's to judge. */
static bool parse_lines(struct cli *cli, Shop__V1__LineQuantity ***lines_out, size_t *count_out)
{
    size_t count = cli->word_count - 1;
    Shop__V1__LineQuantity *lines = arena_calloc(&cli->arena, count + 1, sizeof(lines[0]));
    *lines_out = arena_calloc(&cli->arena, count + 1, sizeof((*lines_out)[0]));
    assert(lines != NULL && *lines_out != NULL); /* SHOP_ORDER_LINES_MAX fit easily */
    for (size_t i = 0; i < count; i++) {
        char *copy = cli_text(cli, cli->words[1 + i]);
        char *quantity = strchr(copy, '=');
        if (quantity == NULL) {
            return false;
        }
        *quantity++ = '\0';
        int64_t number, units;
        if (!options_parse_int(copy, &number) || !options_parse_int(quantity, &units) ||
            number < INT32_MIN || number > INT32_MAX || units < INT32_MIN || units > INT32_MAX) {
            return false;
        }
        shop__v1__line_quantity__init(&lines[i]);
        lines[i].line_number = (int32_t)number;
        lines[i].quantity = (int32_t)units;
        (*lines_out)[i] = &lines[i];
    }
    *count_out = count;
    return true;
}

static int list_events(struct cli *cli, const void *values)
{
    static const struct list_kind KIND = {
        .service = SERVICE,
        .method = "ListOrderEvents",
        .columns = ORDER_EVENT_COLUMNS,
        .column_count = ORDER_EVENT_COLUMN_COUNT,
        .cells = order_event_cells,
    };
    Shop__V1__ListOrderEventsRequest request = SHOP__V1__LIST_ORDER_EVENTS_REQUEST__INIT;
    request.order_id = cli_text(cli, cli->words[0]);
    return list_run(cli, &KIND, &request.base, values);
}
