/* orderctl product: the catalogue. */
#include <assert.h>
#include <shop/v1/product_service.pb-c.h>
#include <stddef.h>

#include "client/cli/cells.h"
#include "client/cli/commands.h"
#include "client/cli/list.h"
#include "client/cli/money.h"
#include "client/cli/product_rules.h"
#include "client/cli/show_product.h"
#include "client/cli/table.h"
#include "shop/limits.h"

#define SERVICE (&shop__v1__product_service__descriptor)

struct create_options {
    const char *name, *price, *currency, *request_id;
    int64_t on_hand;
    struct product_rule_options rules;
};

static int create_product(struct cli *cli, const void *values);
static int get_product(struct cli *cli, const void *values);
static int list_products(struct cli *cli, const void *values);
static void list_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells);

static const struct option CREATE_OPTIONS[] = {
    {.name = "name",
     .type = OPTION_TEXT,
     .offset = offsetof(struct create_options, name),
     .value = "TEXT",
     .required = true,
     .help = "what people call it"},
    {.name = "price",
     .type = OPTION_TEXT,
     .offset = offsetof(struct create_options, price),
     .value = "AMOUNT",
     .required = true,
     .help = "of one unit, such as 18.00"},
    {.name = "currency",
     .type = OPTION_TEXT,
     .offset = offsetof(struct create_options, currency),
     .value = "CODE",
     .required = true,
     .help = "ISO 4217, such as USD"},
    {.name = "on-hand",
     .type = OPTION_INT,
     .offset = offsetof(struct create_options, on_hand),
     .value = "UNITS",
     .fallback = "0",
     .least = 0,
     .most = SHOP_STOCK_MAX,
     .help = "how many there are (default 0)"},
    PRODUCT_RULE_OPTION_ENTRIES(struct create_options, rules),
    {.name = "request-id",
     .type = OPTION_TEXT,
     .offset = offsetof(struct create_options, request_id),
     .value = "ID",
     .help = "names the attempt: asking again with it cannot do it twice (default: a new one)"},
};
static_assert(sizeof(struct create_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

const struct cli_command COMMAND_PRODUCT_CREATE = {
    .group = "product",
    .name = "create",
    .arguments = "PRODUCT_ID",
    .summary = "Adds a product with its first stock and the rules of its sale.",
    .details = "  orderctl product create tea-01 --name 'Green tea' --price 18.00 --currency USD "
               "--on-hand 500\n"
               "  orderctl product create drop-01 --name 'A drop' --price 90.00 --currency USD "
               "--on-hand 100 \\\n"
               "    --max-per-customer 2 --limit-window 24h --sale-start 2026-12-01T08:00:00Z",
    .options = CREATE_OPTIONS,
    .option_count = sizeof(CREATE_OPTIONS) / sizeof(CREATE_OPTIONS[0]),
    .words_least = 1,
    .words_most = 1,
    .run = create_product,
};

const struct cli_command COMMAND_PRODUCT_GET = {
    .group = "product",
    .name = "get",
    .arguments = "PRODUCT_ID",
    .summary = "Shows a product.",
    .words_least = 1,
    .words_most = 1,
    .run = get_product,
};

const struct cli_command COMMAND_PRODUCT_LIST = {
    .group = "product",
    .name = "list",
    .arguments = "",
    .summary = "Lists products by product_id.",
    .details = LIST_DETAILS,
    .options = LIST_OPTIONS,
    .option_count = LIST_OPTION_COUNT,
    .run = list_products,
};

static int create_product(struct cli *cli, const void *values)
{
    const struct create_options *options = values;
    Shop__V1__Product product = SHOP__V1__PRODUCT__INIT;
    product.product_id = cli_text(cli, cli->words[0]);
    product.display_name = cli_text(cli, options->name);
    product.currency = cli_text(cli, options->currency);
    if (!money_parse(options->price, options->currency, &product.unit_price_minor)) {
        return cli_usage(cli,
                         "--price: '%s' is no amount of %s with at most %u digits behind the "
                         "point",
                         options->price, options->currency, money_digits(options->currency));
    }
    struct product_rules rules;
    int code = CLI_OK;
    if (!product_rules_read(cli, &options->rules, &product, &rules, &code)) {
        return code;
    }
    Shop__V1__CreateProductRequest request = SHOP__V1__CREATE_PRODUCT_REQUEST__INIT;
    request.request_id = cli_text(cli, cli_request_id(cli, options->request_id));
    request.product = &product;
    request.on_hand = options->on_hand;
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "CreateProduct", &request.base, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    return show_product(cli, (const Shop__V1__Product *)response);
}

static int get_product(struct cli *cli, const void *values)
{
    (void)values;
    Shop__V1__GetProductRequest request = SHOP__V1__GET_PRODUCT_REQUEST__INIT;
    request.product_id = cli_text(cli, cli->words[0]);
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "GetProduct", &request.base, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    return show_product(cli, (const Shop__V1__Product *)response);
}

static int list_products(struct cli *cli, const void *values)
{
    static const struct table_column COLUMNS[] = {{"PRODUCT", TABLE_LEFT},
                                                  {"NAME", TABLE_LEFT},
                                                  {"PRICE", TABLE_RIGHT},
                                                  {"STATE", TABLE_LEFT}};
    static const struct list_kind KIND = {
        .service = SERVICE,
        .method = "ListProducts",
        .columns = COLUMNS,
        .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
        .cells = list_cells,
    };
    Shop__V1__ListProductsRequest request = SHOP__V1__LIST_PRODUCTS_REQUEST__INIT;
    return list_run(cli, &KIND, &request.base, values);
}

static void list_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells)
{
    const Shop__V1__Product *product = (const Shop__V1__Product *)item;
    cells[0] = product->product_id;
    cells[1] = product->display_name;
    cells[2] = cell_money(arena, product->unit_price_minor, product->currency);
    cells[3] = cell_enum(arena, &shop__v1__product__state__descriptor, (int)product->state);
}
