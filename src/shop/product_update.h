/* Product update: what UpdateProduct makes of a product, and what a product may be. Pure.
 * Called by the server's update_product.c under the lock of the product's row, by create_product.c,
 * and by orderctl's import before anything is sent. */
#pragma once

#include "shop/order.h"

/* What UpdateProduct was asked for. */
struct product_update {
    struct product values;    /* its product_id says which product */
    const char *etag;         /* "" = whatever the product is */
    const char *const *paths; /* of update_mask: which values */
    size_t path_count;
};

enum update_outcome {
    UPDATE_CHANGES,   /* *after_out, one version on */
    UPDATE_NO_EFFECT, /* the product has these values: answer it as it is */
    UPDATE_REFUSED,   /* *failure */
};

/* Everything a product says of itself, `path` before each field's name. BAD_ID, BAD_NAME,
 * BAD_PRICE, BAD_CURRENCY, BAD_STATE (may be ACTIVE or SUSPENDED), BAD_LIMIT, BAD_TIME,
 * BAD_QUANTITY. */
enum status product_check(const char *path, const struct product *product, struct failure *failure);

/* after_out shares texts with both. Refusals: BAD_UPDATE_MASK (empty, or a field that cannot be
 * set), those of product_check, ETAG_REQUIRED (INVALID_ARGUMENT), ETAG_MISMATCH (ABORTED),
 * PRODUCT_DELETED (FAILED_PRECONDITION). */
enum update_outcome product_update_apply(const struct product *before,
                                         const struct product_update *update, int64_t now_us,
                                         struct product *after_out, struct failure *failure);
/* Sets *failure to ETAG_MISMATCH and returns false unless the product is at `etag` ("" = any). */
bool product_update_is_at(const struct product *product, const char *etag, struct failure *failure);
