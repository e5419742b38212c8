/* See show_product.h. */
#include "client/cli/show_product.h"

#include <inttypes.h>
#include <stdio.h>

#include "client/cli/cells.h"
#include "client/cli/table.h"

#define ROWS_MAX 16

static const char *cell_limit(struct arena *arena, const Shop__V1__Product *product);

/* Rules that there are not have no row. */
int show_product(struct cli *cli, const Shop__V1__Product *product)
{
    if (cli->globals.output == CLI_JSON) {
        return cli_print_json(cli, &product->base);
    }
    struct arena *arena = &cli->arena;
    const struct {
        const char *name;
        bool shown;
        const char *value;
    } all[] = {
        {"product", true, product->product_id},
        {"name", true, product->display_name},
        {"price", true, cell_money(arena, product->unit_price_minor, product->currency)},
        {"state", product->state != SHOP__V1__PRODUCT__STATE__STATE_UNSPECIFIED,
         cell_enum(arena, &shop__v1__product__state__descriptor, (int)product->state)},
        {"an order", product->max_per_order != 0, cell_int(arena, product->max_per_order)},
        {"a customer", product->max_per_customer != 0, cell_limit(arena, product)},
        {"sold from", product->sale_start_time != NULL, cell_time(arena, product->sale_start_time)},
        {"sold until", product->sale_end_time != NULL, cell_time(arena, product->sale_end_time)},
        {"kept back", product->safety_stock != 0, cell_int(arena, product->safety_stock)},
        {"low at", product->low_stock_threshold != 0,
         cell_int(arena, product->low_stock_threshold)},
        {"etag", product->etag[0] != '\0', product->etag},
        {"created", true, cell_time(arena, product->create_time)},
        {"updated", true, cell_time(arena, product->update_time)},
    };
    const char *rows[ROWS_MAX][2];
    size_t count = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].shown) {
            rows[count][0] = all[i].name;
            rows[count++][1] = all[i].value;
        }
    }
    record_print(cli->out, (const char *const(*)[2])rows, count);
    return CLI_OK;
}

static const char *cell_limit(struct arena *arena, const Shop__V1__Product *product)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "days"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    char text[64];
    int64_t seconds = product->limit_window != NULL ? product->limit_window->seconds : 0;
    size_t unit = 0;
    while (unit < 3 && (seconds % units[unit].seconds != 0 || seconds < 2 * units[unit].seconds)) {
        unit++;
    }
    (void)snprintf(text, sizeof text, "%d within %" PRId64 " %s", product->max_per_customer,
                   seconds / units[unit].seconds, units[unit].name);
    const char *cell = arena_strdup(arena, text);
    return cell != NULL ? cell : "?";
}
