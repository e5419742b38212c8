/* See tell_product.h. */
#include "server/tell_product.h"

#include "server/catalogue.h"
#include "server/refusals.h"
#include "shop/product_codec.h"

enum status tell_cache_of_change(struct shop_lane *lane, const char *product_id, int64_t version,
                                 struct failure *failure)
{
    const struct product_lookup mark = {
        .product_id = product_id,
        .presence = PRODUCT_FOUND,
        .version = version,
    };
    struct failure cause;
    if (product_cache_put(lane->cache, &mark, 1, &cause) != STATUS_OK) {
        outage_note(&lane->products.cache_outage, lane->clock, &cause);
        return refuse_unavailable(failure, STORE_REDIS);
    }
    return STATUS_OK;
}

/* Also replaces "there is no such product" where a reader was told so a moment ago. */
void tell_cache(struct shop_lane *lane, const struct product *products, size_t count)
{
    struct product_lookup *entries = arena_calloc(&lane->arena, count, sizeof *entries);
    size_t told = 0;
    for (size_t i = 0; entries != NULL && i < count; i++) {
        struct bytes encoded = product_codec_pack(&products[i], &lane->arena);
        if (encoded.data != NULL) {
            entries[told++] = (struct product_lookup){
                .product_id = products[i].product_id,
                .presence = PRODUCT_FOUND,
                .version = products[i].version,
                .encoded = encoded,
            };
        }
    }
    struct failure failure;
    if (told > 0 && product_cache_put(lane->cache, entries, told, &failure) != STATUS_OK) {
        outage_note(&lane->products.cache_outage, lane->clock, &failure);
    }
}

bool tell_book(struct shop_lane *lane, const struct book_delta *deltas, size_t count)
{
    int64_t *ids = arena_alloc(&lane->arena, count * sizeof *ids);
    struct stock_pass pass;
    if (count == 0 || ids == NULL || !stock_gate_enter(lane->options->gate, &pass)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = deltas[i].delta_id;
    }
    book_set_epoch(lane->book, pass.epoch);
    struct failure failure;
    if (book_apply(lane->book, deltas, count, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return false;
    }
    outage_over(&lane->redis_outage, lane->clock);
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms;
    if (catalogue_forget_deltas(lane->postgres, ids, count, &lane->arena, deadline_ms, &failure) !=
        STATUS_OK) {
        outage_note(&lane->postgres_outage, lane->clock, &failure);
    }
    return true;
}
