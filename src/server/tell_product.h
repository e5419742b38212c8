/* Tell product: what PostgreSQL has of a product since a moment ago is told to the cache and to
 * Redis. Called by create_product.c and update_product.c after their commit. Neither failing undoes
 * the change: the cache forgets by itself, and what Redis was not told the workers' sweep or the
 * next loading of stock brings. */
#pragma once

#include "redis/book.h"
#include "server/shop_lane.h"
#include "shop/order.h"

/* Before the commit of a change: from here on nobody fills the cache with what is older than
 * `version`, and nobody finds the product there until it is told. Fails when the cache is away:
 * then the change must not be made, or others would go on to read what it was. */
enum status tell_cache_of_change(struct shop_lane *lane, const char *product_id, int64_t version,
                                 struct failure *failure);
void tell_cache(struct shop_lane *lane, const struct product *products, size_t count);
/* Whether Redis has them now; then they are forgotten in PostgreSQL. */
bool tell_book(struct shop_lane *lane, const struct book_delta *deltas, size_t count);
