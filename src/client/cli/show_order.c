/* See show_order.h. */
#include "client/cli/show_order.h"

#include "client/cli/cells.h"
#include "client/cli/table.h"

static const char *moment(struct cli *cli, const Google__Protobuf__Timestamp *time);
static const char *durability(struct arena *arena, const Shop__V1__Order *order);
static void show_lines(struct cli *cli, const Shop__V1__Order *order);

int show_order(struct cli *cli, const Shop__V1__Order *order)
{
    if (cli->globals.output == CLI_JSON) {
        return cli_print_json(cli, &order->base);
    }
    struct arena *arena = &cli->arena;
    record_print(
        cli->out,
        (const char *const[][2]){
            {"order", order->order_id},
            {"ref", order->order_ref[0] == '\0' ? "-" : order->order_ref},
            {"customer", order->customer_id},
            {"state", cell_enum(arena, &shop__v1__order__state__descriptor, (int)order->state)},
            {"durability", durability(arena, order)},
            {"total", cell_money(arena, order->total_minor, order->currency)},
            {"placed", moment(cli, order->placed_time)},
            {"created", moment(cli, order->create_time)},
            {order->expire_time != NULL ? "held until" : "payment",
             order->expire_time != NULL            ? moment(cli, order->expire_time)
             : order->payment_reference[0] == '\0' ? "-"
                                                   : order->payment_reference},
        },
        9);
    show_lines(cli, order);
    return CLI_OK;
}

/* "1996-07-04 00:00:00 (3 min ago)" */
static const char *moment(struct cli *cli, const Google__Protobuf__Timestamp *time)
{
    char text[80];
    snprintf(text, sizeof(text), "%s (%s)", cell_time(&cli->arena, time),
             cell_ago(&cli->arena, time, clock_unix_us(cli->environment->clock)));
    return time == NULL ? "" : cli_text(cli, text);
}

static const char *durability(struct arena *arena, const Shop__V1__Order *order)
{
    if (order->durability == SHOP__V1__DURABILITY__DURABILITY_UNSPECIFIED) {
        return "none: this was only a trial"; /* validate_only */
    }
    return cell_enum(arena, &shop__v1__durability__descriptor, (int)order->durability);
}

static void show_lines(struct cli *cli, const Shop__V1__Order *order)
{
    static const struct table_column COLUMNS[] = {
        {"LINE", TABLE_RIGHT},  {"PRODUCT", TABLE_LEFT},    {"QUANTITY", TABLE_RIGHT},
        {"SENT", TABLE_RIGHT},  {"CANCELLED", TABLE_RIGHT}, {"UNIT PRICE", TABLE_RIGHT},
        {"AMOUNT", TABLE_RIGHT}};
    struct table table;
    fputc('\n', cli->out);
    table_init(&table, cli->out, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    for (size_t i = 0; i < order->n_lines; i++) {
        const Shop__V1__OrderLine *line = order->lines[i];
        int64_t amount = line->unit_price_minor * line->quantity; /* below 2^63: shop/limits.h */
        table_row(&table, (const char *const[]){
                              cell_int(&cli->arena, (int64_t)i + 1), line->product_id,
                              cell_int(&cli->arena, line->quantity),
                              cell_int(&cli->arena, line->fulfilled_quantity),
                              cell_int(&cli->arena, line->cancelled_quantity),
                              cell_money(&cli->arena, line->unit_price_minor, order->currency),
                              cell_money(&cli->arena, amount, order->currency)});
    }
    table_fini(&table);
}
