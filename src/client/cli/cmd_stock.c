/* orderctl stock: how many there are. */
#include <assert.h>
#include <inttypes.h>
#include <shop/v1/product_service.pb-c.h>
#include <stddef.h>

#include "client/cli/cells.h"
#include "client/cli/commands.h"
#include "client/cli/list.h"
#include "client/cli/table.h"
#include "client/cli/watch.h"

#define SERVICE (&shop__v1__product_service__descriptor)

struct adjust_options {
    const char *reason, *reference, *request_id;
};

struct stock_list_options {
    struct list_options list;
    struct watch_options watch;
};

static int get_stock(struct cli *cli, const void *values);
static int list_stock(struct cli *cli, const void *values);
static int list_once(struct cli *cli, const void *values);
static int adjust_stock(struct cli *cli, const void *values);
static void list_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells);

static const struct option ADJUST_OPTIONS[] = {
    {.name = "reason",
     .type = OPTION_TEXT,
     .offset = offsetof(struct adjust_options, reason),
     .value = "TEXT",
     .required = true,
     .help = "why, such as delivery, count or damaged"},
    {.name = "reference",
     .type = OPTION_TEXT,
     .offset = offsetof(struct adjust_options, reference),
     .value = "TEXT",
     .help = "the document that says so, such as a delivery note"},
    {.name = "request-id",
     .type = OPTION_TEXT,
     .offset = offsetof(struct adjust_options, request_id),
     .value = "ID",
     .help = "names the attempt: asking again with it cannot do it twice (default: a new one)"},
};
static_assert(sizeof(struct adjust_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

static const struct option STOCK_LIST_OPTIONS[] = {
    LIST_OPTION_ENTRIES(struct stock_list_options, list),
    WATCH_OPTION_ENTRIES(struct stock_list_options, watch),
};
static_assert(sizeof(struct stock_list_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

const struct cli_command COMMAND_STOCK_GET = {
    .group = "stock",
    .name = "get",
    .arguments = "PRODUCT_ID",
    .summary = "Shows how many of a product there are.",
    .words_least = 1,
    .words_most = 1,
    .run = get_stock,
};

const struct cli_command COMMAND_STOCK_LIST = {
    .group = "stock",
    .name = "list",
    .arguments = "",
    .summary = "Lists the stock of all products by product_id.",
    .details = LIST_DETAILS,
    .options = STOCK_LIST_OPTIONS,
    .option_count = sizeof(STOCK_LIST_OPTIONS) / sizeof(STOCK_LIST_OPTIONS[0]),
    .run = list_stock,
};

const struct cli_command COMMAND_STOCK_ADJUST = {
    .group = "stock",
    .name = "adjust",
    .arguments = "PRODUCT_ID DELTA",
    .summary = "Changes how many there are by a difference.",
    .details = "  orderctl stock adjust tea-01 200 --reason delivery --reference DN-4711\n"
               "  orderctl stock adjust tea-01 -3 --reason damaged\n\n"
               "Downwards the units cannot be ordered from this moment on, upwards they can once\n"
               "the change is in PostgreSQL.",
    .options = ADJUST_OPTIONS,
    .option_count = sizeof(ADJUST_OPTIONS) / sizeof(ADJUST_OPTIONS[0]),
    .words_least = 2,
    .words_most = 2,
    .run = adjust_stock,
};

static int get_stock(struct cli *cli, const void *values)
{
    (void)values;
    Shop__V1__GetStockRequest request = SHOP__V1__GET_STOCK_REQUEST__INIT;
    request.product_id = cli_text(cli, cli->words[0]);
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "GetStock", &request.base, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    if (cli->globals.output == CLI_JSON) {
        return cli_print_json(cli, response);
    }
    const Shop__V1__Stock *stock = (const Shop__V1__Stock *)response;
    record_print(cli->out,
                 (const char *const[][2]){
                     {"product", stock->product_id},
                     {"available", cell_int(&cli->arena, stock->available)},
                     {"on hand", cell_int(&cli->arena, stock->on_hand)},
                     {"reserved", cell_int(&cli->arena, stock->reserved)},
                     {"kept back", cell_int(&cli->arena, stock->safety_stock)},
                 },
                 5);
    return CLI_OK;
}

static int list_stock(struct cli *cli, const void *values)
{
    const struct stock_list_options *options = values;
    return watch_run(cli, &options->watch, list_once, values);
}

static int list_once(struct cli *cli, const void *values)
{
    const struct stock_list_options *options = values;
    static const struct table_column COLUMNS[] = {{"PRODUCT", TABLE_LEFT},
                                                  {"AVAILABLE", TABLE_RIGHT},
                                                  {"ON HAND", TABLE_RIGHT},
                                                  {"RESERVED", TABLE_RIGHT},
                                                  {"KEPT BACK", TABLE_RIGHT}};
    static const struct list_kind KIND = {
        .service = SERVICE,
        .method = "ListStock",
        .columns = COLUMNS,
        .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
        .cells = list_cells,
    };
    Shop__V1__ListStockRequest request = SHOP__V1__LIST_STOCK_REQUEST__INIT;
    return list_run(cli, &KIND, &request.base, &options->list);
}

static void list_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells)
{
    const Shop__V1__Stock *stock = (const Shop__V1__Stock *)item;
    cells[0] = stock->product_id;
    cells[1] = cell_int(arena, stock->available);
    cells[2] = cell_int(arena, stock->on_hand);
    cells[3] = cell_int(arena, stock->reserved);
    cells[4] = cell_int(arena, stock->safety_stock);
}

static int adjust_stock(struct cli *cli, const void *values)
{
    const struct adjust_options *options = values;
    Shop__V1__AdjustStockRequest request = SHOP__V1__ADJUST_STOCK_REQUEST__INIT;
    request.product_id = cli_text(cli, cli->words[0]);
    request.reason = cli_text(cli, options->reason);
    request.reference = cli_text(cli, options->reference);
    request.request_id = cli_text(cli, cli_request_id(cli, options->request_id));
    if (!options_parse_int(cli->words[1], &request.delta)) {
        return cli_usage(cli, "DELTA: '%s' is no whole number", cli->words[1]);
    }
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "AdjustStock", &request.base, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    if (cli->globals.output == CLI_JSON) {
        return cli_print_json(cli, response);
    }
    const Shop__V1__AdjustStockResponse *done = (const Shop__V1__AdjustStockResponse *)response;
    record_print(cli->out,
                 (const char *const[][2]){
                     {"product", done->product_id},
                     {"delta", cell_int(&cli->arena, done->delta)},
                     {"durability", cell_enum(&cli->arena, &shop__v1__durability__descriptor,
                                              (int)done->durability)},
                     {"adjustment", done->adjustment_id},
                 },
                 4);
    return CLI_OK;
}
