/* Product rules: what of a product the decisions in Redis have to know - its state, limits and sale
 * window - as the text that stands there behind its units (struct book_rules).
 * Called by whoever writes what Redis has to be told: creating, updating and deleting products, and
 * loading stock anew. Pure. */
#pragma once

#include "shop/order.h"

/* False: it is sold to everyone, always, as long as there are units. */
bool product_has_rules(const struct product *product);
/* Whether a decision may turn out differently. */
bool product_rules_differ(const struct product *one, const struct product *other);
/* NULL when the arena is full. */
const char *product_rules_text(const struct product *product, struct arena *arena);
