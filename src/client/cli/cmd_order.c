/* orderctl order: placing and finding orders. */
#include <assert.h>
#include <inttypes.h>
#include <shop/v1/order_service.pb-c.h>
#include <stddef.h>
#include <string.h>

#include "client/cli/cells.h"
#include "client/cli/commands.h"
#include "client/cli/list.h"
#include "client/cli/order_file.h"
#include "client/cli/order_filter.h"
#include "client/cli/show_order.h"
#include "client/cli/table.h"
#include "client/cli/watch.h"
#include "json/timestamp.h"
#include "shop/limits.h"

#define SERVICE (&shop__v1__order_service__descriptor)

struct create_options {
    const char *customer, *ref, *placed_time, *request_id, *file;
    int64_t hold_ms, wait_for;
    bool confirm, validate_only;
};

struct order_list_options {
    struct list_options list;
    struct order_filter_options filter;
    struct watch_options watch;
};

static int create_order(struct cli *cli, const void *values);
static int read_order(struct cli *cli, const struct create_options *options,
                      Shop__V1__CreateOrderRequest **request_out);
static int write_order(struct cli *cli, const struct create_options *options,
                       Shop__V1__CreateOrderRequest **request_out);
static int write_times(struct cli *cli, const struct create_options *options,
                       Shop__V1__CreateOrderRequest *request);
static int get_order(struct cli *cli, const void *values);
static int list_orders(struct cli *cli, const void *values);
static int list_once(struct cli *cli, const void *values);
static bool parse_line(struct cli *cli, const char *text, Shop__V1__CreateOrderLine *line);
static void list_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells);
static void list_ages(const ProtobufCMessage *item, struct arena *arena, int64_t now_unix_us,
                      const char **cells);

