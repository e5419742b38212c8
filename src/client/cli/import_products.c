/* orderctl import products: a row is a product with its first stock.
 * What is there already is compared and left alone: stock has moved on since, and a price is
 * changed on purpose or not at all. */
#include <shop/v1/product_service.pb-c.h>
#include <string.h>

#include "base/utf8.h"
#include "client/cli/commands.h"
#include "client/cli/import.h"
#include "client/cli/money.h"
#include "shop/rules.h"

enum column { PRODUCT_ID, DISPLAY_NAME, UNIT_PRICE_MINOR, CURRENCY, ON_HAND, COLUMNS };

static int run(struct cli *cli, const void *values);
static void on_row(struct import *import, const struct csv_values *values, const char *problem);
static bool on_end(struct import *import, struct window *window, struct window_job *job);
static enum status read_row(const struct csv_values *values, const char *problem,
                            struct product_request *request, struct failure *failure);
static void send_product(struct import *import, size_t line, const struct product_request *request);
static void ask_existing(struct window *window, struct window_job *job);
static void count_existing(struct import *import, const struct window_job *job);

static const struct csv_column FILE_COLUMNS[COLUMNS] = {
    [PRODUCT_ID] = {"product_id", true},
    [DISPLAY_NAME] = {"display_name", true},
    [UNIT_PRICE_MINOR] = {"unit_price_minor", true},
    [CURRENCY] = {"currency", true},
    [ON_HAND] = {"on_hand", true},
};

struct subject {
    struct import_subject common; /* first */
    const Shop__V1__Product *product;
};

const struct cli_command COMMAND_IMPORT_PRODUCTS = {
    .group = "import",
    .name = "products",
    .arguments = "FILE.csv",
    .summary = "Adds the products of a CSV file ('-' reads standard input).",
    .details =
        "Columns, in any order: product_id,display_name,unit_price_minor,currency,on_hand\n\n"
        "A product that is there already is left as it is, stock included; where name or\n"
        "price differ, the report says so. Importing a file twice changes nothing.",
    .options = IMPORT_OPTIONS,
    .option_count = IMPORT_OPTION_COUNT,
    .words_least = 1,
    .words_most = 1,
    .run = run,
};

static int run(struct cli *cli, const void *values)
{
    static const struct import_kind KIND = {
        .noun = "products",
        .columns = FILE_COLUMNS,
        .column_count = COLUMNS,
        .service = &shop__v1__product_service__descriptor,
        .on_row = on_row,
        .on_end = on_end,
    };
    return import_run(cli, &KIND, values);
}

static void on_row(struct import *import, const struct csv_values *values, const char *problem)
{
    struct product_request request = {.request_id = "checked"}; /* made when it is sent */
    struct failure failure;
    const char *name = values->items[PRODUCT_ID];
    if (read_row(values, problem, &request, &failure) != STATUS_OK) {
        import_count(import, IMPORT_BAD, values->line, name == NULL ? "" : name, &failure);
        return;
    }
    send_product(import, values->line, &request);
}

static enum status read_row(const struct csv_values *values, const char *problem,
                            struct product_request *request, struct failure *failure)
{
    if (problem != NULL) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_ROW", "%s", problem);
    }
    struct product *product = &request->product;
    product->product_id = values->items[PRODUCT_ID];
    product->display_name = values->items[DISPLAY_NAME];
    if (!options_parse_int(values->items[UNIT_PRICE_MINOR], &product->unit_price_minor)) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_PRICE",
                           "unit_price_minor: '%s' is no whole number",
                           values->items[UNIT_PRICE_MINOR]);
    }
    if (!options_parse_int(values->items[ON_HAND], &request->on_hand)) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_QUANTITY",
                           "on_hand: '%s' is no whole number", values->items[ON_HAND]);
    }
    if (strlen(values->items[CURRENCY]) >= CURRENCY_BYTES) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_CURRENCY",
                           "'%s' is no currency of ISO 4217", values->items[CURRENCY]);
    }
    memcpy(product->currency, values->items[CURRENCY], strlen(values->items[CURRENCY]) + 1);
    if (!utf8_is_text(bytes_of_text(product->display_name))) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_NAME",
                           "display_name is not UTF-8");
    }
    return rules_check_product_request(request, failure);
}

