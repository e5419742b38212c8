/* See product_rules.h. */
#include "server/product_rules.h"

#include <string.h>

#include "redis/book.h"

static struct book_rules make_rules(const struct product *product)
{
    return (struct book_rules){
        .version = product->version,
        .state = product->state,
        .most_an_order = product->max_per_order,
        .most_a_customer = product->max_per_customer,
        .window_ms = product->limit_window_ms,
        .since_ms = product->limit_since_us / 1000,
        .from_ms = product->sale_start_us / 1000,
        .until_ms = product->sale_end_us / 1000,
    };
}

bool product_rules_differ(const struct product *one, const struct product *other)
{
    struct book_rules a = make_rules(one), b = make_rules(other);
    a.version = b.version;
    return memcmp(&a, &b, sizeof a) != 0; /* eight numbers of eight bytes: no gaps */
}

bool product_has_rules(const struct product *product)
{
    const struct product plain = {.state = PRODUCT_ACTIVE};
    return product_rules_differ(product, &plain);
}

const char *product_rules_text(const struct product *product, struct arena *arena)
{
    struct book_rules rules = make_rules(product);
    char text[BOOK_RULES_BYTES];
    book_rules_print(&rules, text);
    return arena_strdup(arena, text);
}
