/* Catalogue over PostgreSQL: reading products and stock rows. See catalogue.h. */
#include <stdlib.h>
#include <string.h>

#include "postgres/postgres_array.h"
#include "server/catalogue.h"
#include "server/refusals.h"

static enum status read_products(const struct postgres_result *result, struct arena *arena,
                                 struct product **products_out, size_t *count_out,
                                 struct failure *failure);
static enum status read_stock(const struct postgres_result *result, struct arena *arena,
                              struct stock **stock_out, size_t *count_out, struct failure *failure);
static enum status query_ids(struct postgres_link *link, const struct postgres_statement *statement,
                             const char *const *ids, size_t count, struct arena *arena,
                             int64_t deadline_ms, const struct postgres_result **result_out,
                             struct failure *failure);
static enum status query_page(struct postgres_link *link,
                              const struct postgres_statement *statement, const char *after,
                              int32_t most, struct arena *arena, int64_t deadline_ms,
                              const struct postgres_result **result_out, struct failure *failure);
static int compare_products(const void *left, const void *right);
static int compare_stock(const void *left, const void *right);

enum status catalogue_find(struct postgres_link *link, const char *const *ids, size_t count,
                           struct arena *arena, int64_t deadline_ms, struct product **products_out,
                           size_t *found_out, struct failure *failure)
{
    static const struct postgres_statement find = {
        "catalogue_find",
        "SELECT " CATALOGUE_PRODUCT_COLUMNS " FROM " CATALOGUE_PRODUCT_TABLES
        " WHERE p.product_id = ANY($1::text[])",
    };
    const struct postgres_result *result = NULL;
    enum status status = query_ids(link, &find, ids, count, arena, deadline_ms, &result, failure);
    if (status == STATUS_OK) {
        status = read_products(result, arena, products_out, found_out, failure);
    }
    if (status == STATUS_OK && *found_out > 0) {
        qsort(*products_out, *found_out, sizeof **products_out, compare_products);
    }
    return status;
}

enum status catalogue_list(struct postgres_link *link, const char *after, int32_t most,
                           bool with_deleted, struct arena *arena, int64_t deadline_ms,
                           struct product **products_out, size_t *count_out,
                           struct failure *failure)
{
    static const struct postgres_statement all = {
        "catalogue_list_all",
        "SELECT " CATALOGUE_PRODUCT_COLUMNS " FROM " CATALOGUE_PRODUCT_TABLES
        " WHERE p.product_id > $1::text ORDER BY p.product_id LIMIT $2::int8",
    };
    static const struct postgres_statement list = {
        "catalogue_list",
        "SELECT " CATALOGUE_PRODUCT_COLUMNS " FROM " CATALOGUE_PRODUCT_TABLES
        " WHERE p.product_id > $1::text AND p.state <> 3 ORDER BY p.product_id LIMIT $2::int8",
    };
    const struct postgres_result *result = NULL;
    enum status status = query_page(link, with_deleted ? &all : &list, after, most, arena,
                                    deadline_ms, &result, failure);
    if (status != STATUS_OK) {
        return status;
    }
    return read_products(result, arena, products_out, count_out, failure);
}

enum status catalogue_find_stock(struct postgres_link *link, const char *const *ids, size_t count,
                                 struct arena *arena, int64_t deadline_ms, struct stock **stock_out,
                                 size_t *found_out, struct failure *failure)
{
    static const struct postgres_statement find = {
        "catalogue_find_stock",
        "SELECT product_id, on_hand, reserved, safety_stock FROM stock "
        "WHERE product_id = ANY($1::text[])",
    };
    const struct postgres_result *result = NULL;
    enum status status = query_ids(link, &find, ids, count, arena, deadline_ms, &result, failure);
    if (status == STATUS_OK) {
        status = read_stock(result, arena, stock_out, found_out, failure);
    }
    if (status == STATUS_OK && *found_out > 0) {
        qsort(*stock_out, *found_out, sizeof **stock_out, compare_stock);
    }
    return status;
}

enum status catalogue_list_stock(struct postgres_link *link, const char *after, int32_t most,
                                 struct arena *arena, int64_t deadline_ms, struct stock **stock_out,
                                 size_t *count_out, struct failure *failure)
{
    static const struct postgres_statement list = {
        "catalogue_list_stock",
        "SELECT product_id, on_hand, reserved, safety_stock FROM stock WHERE product_id > $1::text "
        "ORDER BY product_id LIMIT $2::int8",
    };
    const struct postgres_result *result = NULL;
    enum status status = query_page(link, &list, after, most, arena, deadline_ms, &result, failure);
    if (status != STATUS_OK) {
        return status;
    }
    return read_stock(result, arena, stock_out, count_out, failure);
}

