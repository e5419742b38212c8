/* orderctl stock set, movements and explain: the ledger behind the numbers. */
#include <assert.h>
#include <shop/v1/product_service.pb-c.h>
#include <stddef.h>
#include <stdio.h>

#include "client/cli/cells.h"
#include "client/cli/commands.h"
#include "client/cli/list.h"
#include "client/cli/table.h"
#include "json/timestamp.h"

#define SERVICE (&shop__v1__product_service__descriptor)

struct set_options {
    const char *expected, *reason, *reference, *request_id;
};

struct movements_options {
    struct list_options list;
    const char *since, *until;
};

static int set_stock(struct cli *cli, const void *values);
static int list_movements(struct cli *cli, const void *values);
static int explain_stock(struct cli *cli, const void *values);
static void movement_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells);
static void print_explanation(struct cli *cli, const Shop__V1__ExplainStockResponse *said);

static const struct option SET_OPTIONS[] = {
    {.name = "expected",
     .type = OPTION_TEXT,
     .offset = offsetof(struct set_options, expected),
     .value = "UNITS",
     .required = true,
     .help = "how many are on hand now, as stock get says"},
    {.name = "reason",
     .type = OPTION_TEXT,
     .offset = offsetof(struct set_options, reason),
     .value = "TEXT",
     .required = true,
     .help = "why, such as count"},
    {.name = "reference",
     .type = OPTION_TEXT,
     .offset = offsetof(struct set_options, reference),
     .value = "TEXT",
     .help = "the document that says so"},
    {.name = "request-id",
     .type = OPTION_TEXT,
     .offset = offsetof(struct set_options, request_id),
     .value = "ID",
     .help = "names the attempt: asking again with it cannot do it twice (default: a new one)"},
};

static const struct option MOVEMENTS_OPTIONS[] = {
    LIST_OPTION_ENTRIES(struct movements_options, list),
    {.name = "since",
     .type = OPTION_TEXT,
     .offset = offsetof(struct movements_options, since),
     .value = "TIME",
     .help = "from then on, such as 2026-12-01T08:00:00Z"},
    {.name = "until",
     .type = OPTION_TEXT,
     .offset = offsetof(struct movements_options, until),
     .value = "TIME",
     .help = "before then"},
};
static_assert(sizeof(struct movements_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

const struct cli_command COMMAND_STOCK_SET = {
    .group = "stock",
    .name = "set",
    .arguments = "PRODUCT_ID UNITS",
    .summary = "Sets how many there are, if there are as many as expected now.",
    .details = "  orderctl stock set tea-01 497 --expected 500 --reason count",
    .options = SET_OPTIONS,
    .option_count = sizeof(SET_OPTIONS) / sizeof(SET_OPTIONS[0]),
    .words_least = 2,
    .words_most = 2,
    .run = set_stock,
};

const struct cli_command COMMAND_STOCK_MOVEMENTS = {
    .group = "stock",
    .name = "movements",
    .arguments = "PRODUCT_ID",
    .summary = "Lists every change of on hand and reserved, the oldest first.",
    .details = LIST_DETAILS,
    .options = MOVEMENTS_OPTIONS,
    .option_count = sizeof(MOVEMENTS_OPTIONS) / sizeof(MOVEMENTS_OPTIONS[0]),
    .words_least = 1,
    .words_most = 1,
    .run = list_movements,
};

const struct cli_command COMMAND_STOCK_EXPLAIN = {
    .group = "stock",
    .name = "explain",
    .arguments = "PRODUCT_ID",
    .summary = "Shows how a product's numbers came about, and whether they add up.",
    .words_least = 1,
    .words_most = 1,
    .run = explain_stock,
};

static int set_stock(struct cli *cli, const void *values)
{
    const struct set_options *options = values;
    Shop__V1__SetStockRequest request = SHOP__V1__SET_STOCK_REQUEST__INIT;
    request.product_id = cli_text(cli, cli->words[0]);
    request.reason = cli_text(cli, options->reason);
    request.reference = cli_text(cli, options->reference);
    request.request_id = cli_text(cli, cli_request_id(cli, options->request_id));
    if (!options_parse_int(cli->words[1], &request.value)) {
        return cli_usage(cli, "UNITS: '%s' is no whole number", cli->words[1]);
    }
    if (!options_parse_int(options->expected, &request.expected_on_hand)) {
        return cli_usage(cli, "--expected: '%s' is no whole number", options->expected);
    }
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "SetStock", &request.base, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    if (cli->globals.output == CLI_JSON) {
        return cli_print_json(cli, response);
    }
    const Shop__V1__SetStockResponse *done = (const Shop__V1__SetStockResponse *)response;
    record_print(cli->out,
                 (const char *const[][2]){
                     {"product", done->product_id},
                     {"on hand", cell_int(&cli->arena, done->on_hand)},
                     {"delta", cell_int(&cli->arena, done->delta)},
                     {"durability", cell_enum(&cli->arena, &shop__v1__durability__descriptor,
                                              (int)done->durability)},
                     {"adjustment", done->adjustment_id},
                 },
                 5);
    return CLI_OK;
}

static bool read_time(const char *text, Google__Protobuf__Timestamp *time)
{
    google__protobuf__timestamp__init(time);
    return text == NULL || timestamp_parse_written(text, &time->seconds, &time->nanos);
}

static int list_movements(struct cli *cli, const void *values)
{
    static const struct table_column COLUMNS[] = {
        {"TIME (UTC)", TABLE_LEFT}, {"CAUSE", TABLE_LEFT},     {"ON HAND", TABLE_RIGHT},
        {"AFTER", TABLE_RIGHT},     {"RESERVED", TABLE_RIGHT}, {"AFTER", TABLE_RIGHT},
        {"ORDER", TABLE_LEFT},      {"ACTOR", TABLE_LEFT},     {"REASON", TABLE_LEFT},
    };
    static const struct list_kind KIND = {
        .service = SERVICE,
        .method = "ListStockMovements",
        .columns = COLUMNS,
        .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
        .cells = movement_cells,
    };
    const struct movements_options *options = values;
    Google__Protobuf__Timestamp since, until;
    if (!read_time(options->since, &since) || !read_time(options->until, &until)) {
        return cli_usage(cli, "--since and --until take a time such as 2026-12-01T08:00:00Z");
    }
    Shop__V1__ListStockMovementsRequest request = SHOP__V1__LIST_STOCK_MOVEMENTS_REQUEST__INIT;
    request.product_id = cli_text(cli, cli->words[0]);
    request.start_time = options->since != NULL ? &since : NULL;
    request.end_time = options->until != NULL ? &until : NULL;
    return list_run(cli, &KIND, &request.base, &options->list);
}

/* "+3", "-3", "" */
static const char *cell_delta(struct arena *arena, int64_t delta)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%+lld", (long long)delta);
    const char *cell = arena_strdup(arena, delta != 0 ? text : "");
    return cell != NULL ? cell : "?";
}

static void movement_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells)
{
    const Shop__V1__StockMovement *movement = (const Shop__V1__StockMovement *)item;
    cells[0] = cell_time(arena, movement->event_time);
    cells[1] = movement->cause;
    cells[2] = cell_delta(arena, movement->delta_on_hand);
    cells[3] = cell_int(arena, movement->on_hand_after);
    cells[4] = cell_delta(arena, movement->delta_reserved);
    cells[5] = cell_int(arena, movement->reserved_after);
    cells[6] = movement->order_id;
    cells[7] = movement->actor;
    cells[8] = movement->reason;
}

