/* Product cache: encoded products by id, kept for a while; also that there is no such product.
 * Called by find_products.c (read, fill) and create_product.c (write through). Implemented over
 * Redis in product_cache_redis.c; the cache may be another Redis than the one that holds the stock.
 * Always: an entry is never replaced by an older version of the product, so a reader that was slow
 * to fill cannot undo a later change (the version is inside the entry, the test in the store). What
 * is cached is at most its time to live older than PostgreSQL. Losing it costs time, nothing else.
 * Not here: where products come from. One thread per cache object. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/status.h"
#include "shop/order.h"

struct redis_link;

enum product_presence {
    PRODUCT_NOT_SAID, /* nobody was asked yet, or did not know */
    PRODUCT_FOUND,
    PRODUCT_MISSING,
};

struct product_lookup {
    const char *product_id;

    enum product_presence presence;
    /* Of one that is FOUND: */
    int64_t version;
    struct bytes encoded;          /* a shop.v1.Product */
    const struct product *product; /* the same decoded; set by find_products, not by the cache */
};

struct product_cache_options {
    struct redis_link *link; /* borrowed */
    const struct clock *clock;
    int64_t ttl_ms; /* of a product; up to an eighth longer by chance, so that what was filled
                       together does not expire together */
    int64_t missing_ttl_ms; /* of "no such product" */
};

struct product_cache;

/* NULL when memory is out. */
struct product_cache *product_cache_create(const struct product_cache_options *options);
void product_cache_destroy(struct product_cache **cache);

/* One exchange. Sets presence (and what belongs to it, copied into the arena) where the cache
 * knows; the others stay PRODUCT_NOT_SAID. */
enum status product_cache_get(struct product_cache *cache, struct product_lookup *lookups,
                              size_t count, struct arena *arena, struct failure *failure);
/* Stores what is FOUND or MISSING, unless something newer is there. */
enum status product_cache_put(struct product_cache *cache, const struct product_lookup *lookups,
                              size_t count, struct failure *failure);