static enum status query_ids(struct postgres_link *link, const struct postgres_statement *statement,
                             const char *const *ids, size_t count, struct arena *arena,
                             int64_t deadline_ms, const struct postgres_result **result_out,
                             struct failure *failure)
{
    struct postgres_array array;
    postgres_array_init(&array, POSTGRES_TEXT, arena, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_text(&array, ids[i]);
    }
    struct postgres_parameter parameter = postgres_array_parameter(&array);
    if (postgres_array_failed(&array)) {
        return refuse_overloaded(failure);
    }
    return postgres_link_query(link, statement, &parameter, 1, deadline_ms, result_out, failure);
}

static enum status query_page(struct postgres_link *link,
                              const struct postgres_statement *statement, const char *after,
                              int32_t most, struct arena *arena, int64_t deadline_ms,
                              const struct postgres_result **result_out, struct failure *failure)
{
    struct postgres_parameter parameters[] = {postgres_text(after), postgres_int8(arena, most)};
    if (parameters[1].value.data == NULL) {
        return refuse_overloaded(failure);
    }
    return postgres_link_query(link, statement, parameters, 2, deadline_ms, result_out, failure);
}

static enum status read_products(const struct postgres_result *result, struct arena *arena,
                                 struct product **products_out, size_t *count_out,
                                 struct failure *failure)
{
    size_t count = postgres_result_rows(result);
    struct product *products = arena_calloc(arena, count, sizeof *products);
    if (products == NULL && count > 0) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        if (!catalogue_read_product(result, i, arena, &products[i])) {
            return refuse_overloaded(failure);
        }
    }
    *products_out = products;
    *count_out = count;
    return STATUS_OK;
}

bool catalogue_read_product(const struct postgres_result *result, size_t row, struct arena *arena,
                            struct product *product_out)
{
    product_out->product_id = arena_strdup(arena, postgres_result_text(result, row, 0));
    product_out->display_name = arena_strdup(arena, postgres_result_text(result, row, 1));
    product_out->unit_price_minor = postgres_result_int(result, row, 2);
    const char *currency = postgres_result_text(result, row, 3);
    memcpy(product_out->currency, currency, strnlen(currency, CURRENCY_BYTES - 1) + 1);
    product_out->version = postgres_result_int(result, row, 4);
    product_out->create_time_us = postgres_result_unix_us(result, row, 5);
    product_out->update_time_us = postgres_result_unix_us(result, row, 6);
    product_out->state = (enum product_state)postgres_result_int(result, row, 7);
    product_out->max_per_order = (int32_t)postgres_result_int(result, row, 8);
    product_out->max_per_customer = (int32_t)postgres_result_int(result, row, 9);
    product_out->limit_window_ms = postgres_result_int(result, row, 10);
    product_out->limit_since_us = postgres_result_unix_us(result, row, 11);
    product_out->sale_start_us = postgres_result_unix_us(result, row, 12);
    product_out->sale_end_us = postgres_result_unix_us(result, row, 13);
    product_out->safety_stock = postgres_result_int(result, row, 14);
    product_out->low_stock_threshold = postgres_result_int(result, row, 15);
    return product_out->product_id != NULL && product_out->display_name != NULL;
}

static enum status read_stock(const struct postgres_result *result, struct arena *arena,
                              struct stock **stock_out, size_t *count_out, struct failure *failure)
{
    size_t count = postgres_result_rows(result);
    struct stock *stock = arena_calloc(arena, count, sizeof *stock);
    if (stock == NULL && count > 0) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        stock[i].product_id = arena_strdup(arena, postgres_result_text(result, i, 0));
        stock[i].on_hand = postgres_result_int(result, i, 1);
        stock[i].reserved = postgres_result_int(result, i, 2);
        stock[i].safety_stock = postgres_result_int(result, i, 3);
        if (stock[i].product_id == NULL) {
            return refuse_overloaded(failure);
        }
    }
    *stock_out = stock;
    *count_out = count;
    return STATUS_OK;
}

const struct product *catalogue_pick(const struct product *products, size_t count,
                                     const char *product_id)
{
    struct product key = {.product_id = product_id};
    return count == 0 ? NULL : bsearch(&key, products, count, sizeof key, compare_products);
}

const struct stock *catalogue_pick_stock(const struct stock *stock, size_t count,
                                         const char *product_id)
{
    struct stock key = {.product_id = product_id};
    return count == 0 ? NULL : bsearch(&key, stock, count, sizeof key, compare_stock);
}

static int compare_products(const void *left, const void *right)
{
    const struct product *a = left, *b = right;
    return strcmp(a->product_id, b->product_id);
}

static int compare_stock(const void *left, const void *right)
{
    const struct stock *a = left, *b = right;
    return strcmp(a->product_id, b->product_id);
}
