/* Find products: the catalogue, cache-aside. One exchange with the cache for the whole batch, one
 * query for all that it did not know, and what the query found goes into the cache.
 * Called by create_order.c, adjust_stock.c and query_products.c with the lane's own source.
 * Always: a cache that is away or holds rubbish only costs the query; PostgreSQL that is away only
 * hurts what the cache does not know. */
#pragma once

#include "server/outage.h"
#include "server/product_cache.h"
#include "shop/order.h"

struct postgres_link;

struct product_source {
    struct product_cache *cache;    /* borrowed */
    struct postgres_link *postgres; /* borrowed */
    const struct clock *clock;
    struct outage cache_outage, postgres_outage;
};

void product_source_init(struct product_source *source, struct product_cache *cache,
                         struct postgres_link *postgres, const struct clock *clock);

/* Every lookup becomes FOUND (with its product, in the arena) or MISSING; or STORE_UNAVAILABLE, and
 * those that the cache did not know stay NOT_SAID. Blocks up to deadline_ms. */
enum status find_products(struct product_source *source, struct product_lookup *lookups,
                          size_t count, struct arena *arena, int64_t deadline_ms,
                          struct failure *failure);
