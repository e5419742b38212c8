/* See export_rows.h. */
#include "client/cli/export_rows.h"

#include <inttypes.h>
#include <string.h>

#include "client/cli/cells.h"
#include "json/json_print.h"
#include "json/timestamp.h"

static void put_line(FILE *out, const Shop__V1__Order *order, size_t line, struct arena *arena);
static void put_text(FILE *out, const char *text);
static void put_time(FILE *out, const Google__Protobuf__Timestamp *time);

void export_heading(FILE *out, enum export_format format)
{
    if (format == EXPORT_CSV) {
        fputs("order_id,order_ref,customer_id,state,create_time,placed_time,expire_time,"
              "confirm_time,payment_reference,currency,total_minor,line_number,product_id,quantity,"
              "fulfilled_quantity,cancelled_quantity,unit_price_minor\n",
              out);
    }
}

int export_row(struct cli *cli, FILE *out, enum export_format format, const Shop__V1__Order *order)
{
    static const struct json_print_options OPTIONS = {.defaults = true};
    if (format == EXPORT_CSV) {
        for (size_t i = 0; i < order->n_lines; i++) {
            put_line(out, order, i, &cli->arena);
        }
        return CLI_OK;
    }
    struct failure failure;
    struct bytes text;
    if (json_print(&order->base, &OPTIONS, &cli->arena, &text, &failure) != STATUS_OK) {
        failure.code = STATUS_INTERNAL;
        return cli_fail(cli, &failure);
    }
    fprintf(out, "%s\n", (const char *)text.data);
    return CLI_OK;
}

static void put_line(FILE *out, const Shop__V1__Order *order, size_t at, struct arena *arena)
{
    const Shop__V1__OrderLine *line = order->lines[at];
    const char *state = cell_enum(arena, &shop__v1__order__state__descriptor, (int)order->state);
    const char *const texts[] = {order->order_id, order->order_ref, order->customer_id, state};
    const Google__Protobuf__Timestamp *const times[] = {order->create_time, order->placed_time,
                                                        order->expire_time, order->confirm_time};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put_text(out, texts[i]);
        fputc(',', out);
    }
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        put_time(out, times[i]);
        fputc(',', out);
    }
    put_text(out, order->payment_reference);
    fprintf(out, ",%s,%" PRId64 ",%zu,", order->currency, order->total_minor, at + 1);
    put_text(out, line->product_id);
    fprintf(out, ",%" PRId32 ",%" PRId32 ",%" PRId32 ",%" PRId64 "\n", line->quantity,
            line->fulfilled_quantity, line->cancelled_quantity, line->unit_price_minor);
}

/* RFC 4180. */
static void put_text(FILE *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            fputc('"', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}

static void put_time(FILE *out, const Google__Protobuf__Timestamp *time)
{
    char text[TIMESTAMP_TEXT_BYTES];
    if (time != NULL && timestamp_print(time->seconds, time->nanos, text)) {
        fputs(text, out);
    }
}