static void send_product(struct import *import, size_t line, const struct product_request *request)
{
    const struct product *product = &request->product;
    struct window_job *job = import_take(import, sizeof(struct subject));
    if (job == NULL) {
        import_count(import, IMPORT_CREATED, line, product->product_id, NULL);
        return;
    }
    struct subject *subject = job->subject;
    subject->common.line = line;
    subject->common.name = arena_strdup(&job->arena, product->product_id);
    char price[24];
    char on_hand[24];
    snprintf(price, sizeof(price), "%lld", (long long)product->unit_price_minor);
    snprintf(on_hand, sizeof(on_hand), "%lld", (long long)request->on_hand);
    const char *identity[] = {product->product_id, product->display_name, price, product->currency,
                              on_hand};

    struct arena *arena = &job->arena;
    Shop__V1__CreateProductRequest *message = arena_alloc(arena, sizeof(*message));
    Shop__V1__Product *sent = arena_alloc(arena, sizeof(*sent));
    shop__v1__create_product_request__init(message);
    shop__v1__product__init(sent);
    sent->product_id = arena_strdup(arena, product->product_id);
    sent->display_name = arena_strdup(arena, product->display_name);
    sent->currency = arena_strdup(arena, product->currency);
    sent->unit_price_minor = product->unit_price_minor;
    message->product = sent;
    message->on_hand = request->on_hand;
    message->request_id = import_request_id(arena, "import-product-", identity, 5);
    ((struct subject *)job->subject)->product = sent;
    job->method = "CreateProduct";
    job->request = &message->base;
    import_send(import, job);
}

static bool on_end(struct import *import, struct window *window, struct window_job *job)
{
    const struct import_subject *subject = job->subject;
    bool asked_existing = strcmp(job->method, "GetProduct") == 0;
    if (job->response == NULL) {
        if (!asked_existing && job->failure.code == STATUS_ALREADY_EXISTS) {
            ask_existing(window, job);
            return true;
        }
        import_count_failure(import, subject, &job->failure);
    } else if (asked_existing) {
        count_existing(import, job);
    } else {
        const Shop__V1__Product *product = (const Shop__V1__Product *)job->response;
        import_count(
            import, import_is_new(import, product->create_time) ? IMPORT_CREATED : IMPORT_UNCHANGED,
            subject->line, subject->name, NULL);
    }
    return false;
}

/* Somebody else made a product of this id: is it the same? */
static void ask_existing(struct window *window, struct window_job *job)
{
    const struct subject *subject = job->subject;
    Shop__V1__GetProductRequest *message = arena_alloc(&job->arena, sizeof(*message));
    shop__v1__get_product_request__init(message);
    message->product_id = subject->product->product_id;
    job->method = "GetProduct";
    job->request = &message->base;
    window_start(window, job);
}

static void count_existing(struct import *import, const struct window_job *job)
{
    const struct subject *subject = job->subject;
    const Shop__V1__Product *there = (const Shop__V1__Product *)job->response;
    const Shop__V1__Product *here = subject->product;
    struct failure failure;
    if (strcmp(there->display_name, here->display_name) != 0) {
        failure_set(&failure, STATUS_ALREADY_EXISTS, "PRODUCT_DIFFERS",
                    "it is there already, named '%s'", there->display_name);
    } else if (there->unit_price_minor != here->unit_price_minor ||
               strcmp(there->currency, here->currency) != 0) {
        char price[MONEY_TEXT_BYTES];
        money_print(there->unit_price_minor, there->currency, price);
        failure_set(&failure, STATUS_ALREADY_EXISTS, "PRODUCT_DIFFERS",
                    "it is there already, for %s", price);
    } else {
        import_count(import, IMPORT_UNCHANGED, subject->common.line, subject->common.name, NULL);
        return;
    }
    import_count(import, IMPORT_REFUSED, subject->common.line, subject->common.name, &failure);
}