static int explain_stock(struct cli *cli, const void *values)
{
    (void)values;
    Shop__V1__ExplainStockRequest request = SHOP__V1__EXPLAIN_STOCK_REQUEST__INIT;
    request.product_id = cli_text(cli, cli->words[0]);
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "ExplainStock", &request.base, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    if (cli->globals.output == CLI_JSON) {
        return cli_print_json(cli, response);
    }
    print_explanation(cli, (const Shop__V1__ExplainStockResponse *)response);
    return CLI_OK;
}

static void print_explanation(struct cli *cli, const Shop__V1__ExplainStockResponse *said)
{
    const Shop__V1__Stock *stock = said->stock;
    long long on_hand = 0, reserved = 0;
    (void)fprintf(cli->out, "%-18s %10s %12s %12s\n", "CAUSE", "MOVEMENTS", "ON HAND", "RESERVED");
    for (size_t i = 0; i < said->n_causes; i++) {
        const Shop__V1__StockCause *cause = said->causes[i];
        on_hand += cause->on_hand;
        reserved += cause->reserved;
        (void)fprintf(cli->out, "%-18s %10lld %+12lld %+12lld\n", cause->cause,
                      (long long)cause->movements, (long long)cause->on_hand,
                      (long long)cause->reserved);
    }
    (void)fprintf(cli->out, "%-18s %10s %12lld %12lld\n\n", "together", "", on_hand, reserved);
    const struct {
        const char *what;
        int64_t units;
    } sums[] = {
        {"on hand", stock->on_hand},
        {"- reserved", stock->reserved},
        {"- safety stock", stock->safety_stock},
        {"- on its way to Redis", said->unapplied},
        {"- on its way to PostgreSQL", said->in_flight},
    };
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        (void)fprintf(cli->out, "%-28s %12lld\n", sums[i].what, (long long)sums[i].units);
    }
    (void)fprintf(cli->out, "%-28s %12lld\n\n%s\n", "= available", (long long)stock->available,
                  said->adds_up ? "It adds up." : "IT DOES NOT ADD UP.");
}
