/* See find_products.h. */
#include "server/find_products.h"

#include "server/catalogue.h"
#include "shop/product_codec.h"

static bool ask_cache(struct product_source *source, struct product_lookup *lookups, size_t count,
                      struct arena *arena);
static size_t gather_misses(struct product_lookup *lookups, size_t count,
                            struct product_lookup **misses_out, struct arena *arena);
static enum status ask_catalogue(struct product_source *source, struct product_lookup *misses,
                                 size_t count, struct arena *arena, int64_t deadline_ms,
                                 struct failure *failure);
static void fill_cache(struct product_source *source, const struct product_lookup *misses,
                       size_t count);
static void hand_back(struct product_lookup *lookups, size_t count,
                      const struct product_lookup *misses);

void product_source_init(struct product_source *source, struct product_cache *cache,
                         struct postgres_link *postgres, const struct clock *clock)
{
    *source = (struct product_source){
        .cache = cache,
        .postgres = postgres,
        .clock = clock,
        .cache_outage.store = STORE_REDIS,
        .postgres_outage.store = STORE_POSTGRES,
    };
}

enum status find_products(struct product_source *source, struct product_lookup *lookups,
                          size_t count, struct arena *arena, int64_t deadline_ms,
                          struct failure *failure)
{
    if (count == 0) {
        return STATUS_OK;
    }
    bool cached = ask_cache(source, lookups, count, arena);
    struct product_lookup *misses;
    size_t missed = gather_misses(lookups, count, &misses, arena);
    if (missed == 0) {
        return STATUS_OK;
    }
    if (misses == NULL) {
        return refuse_overloaded(failure);
    }
    enum status status = ask_catalogue(source, misses, missed, arena, deadline_ms, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (cached) {
        fill_cache(source, misses, missed);
    }
    hand_back(lookups, count, misses);
    return STATUS_OK;
}

static bool ask_cache(struct product_source *source, struct product_lookup *lookups, size_t count,
                      struct arena *arena)
{
    struct failure failure;
    if (product_cache_get(source->cache, lookups, count, arena, &failure) != STATUS_OK) {
        outage_note(&source->cache_outage, source->clock, &failure);
        return false;
    }
    outage_over(&source->cache_outage, source->clock);
    for (size_t i = 0; i < count; i++) {
        struct product *product;
        if (lookups[i].presence != PRODUCT_FOUND) {
            continue;
        }
        if (product_codec_unpack(lookups[i].encoded, arena, &product, &failure) == STATUS_OK) {
            lookups[i].product = product;
        } else {
            lookups[i].presence = PRODUCT_NOT_SAID;
        }
    }
    return true;
}

/* *misses_out is NULL when the arena is full; in the order of the lookups. */
static size_t gather_misses(struct product_lookup *lookups, size_t count,
                            struct product_lookup **misses_out, struct arena *arena)
{
    size_t missed = 0;
    for (size_t i = 0; i < count; i++) {
        missed += lookups[i].presence == PRODUCT_NOT_SAID;
    }
    *misses_out = missed == 0 ? NULL : arena_alloc(arena, missed * sizeof **misses_out);
    for (size_t i = 0, at = 0; *misses_out != NULL && i < count; i++) {
        if (lookups[i].presence == PRODUCT_NOT_SAID) {
            (*misses_out)[at++] = lookups[i];
        }
    }
    return missed;
}

static enum status ask_catalogue(struct product_source *source, struct product_lookup *misses,
                                 size_t count, struct arena *arena, int64_t deadline_ms,
                                 struct failure *failure)
{
    const char **ids = arena_alloc(arena, count * sizeof *ids);
    if (ids == NULL) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = misses[i].product_id;
    }
    struct product *products;
    size_t found;
    struct failure cause;
    if (catalogue_find(source->postgres, ids, count, arena, deadline_ms, &products, &found,
                       &cause) != STATUS_OK) {
        outage_note(&source->postgres_outage, source->clock, &cause);
        return refuse_for_store(failure, STORE_POSTGRES, &cause);
    }
    outage_over(&source->postgres_outage, source->clock);
    for (size_t i = 0; i < count; i++) {
        const struct product *product = catalogue_pick(products, found, misses[i].product_id);
        misses[i].presence = product != NULL ? PRODUCT_FOUND : PRODUCT_MISSING;
        if (product == NULL) {
            continue;
        }
        misses[i].product = product;
        misses[i].version = product->version;
        misses[i].encoded = product_codec_pack(product, arena);
        if (misses[i].encoded.data == NULL) {
            return refuse_overloaded(failure);
        }
    }
    return STATUS_OK;
}

static void fill_cache(struct product_source *source, const struct product_lookup *misses,
                       size_t count)
{
    struct failure failure;
    if (product_cache_put(source->cache, misses, count, &failure) != STATUS_OK) {
        outage_note(&source->cache_outage, source->clock, &failure);
    }
}

static void hand_back(struct product_lookup *lookups, size_t count,
                      const struct product_lookup *misses)
{
    for (size_t i = 0, at = 0; i < count; i++) {
        if (lookups[i].presence == PRODUCT_NOT_SAID) {
            lookups[i] = misses[at++];
        }
    }
}
