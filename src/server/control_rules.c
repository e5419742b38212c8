/* See control_rules.h. */
#include "server/control_rules.h"

#include "server/product_rules.h"
#include "server/refusals.h"

enum status control_read_rules(const struct postgres_result *result, struct arena *arena,
                               struct control_stock *stock_out, struct failure *failure)
{
    size_t count = postgres_result_rows(result);
    struct book_ruled *ruled = arena_calloc(arena, count, sizeof *ruled);
    if (ruled == NULL && count > 0) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        struct product product;
        if (!catalogue_read_product(result, i, arena, &product)) {
            return refuse_overloaded(failure);
        }
        ruled[i] = (struct book_ruled){
            .product_id = product.product_id,
            .available = postgres_result_int(result, i, CATALOGUE_PRODUCT_COLUMN_COUNT),
            .rules = product_rules_text(&product, arena),
        };
        if (ruled[i].rules == NULL) {
            return refuse_overloaded(failure);
        }
    }
    stock_out->ruled = ruled;
    stock_out->ruled_count = count;
    return STATUS_OK;
}

enum status control_read_bought(const struct postgres_result *result, struct arena *arena,
                                struct control_stock *stock_out, struct failure *failure)
{
    size_t count = postgres_result_rows(result);
    struct book_bought *bought = arena_calloc(arena, count, sizeof *bought);
    if (bought == NULL && count > 0) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        bought[i] = (struct book_bought){
            .customer_id = arena_strdup(arena, postgres_result_text(result, i, 0)),
            .product_id = arena_strdup(arena, postgres_result_text(result, i, 1)),
            .order_id = postgres_result_uuid(result, i, 2),
            .unix_ms = postgres_result_unix_us(result, i, 3) / 1000,
            .quantity = postgres_result_int(result, i, 4),
        };
        if (bought[i].customer_id == NULL || bought[i].product_id == NULL) {
            return refuse_overloaded(failure);
        }
    }
    stock_out->bought = bought;
    stock_out->bought_count = count;
    return STATUS_OK;
}
