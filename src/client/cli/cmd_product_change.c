/* orderctl product update and delete. */
#include <assert.h>
#include <shop/v1/product_service.pb-c.h>
#include <stddef.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/money.h"
#include "client/cli/product_rules.h"
#include "client/cli/show_product.h"

#define SERVICE    (&shop__v1__product_service__descriptor)
#define FIELDS_MAX 16 /* more than there are */

struct update_options {
    const char *name, *price, *state, *etag;
    struct product_rule_options rules;
};

struct delete_options {
    const char *etag;
};

/* The request as it is put together. */
struct update {
    Shop__V1__UpdateProductRequest request;
    Shop__V1__Product product;
    Google__Protobuf__FieldMask mask;
    char *paths[FIELDS_MAX];
    struct product_rules rules;
};

static int update_product(struct cli *cli, const void *values);
static int delete_product(struct cli *cli, const void *values);
static bool read_texts(struct cli *cli, const struct update_options *options, struct update *update,
                       int *code_out);
static bool read_rules(struct cli *cli, const struct update_options *options, struct update *update,
                       int *code_out);
static bool read_price(struct cli *cli, const struct update_options *options, struct update *update,
                       int *code_out);

static const struct option UPDATE_OPTIONS[] = {
    {.name = "name",
     .type = OPTION_TEXT,
     .offset = offsetof(struct update_options, name),
     .value = "TEXT",
     .help = "what people call it"},
    {.name = "price",
     .type = OPTION_TEXT,
     .offset = offsetof(struct update_options, price),
     .value = "AMOUNT",
     .help = "of one unit, such as 18.00"},
    {.name = "state",
     .type = OPTION_TEXT,
     .offset = offsetof(struct update_options, state),
     .value = "STATE",
     .help = "active or suspended: not sold for now"},
    {.name = "etag",
     .type = OPTION_TEXT,
     .offset = offsetof(struct update_options, etag),
     .value = "ETAG",
     .help = "what it must still be (default: what it is, if the price changes)"},
    PRODUCT_RULE_OPTION_ENTRIES(struct update_options, rules),
};
static_assert(sizeof(struct update_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

static const struct option DELETE_OPTIONS[] = {
    {.name = "etag",
     .type = OPTION_TEXT,
     .offset = offsetof(struct delete_options, etag),
     .value = "ETAG",
     .help = "what it must still be"},
};

const struct cli_command COMMAND_PRODUCT_UPDATE = {
    .group = "product",
    .name = "update",
    .arguments = "PRODUCT_ID",
    .summary = "Changes a product: its name, price, or the rules of its sale.",
    .details = "  orderctl product update drop-01 --max-per-customer 2 --limit-window 24h\n"
               "  orderctl product update tea-01 --price 19.50\n\n"
               "In force for orders when it is answered.",
    .options = UPDATE_OPTIONS,
    .option_count = sizeof(UPDATE_OPTIONS) / sizeof(UPDATE_OPTIONS[0]),
    .words_least = 1,
    .words_most = 1,
    .run = update_product,
};

const struct cli_command COMMAND_PRODUCT_DELETE = {
    .group = "product",
    .name = "delete",
    .arguments = "PRODUCT_ID",
    .summary = "Ends the sale of a product; refused while orders have units of it.",
    .options = DELETE_OPTIONS,
    .option_count = sizeof(DELETE_OPTIONS) / sizeof(DELETE_OPTIONS[0]),
    .words_least = 1,
    .words_most = 1,
    .run = delete_product,
};

static void name_field(struct cli *cli, struct update *update, const char *path)
{
    assert(update->mask.n_paths < FIELDS_MAX);
    update->paths[update->mask.n_paths++] = cli_text(cli, path);
}

static int update_product(struct cli *cli, const void *values)
{
    const struct update_options *options = values;
    struct update update;
    memset(&update, 0, sizeof update);
    shop__v1__update_product_request__init(&update.request);
    shop__v1__product__init(&update.product);
    google__protobuf__field_mask__init(&update.mask);
    update.mask.paths = update.paths;
    update.product.product_id = cli_text(cli, cli->words[0]);
    update.product.etag = cli_text(cli, options->etag);
    update.request.product = &update.product;
    update.request.update_mask = &update.mask;
    int code = CLI_OK;
    if (!read_texts(cli, options, &update, &code) || !read_rules(cli, options, &update, &code) ||
        !read_price(cli, options, &update, &code)) {
        return code;
    }
    if (update.mask.n_paths == 0) {
        return cli_usage(cli, "nothing to change: name at least one of the options");
    }
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "UpdateProduct", &update.request.base, &response, &failure) !=
        STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    return show_product(cli, (const Shop__V1__Product *)response);
}

static bool read_texts(struct cli *cli, const struct update_options *options, struct update *update,
                       int *code_out)
{
    if (options->name != NULL) {
        update->product.display_name = cli_text(cli, options->name);
        name_field(cli, update, "display_name");
    }
    if (options->state == NULL) {
        return true;
    }
    if (strcmp(options->state, "active") == 0) {
        update->product.state = SHOP__V1__PRODUCT__STATE__STATE_ACTIVE;
    } else if (strcmp(options->state, "suspended") == 0) {
        update->product.state = SHOP__V1__PRODUCT__STATE__STATE_SUSPENDED;
    } else {
        *code_out = cli_usage(cli, "--state: active or suspended, not '%s'", options->state);
        return false;
    }
    name_field(cli, update, "state");
    return true;
}

/* A limit that is taken away takes its window along. */
static bool read_rules(struct cli *cli, const struct update_options *options, struct update *update,
                       int *code_out)
{
    Shop__V1__Product *product = &update->product;
    if (!product_rules_read(cli, &options->rules, product, &update->rules, code_out)) {
        return false;
    }
    for (size_t i = 0; i < update->rules.field_count; i++) {
        name_field(cli, update, update->rules.fields[i]);
    }
    bool unlimited = options->rules.max_per_customer != NULL && product->max_per_customer == 0;
    if (unlimited && product->limit_window == NULL) {
        name_field(cli, update, "limit_window");
    }
    return true;
}

/* How many digits a price has is its currency's to say. */
static bool read_price(struct cli *cli, const struct update_options *options, struct update *update,
                       int *code_out)
{
    if (options->price == NULL) {
        return true;
    }
    Shop__V1__GetProductRequest request = SHOP__V1__GET_PRODUCT_REQUEST__INIT;
    request.product_id = update->product.product_id;
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "GetProduct", &request.base, &response, &failure) != STATUS_OK) {
        *code_out = cli_fail(cli, &failure);
        return false;
    }
    const Shop__V1__Product *now = (const Shop__V1__Product *)response;
    if (!money_parse(options->price, now->currency, &update->product.unit_price_minor)) {
        *code_out =
            cli_usage(cli, "--price: '%s' is no amount of %s", options->price, now->currency);
        return false;
    }
    if (options->etag == NULL) {
        update->product.etag = cli_text(cli, now->etag);
    }
    name_field(cli, update, "unit_price_minor");
    return true;
}

static int delete_product(struct cli *cli, const void *values)
{
    const struct delete_options *options = values;
    Shop__V1__DeleteProductRequest request = SHOP__V1__DELETE_PRODUCT_REQUEST__INIT;
    request.product_id = cli_text(cli, cli->words[0]);
    request.etag = cli_text(cli, options->etag);
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "DeleteProduct", &request.base, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    return show_product(cli, (const Shop__V1__Product *)response);
}