static const struct option CREATE_OPTIONS[] = {
    {.name = "customer",
     .type = OPTION_TEXT,
     .offset = offsetof(struct create_options, customer),
     .value = "ID",
     .help = "who orders"},
    {.name = "file",
     .type = OPTION_TEXT,
     .offset = offsetof(struct create_options, file),
     .value = "FILE",
     .help =
         "the order as JSON, a shop.v1.CreateOrderRequest, instead of all that; - is the input"},
    {.name = "ref",
     .type = OPTION_TEXT,
     .offset = offsetof(struct create_options, ref),
     .value = "TEXT",
     .help = "your own name for the order"},
    {.name = "placed-time",
     .type = OPTION_TEXT,
     .offset = offsetof(struct create_options, placed_time),
     .value = "TIME",
     .help = "when the customer placed it, if not now: 2026-01-31T12:00:00Z"},
    {.name = "hold",
     .type = OPTION_DURATION,
     .offset = offsetof(struct create_options, hold_ms),
     .value = "TIME",
     .fallback = "15m",
     .least = SHOP_HOLD_MS_MIN,
     .most = SHOP_HOLD_MS_MAX,
     .help = "how long the units wait for `order confirm` (default 15m)"},
    {.name = "confirm",
     .type = OPTION_FLAG,
     .offset = offsetof(struct create_options, confirm),
     .help = "confirm it at once"},
    {.name = "validate-only",
     .type = OPTION_FLAG,
     .offset = offsetof(struct create_options, validate_only),
     .help = "only say what the answer would be; nothing happens"},
    {.name = "wait-for",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct create_options, wait_for),
     .value = "queued|persisted",
     .fallback = "queued",
     .help = "answer when it has come so far, within the call's time (default queued)"},
    {.name = "request-id",
     .type = OPTION_TEXT,
     .offset = offsetof(struct create_options, request_id),
     .value = "ID",
     .help = "names the attempt: asking again with it cannot do it twice (default: a new one)"},
};
static_assert(sizeof(struct create_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

static const struct option ORDER_LIST_OPTIONS[] = {
    LIST_OPTION_ENTRIES(struct order_list_options, list),
    ORDER_FILTER_ENTRIES(struct order_list_options, filter),
    WATCH_OPTION_ENTRIES(struct order_list_options, watch),
};
static_assert(sizeof(struct order_list_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

const struct cli_command COMMAND_ORDER_CREATE = {
    .group = "order",
    .name = "create",
    .arguments = "[PRODUCT=QUANTITY...]",
    .summary = "Places an order: all lines or none.",
    .details =
        "  orderctl order create --customer alice tea-01=3 cup-02=1\n"
        "  orderctl order create --file order.json\n\n"
        "PRODUCT=QUANTITY@MINOR gives the price of a unit in minor units (cents) instead of\n"
        "the catalogue's; the server takes that over its local ipc socket only.",
    .options = CREATE_OPTIONS,
    .option_count = sizeof(CREATE_OPTIONS) / sizeof(CREATE_OPTIONS[0]),
    .words_most = SHOP_ORDER_LINES_MAX,
    .run = create_order,
};

const struct cli_command COMMAND_ORDER_GET = {
    .group = "order",
    .name = "get",
    .arguments = "ORDER_ID",
    .summary = "Shows an order with its lines.",
    .words_least = 1,
    .words_most = 1,
    .run = get_order,
};

const struct cli_command COMMAND_ORDER_LIST = {
    .group = "order",
    .name = "list",
    .arguments = "",
    .summary = "Lists the orders that are in PostgreSQL, the newest first.",
    .details = ORDER_FILTER_DETAILS LIST_DETAILS,
    .options = ORDER_LIST_OPTIONS,
    .option_count = sizeof(ORDER_LIST_OPTIONS) / sizeof(ORDER_LIST_OPTIONS[0]),
    .run = list_orders,
};

static int create_order(struct cli *cli, const void *values)
{
    const struct create_options *options = values;
    Shop__V1__CreateOrderRequest *request = NULL;
    int code = options->file != NULL ? read_order(cli, options, &request)
                                     : write_order(cli, options, &request);
    if (code != CLI_OK) {
        return code;
    }
    if (options->validate_only) {
        request->validate_only = true;
    }
    if (options->wait_for == 1) {
        request->wait_for = SHOP__V1__DURABILITY__DURABILITY_PERSISTED;
    }
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "CreateOrder", &request->base, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    return show_order(cli, (const Shop__V1__Order *)response);
}

/* The order of a file. Its request_id is the file's, unless one is given or it has none. */
static int read_order(struct cli *cli, const struct create_options *options,
                      Shop__V1__CreateOrderRequest **request_out)
{
    if (cli->word_count > 0 || options->customer != NULL || options->ref != NULL ||
        options->placed_time != NULL || options->confirm) {
        return cli_usage(cli, "--file: the order is in the file or on the command line, not both");
    }
    int code = order_file_read(cli, options->file, request_out);
    if (code == CLI_OK) {
        const char *own = (*request_out)->request_id;
        const char *id = options->request_id != NULL ? options->request_id
                         : own[0] != '\0'            ? own
                                                     : NULL;
        (*request_out)->request_id = cli_text(cli, cli_request_id(cli, id));
    }
    return code;
}

/* The order of the command line. */
static int write_order(struct cli *cli, const struct create_options *options,
                       Shop__V1__CreateOrderRequest **request_out)
{
    if (options->customer == NULL || cli->word_count == 0) {
        return cli_usage(cli, options->customer == NULL ? "--customer ID is missing"
                                                        : "PRODUCT=QUANTITY... is missing");
    }
    Shop__V1__CreateOrderRequest *request = arena_alloc(&cli->arena, sizeof(*request));
    assert(request != NULL);
    shop__v1__create_order_request__init(request);
    int code = write_times(cli, options, request);
    request->customer_id = cli_text(cli, options->customer);
    request->order_ref = cli_text(cli, options->ref);
    request->request_id = cli_text(cli, cli_request_id(cli, options->request_id));
    request->n_lines = cli->word_count;
    request->lines = arena_calloc(&cli->arena, cli->word_count, sizeof(request->lines[0]));
    Shop__V1__CreateOrderLine *lines = arena_calloc(&cli->arena, cli->word_count, sizeof(lines[0]));
    assert(request->lines != NULL && lines != NULL); /* SHOP_ORDER_LINES_MAX fit easily */
    for (size_t i = 0; i < cli->word_count && code == CLI_OK; i++) {
        if (!parse_line(cli, cli->words[i], &lines[i])) {
            code = cli_usage(cli, "'%s' is not PRODUCT=QUANTITY", cli->words[i]);
        }
        request->lines[i] = &lines[i];
    }
    *request_out = request;
    return code;
}

static int write_times(struct cli *cli, const struct create_options *options,
                       Shop__V1__CreateOrderRequest *request)
{
    Google__Protobuf__Timestamp *placed = arena_alloc(&cli->arena, sizeof(*placed));
    Google__Protobuf__Duration *hold = arena_alloc(&cli->arena, sizeof(*hold));
    assert(placed != NULL && hold != NULL);
    google__protobuf__timestamp__init(placed);
    google__protobuf__duration__init(hold);
    if (options->placed_time != NULL) {
        if (!timestamp_parse_written(options->placed_time, &placed->seconds, &placed->nanos)) {
            return cli_usage(cli, "--placed-time: '%s' is no time such as 2026-01-31T12:00:00Z",
                             options->placed_time);
        }
        request->placed_time = placed;
    }
    hold->seconds = options->hold_ms / 1000;
    hold->nanos = (int32_t)(options->hold_ms % 1000) * 1000000;
    if (options->confirm) {
        request->commitment_case = SHOP__V1__CREATE_ORDER_REQUEST__COMMITMENT_CONFIRM;
        request->confirm = true;
    } else {
        request->commitment_case = SHOP__V1__CREATE_ORDER_REQUEST__COMMITMENT_HOLD;
        request->hold = hold;
    }
    return CLI_OK;
}

/* PRODUCT=QUANTITY or PRODUCT=QUANTITY@MINOR. The range is the server's to judge. */
static bool parse_line(struct cli *cli, const char *text, Shop__V1__CreateOrderLine *line)
{
    shop__v1__create_order_line__init(line);
    char *copy = arena_strdup(&cli->arena, text);
    char *quantity = copy == NULL ? NULL : strchr(copy, '=');
    if (quantity == NULL) {
        return false;
    }
    *quantity++ = '\0';
    char *price = strchr(quantity, '@');
    if (price != NULL) {
        *price++ = '\0';
        line->price_presence_case = SHOP__V1__CREATE_ORDER_LINE__PRICE_PRESENCE_UNIT_PRICE_MINOR;
        if (!options_parse_int(price, &line->unit_price_minor)) {
            return false;
        }
    }
    int64_t number;
    if (!options_parse_int(quantity, &number) || number < INT32_MIN || number > INT32_MAX) {
        return false;
    }
    line->product_id = copy;
    line->quantity = (int32_t)number;
    return true;
}

static int get_order(struct cli *cli, const void *values)
{
    (void)values;
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    request.order_id = cli_text(cli, cli->words[0]);
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "GetOrder", &request.base, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    return show_order(cli, (const Shop__V1__Order *)response);
}

static int list_orders(struct cli *cli, const void *values)
{
    const struct order_list_options *options = values;
    return watch_run(cli, &options->watch, list_once, values);
}

static int list_once(struct cli *cli, const void *values)
{
    static const struct table_column COLUMNS[] = {{"ORDER", TABLE_LEFT},    {"REF", TABLE_LEFT},
                                                  {"CUSTOMER", TABLE_LEFT}, {"STATE", TABLE_LEFT},
                                                  {"LINES", TABLE_RIGHT},   {"TOTAL", TABLE_RIGHT},
                                                  {"PLACED", TABLE_LEFT}};
    static const struct list_kind KIND = {
        .service = SERVICE,
        .method = "ListOrders",
        .columns = COLUMNS,
        .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
        .cells = list_cells,
        .ages = list_ages,
    };
    const struct order_list_options *options = values;
    Shop__V1__ListOrdersRequest request = SHOP__V1__LIST_ORDERS_REQUEST__INIT;
    int code = order_filter_fill(cli, &options->filter, &request);
    return code != CLI_OK ? code : list_run(cli, &KIND, &request.base, &options->list);
}

static void list_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells)
{
    const Shop__V1__Order *order = (const Shop__V1__Order *)item;
    cells[0] = order->order_id;
    cells[1] = order->order_ref;
    cells[2] = order->customer_id;
    cells[3] = cell_enum(arena, &shop__v1__order__state__descriptor, (int)order->state);
    cells[4] = cell_int(arena, (int64_t)order->n_lines);
    cells[5] = cell_money(arena, order->total_minor, order->currency);
}

static void list_ages(const ProtobufCMessage *item, struct arena *arena, int64_t now_unix_us,
                      const char **cells)
{
    cells[6] = cell_ago(arena, ((const Shop__V1__Order *)item)->placed_time, now_unix_us);
}
