/* See product_update.h. */
#include "shop/product_update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shop/rules.h"

#define TIME_US_MAX (253402300799LL * 1000000 + 999999) /* 9999-12-31T23:59:59.999999Z */

static enum status check_limits(const char *path, const struct product *product,
                                struct failure *failure);
static enum status check_window(const char *path, const struct product *product,
                                struct failure *failure);
static bool set_field(const char *name, const struct product *values, struct product *product);
static bool is_same(const struct product *a, const struct product *b);
static void count_since(const struct product *before, int64_t now_us, struct product *after);

/* "product.price", or "price" */
static enum status refuse(const char *path, const char *field, const char *reason, const char *text,
                          struct failure *failure)
{
    char name[FAILURE_FIELD_BYTES];
    (void)snprintf(name, sizeof name, "%s%s", path, field);
    return failure_set_field(failure, name, reason, "%s: %s", name, text);
}

enum status product_check(const char *path, const struct product *product, struct failure *failure)
{
    char field[FAILURE_FIELD_BYTES];
    (void)snprintf(field, sizeof field, "%sproduct_id", path);
    enum status status = rules_check_id(field, product->product_id, failure);
    if (status == STATUS_OK) {
        (void)snprintf(field, sizeof field, "%sdisplay_name", path);
        status = rules_check_text(field, product->display_name, 1, SHOP_NAME_BYTES_MAX, "BAD_NAME",
                                  failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (product->unit_price_minor < 0 || product->unit_price_minor > SHOP_PRICE_MINOR_MAX) {
        return refuse(path, "unit_price_minor", "BAD_PRICE", "a price is 0 to 1,000,000,000,000",
                      failure);
    }
    if (!rules_is_currency(product->currency)) {
        return refuse(path, "currency", "BAD_CURRENCY", "three upper-case letters of ISO 4217",
                      failure);
    }
    if (product->state != PRODUCT_ACTIVE && product->state != PRODUCT_SUSPENDED) {
        return refuse(path, "state", "BAD_STATE", "can be set to ACTIVE or SUSPENDED", failure);
    }
    status = check_limits(path, product, failure);
    return status == STATUS_OK ? check_window(path, product, failure) : status;
}

static enum status check_limits(const char *path, const struct product *product,
                                struct failure *failure)
{
    if (product->max_per_order < 0 || product->max_per_order > SHOP_QUANTITY_MAX) {
        return refuse(path, "max_per_order", "BAD_LIMIT", "0 (no limit) to 1,000,000", failure);
    }
    if (product->max_per_customer < 0 || product->max_per_customer > SHOP_LIMIT_MAX) {
        return refuse(path, "max_per_customer", "BAD_LIMIT", "0 (no limit) to 10,000", failure);
    }
    bool counts = product->max_per_customer > 0;
    bool in_range = product->limit_window_ms >= SHOP_WINDOW_MS_MIN &&
                    product->limit_window_ms <= SHOP_WINDOW_MS_MAX;
    if (counts ? !in_range : product->limit_window_ms != 0) {
        return refuse(path, "limit_window", "BAD_LIMIT",
                      "1 s to 90 days with max_per_customer, and left out without it", failure);
    }
    if (product->safety_stock < 0 || product->safety_stock > SHOP_STOCK_MAX) {
        return refuse(path, "safety_stock", "BAD_QUANTITY", "0 to 1,000,000,000", failure);
    }
    if (product->low_stock_threshold < 0 || product->low_stock_threshold > SHOP_STOCK_MAX) {
        return refuse(path, "low_stock_threshold", "BAD_QUANTITY", "0 to 1,000,000,000", failure);
    }
    return STATUS_OK;
}

static enum status check_window(const char *path, const struct product *product,
                                struct failure *failure)
{
    int64_t start_us = product->sale_start_us, end_us = product->sale_end_us;
    if (start_us < 0 || start_us > TIME_US_MAX) {
        return refuse(path, "sale_start_time", "BAD_TIME", "a time after 1970", failure);
    }
    if (end_us < 0 || end_us > TIME_US_MAX || (end_us != 0 && end_us <= start_us)) {
        return refuse(path, "sale_end_time", "BAD_TIME", "a time after sale_start_time", failure);
    }
    return STATUS_OK;
}

enum update_outcome product_update_apply(const struct product *before,
                                         const struct product_update *update, int64_t now_us,
                                         struct product *after_out, struct failure *failure)
{
    struct product after = *before;
    if (update->path_count == 0) {
        (void)failure_set_field(failure, "update_mask", "BAD_UPDATE_MASK",
                                "update_mask must name the fields to set");
        return UPDATE_REFUSED;
    }
    for (size_t i = 0; i < update->path_count; i++) {
        if (!set_field(update->paths[i], &update->values, &after)) {
            (void)failure_set_field(failure, "update_mask", "BAD_UPDATE_MASK",
                                    "'%.40s' is no field that can be set", update->paths[i]);
            return UPDATE_REFUSED;
        }
    }
    if (before->state == PRODUCT_DELETED) {
        (void)failure_set(failure, STATUS_FAILED_PRECONDITION, "PRODUCT_DELETED",
                          "nothing was done: %s was deleted", before->product_id);
        failure_add(failure, "product_id", "%s", before->product_id);
        return UPDATE_REFUSED;
    }
    if (product_check("product.", &after, failure) != STATUS_OK) {
        return UPDATE_REFUSED;
    }
    if (is_same(before, &after)) {
        return UPDATE_NO_EFFECT; /* also when it is this very update, asked for again */
    }
    bool priced = before->unit_price_minor != after.unit_price_minor ||
                  strcmp(before->currency, after.currency) != 0;
    if (priced && update->etag[0] == '\0') {
        (void)failure_set_field(failure, "product.etag", "ETAG_REQUIRED",
                                "a change of the price must say which etag it was made from");
        return UPDATE_REFUSED;
    }
    if (!product_update_is_at(before, update->etag, failure)) {
        return UPDATE_REFUSED;
    }
    after.version = before->version + 1;
    after.update_time_us = now_us;
    count_since(before, now_us, &after);
    *after_out = after;
    return UPDATE_CHANGES;
}

bool product_update_is_at(const struct product *product, const char *etag, struct failure *failure)
{
    char present[24];
    (void)snprintf(present, sizeof present, "%lld", (long long)product->version);
    if (etag[0] == '\0' || strcmp(etag, present) == 0) {
        return true;
    }
    (void)failure_set(failure, STATUS_ABORTED, "ETAG_MISMATCH",
                      "nothing was done: %s was changed meanwhile", product->product_id);
    failure_add(failure, "product_id", "%s", product->product_id);
    failure_add(failure, "etag", "%s", present);
    return false;
}

/* False: there is no such field, or it cannot be set. */
static bool set_field(const char *name, const struct product *values, struct product *product)
{
    if (strcmp(name, "display_name") == 0) {
        product->display_name = values->display_name;
    } else if (strcmp(name, "unit_price_minor") == 0) {
        product->unit_price_minor = values->unit_price_minor;
    } else if (strcmp(name, "currency") == 0) {
        memcpy(product->currency, values->currency, sizeof product->currency);
    } else if (strcmp(name, "state") == 0) {
        product->state = values->state;
    } else if (strcmp(name, "max_per_order") == 0) {
        product->max_per_order = values->max_per_order;
    } else if (strcmp(name, "max_per_customer") == 0) {
        product->max_per_customer = values->max_per_customer;
    } else if (strcmp(name, "limit_window") == 0) {
        product->limit_window_ms = values->limit_window_ms;
    } else if (strcmp(name, "sale_start_time") == 0) {
        product->sale_start_us = values->sale_start_us;
    } else if (strcmp(name, "sale_end_time") == 0) {
        product->sale_end_us = values->sale_end_us;
    } else if (strcmp(name, "safety_stock") == 0) {
        product->safety_stock = values->safety_stock;
    } else if (strcmp(name, "low_stock_threshold") == 0) {
        product->low_stock_threshold = values->low_stock_threshold;
    } else {
        return false;
    }
    return true;
}

static bool is_same(const struct product *a, const struct product *b)
{
    return strcmp(a->display_name, b->display_name) == 0 &&
           a->unit_price_minor == b->unit_price_minor && strcmp(a->currency, b->currency) == 0 &&
           a->state == b->state && a->max_per_order == b->max_per_order &&
           a->max_per_customer == b->max_per_customer && a->limit_window_ms == b->limit_window_ms &&
           a->sale_start_us == b->sale_start_us && a->sale_end_us == b->sale_end_us &&
           a->safety_stock == b->safety_stock && a->low_stock_threshold == b->low_stock_threshold;
}

/* Redis forgets what no window reached back to; what it may have forgotten does not count again
 * when the window grows. */
static void count_since(const struct product *before, int64_t now_us, struct product *after)
{
    if (after->max_per_customer == 0) {
        after->limit_since_us = 0;
    } else if (before->max_per_customer == 0) {
        after->limit_since_us = now_us;
    } else if (after->limit_window_ms > before->limit_window_ms) {
        int64_t kept_us = now_us - before->limit_window_ms * 1000;
        after->limit_since_us = kept_us > before->limit_since_us ? kept_us : before->limit_since_us;
    }
}
