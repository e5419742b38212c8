/* orderctl export: orders into a file, to be read by spreadsheets and programs.
 * Always: an export that was cut off - killed, a full disk, a server away - goes on with --resume
 * where it was, without a row twice or missing: beside the file stands another one that says up to
 * which byte the file is good and where the list goes on; it is replaced after each page and goes
 * with the last. What is behind that byte is cut off before going on. */
#include <assert.h>
#include <errno.h>
#include <shop/v1/order_service.pb-c.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/stop.h"
#include "client/cli/commands.h"
#include "client/cli/export_file.h"
#include "client/cli/export_rows.h"
#include "client/cli/order_filter.h"
#include "client/cli/progress.h"
#include "rpc/message.h"
#include "shop/limits.h"

#define SERVICE (&shop__v1__order_service__descriptor)

struct export_options {
    struct order_filter_options filter;
    int64_t format; /* enum export_format */
    bool resume;
};

static int export_orders(struct cli *cli, const void *values);
static int begin(struct cli *cli, const struct export_options *options,
                 struct export_file *file_out);
static void write_asked(const struct order_filter_options *filter, char *out, size_t room);
static int walk(struct cli *cli, struct export_file *file);
static enum status ask(struct cli *cli, struct export_file *file,
                       const Shop__V1__ListOrdersResponse **page_out, struct failure *failure);

static const struct option EXPORT_OPTIONS[] = {
    {.name = "format",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct export_options, format),
     .value = "csv|jsonl",
     .fallback = "csv",
     .help = "a row for each line of an order, or a JSON object for each order (default csv)"},
    {.name = "resume",
     .type = OPTION_FLAG,
     .offset = offsetof(struct export_options, resume),
     .help = "go on with an export of the same orders that was cut off; begin if there is none"},
    ORDER_FILTER_ENTRIES(struct export_options, filter),
};
static_assert(sizeof(struct export_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

const struct cli_command COMMAND_EXPORT_ORDERS = {
    .group = "export",
    .name = "orders",
    .arguments = "FILE",
    .summary = "Writes orders into a CSV or JSONL file; - is the output.",
    .details =
        "  orderctl export orders may.csv --placed-from 2026-05-01 --placed-to 2026-06-01\n"
        "  orderctl export orders all.jsonl --format jsonl --resume\n\n"
        "The newest first, those that PostgreSQL has when the export begins. An export that\n"
        "was cut off leaves FILE.part beside FILE; with --resume it goes on where it was, no\n"
        "row twice or missing. Its filter is that of its beginning.\n\n" ORDER_FILTER_DETAILS,
    .options = EXPORT_OPTIONS,
    .option_count = sizeof(EXPORT_OPTIONS) / sizeof(EXPORT_OPTIONS[0]),
    .words_least = 1,
    .words_most = 1,
    .run = export_orders,
};

static int export_orders(struct cli *cli, const void *values)
{
    struct export_file file;
    if (cli->environment->stop_init != NULL) {
        (void)cli->environment->stop_init();
    }
    int code = begin(cli, values, &file);
    if (code != CLI_OK || file.is_complete) {
        return code;
    }
    code = walk(cli, &file);
    return export_file_close(&file, cli, code);
}

/* The request's bound is fixed now, so that the list has an end however long it takes. */
static int begin(struct cli *cli, const struct export_options *options,
                 struct export_file *file_out)
{
    Shop__V1__ListOrdersRequest request = SHOP__V1__LIST_ORDERS_REQUEST__INIT;
    Google__Protobuf__Timestamp now = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    int code = order_filter_fill(cli, &options->filter, &request);
    if (code != CLI_OK) {
        return code;
    }
    now.seconds = clock_unix_us(cli->environment->clock) / 1000000 + 1;
    if (request.create_time_to == NULL || request.create_time_to->seconds > now.seconds) {
        request.create_time_to = &now;
    }
    struct bytes filter = message_encode(&request.base, &cli->arena);
    assert(filter.data != NULL);
    char asked[EXPORT_FILTER_BYTES];
    write_asked(&options->filter, asked, sizeof(asked));
    return export_file_open(file_out, cli, cli->words[0], (enum export_format)options->format,
                            options->resume, bytes_of_text(asked), filter);
}

/* As text, because "2h" means another time when the export is resumed. */
static void write_asked(const struct order_filter_options *filter, char *out, size_t room)
{
    const char *const parts[] = {filter->customer,     filter->states,     filter->product,
                                 filter->created_from, filter->created_to, filter->placed_from,
                                 filter->placed_to};
    size_t size = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && size < room; i++) {
        size += (size_t)snprintf(out + size, room - size, "%s|", parts[i] != NULL ? parts[i] : "");
    }
}

static int walk(struct cli *cli, struct export_file *file)
{
    struct progress progress;
    progress_begin(&progress, cli->err, cli->environment->err_is_terminal, cli->environment->clock,
                   cli->words[0], "orders", 0);
    uint64_t orders = 0;
    int code = CLI_OK;
    for (bool more = true; more && code == CLI_OK;) {
        const Shop__V1__ListOrdersResponse *page;
        struct failure failure;
        arena_reset(&cli->arena);
        if (ask(cli, file, &page, &failure) != STATUS_OK) {
            progress_clear(&progress);
            return cli_fail(cli, &failure);
        }
        more = page->next_page_token[0] != '\0';
        for (size_t i = 0; i < page->n_orders && code == CLI_OK; i++) {
            code = export_row(cli, file->out, file->format, page->orders[i]);
        }
        if (code == CLI_OK) {
            code = export_file_keep(file, cli, more ? page->next_page_token : NULL);
        }
        orders += page->n_orders;
        progress_show(&progress, 0, orders);
        if (more && code == CLI_OK && stop_requested()) {
            code = CLI_INTERRUPTED;
        }
    }
    progress_clear(&progress);
    return code;
}

static enum status ask(struct cli *cli, struct export_file *file,
                       const Shop__V1__ListOrdersResponse **page_out, struct failure *failure)
{
    ProtobufCMessage *request, *response;
    enum status status =
        message_decode(&shop__v1__list_orders_request__descriptor,
                       bytes_of(file->filter, file->filter_size), &cli->arena, &request, failure);
    if (status != STATUS_OK) {
        return status;
    }
    Shop__V1__ListOrdersRequest *list = (Shop__V1__ListOrdersRequest *)request;
    list->page_size = SHOP_PAGE_SIZE_MAX;
    list->page_token = cli_text(cli, file->token);
    status = cli_call(cli, SERVICE, "ListOrders", request, &response, failure);
    if (status == STATUS_OK) {
        *page_out = (const Shop__V1__ListOrdersResponse *)response;
    }
    return status;
}
