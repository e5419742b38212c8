/* Product cache over Redis: cache:product:<id>, entries as lua/cache_put.lua describes them.
 * That script may be loaded again whenever Redis forgot it: no stock depends on it. */
#include <embedded/CACHE_PUT_LUA.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/redis_link.h"
#include "server/product_cache.h"
#include "shop/limits.h"

#define KEY_PREFIX      "cache:product:"
#define KEY_BYTES       (sizeof KEY_PREFIX + SHOP_ID_BYTES_MAX)
#define KEYS_A_COMMAND  500 /* one MGET of more would hold up Redis for others */
#define SHA_BYTES       40
#define VERSION_DIGITS  19   /* of INT64_MAX */
#define ENTRY_BYTES_MAX 2048 /* a product at its limits is below 500 bytes */

struct product_cache {
    struct product_cache_options options;
    char put_sha[SHA_BYTES + 1]; /* "" until loaded */
};

static bool add_gets(struct product_cache *cache, const struct product_lookup *lookups,
                     size_t count, struct arena *arena);
static enum status fail_full(struct failure *failure);
static bool read_entry(struct bytes entry, struct arena *arena, struct product_lookup *lookup);
static enum status load_put(struct product_cache *cache, struct failure *failure);
static enum status put_all(struct product_cache *cache, const struct product_lookup *lookups,
                           size_t count, bool *forgotten_out, struct failure *failure);
static void add_put(struct product_cache *cache, const struct product_lookup *lookup,
                    uint64_t chance);
static struct bytes make_key(const char *product_id, char buffer[KEY_BYTES]);

struct product_cache *product_cache_create(const struct product_cache_options *options)
{
    struct product_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL) {
        cache->options = *options;
    }
    return cache;
}

void product_cache_destroy(struct product_cache **cache)
{
    free(*cache);
    *cache = NULL;
}

enum status product_cache_get(struct product_cache *cache, struct product_lookup *lookups,
                              size_t count, struct arena *arena, struct failure *failure)
{
    if (!add_gets(cache, lookups, count, arena)) {
        return fail_full(failure);
    }
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(cache->options.link, 0, &replies, failure);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        const struct redis_reply *command = &replies[i / KEYS_A_COMMAND];
        if (command->type != REDIS_ARRAY || i % KEYS_A_COMMAND >= command->count) {
            continue;
        }
        const struct redis_reply *entry = &command->elements[i % KEYS_A_COMMAND];
        if (entry->type == REDIS_TEXT && !read_entry(entry->text, arena, &lookups[i])) {
            return fail_full(failure);
        }
    }
    return STATUS_OK;
}

static enum status fail_full(struct failure *failure)
{
    return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OVERLOADED",
                       "no memory is left for this batch");
}

/* False when the arena is full. */
static bool add_gets(struct product_cache *cache, const struct product_lookup *lookups,
                     size_t count, struct arena *arena)
{
    static const char command[] = "MGET";
    size_t most = count < KEYS_A_COMMAND ? count : KEYS_A_COMMAND;
    char(*keys)[KEY_BYTES] = arena_alloc(arena, most * sizeof *keys);
    struct bytes *arguments = arena_alloc(arena, (1 + most) * sizeof *arguments);
    if (keys == NULL || arguments == NULL) {
        return false;
    }
    arguments[0] = bytes_of(command, sizeof command - 1);
    for (size_t first = 0; first < count; first += KEYS_A_COMMAND) {
        size_t some = count - first < KEYS_A_COMMAND ? count - first : KEYS_A_COMMAND;
        for (size_t i = 0; i < some; i++) {
            arguments[1 + i] = make_key(lookups[first + i].product_id, keys[i]);
        }
        redis_link_add(cache->options.link, arguments, 1 + some);
    }
    return true;
}

/* What cannot be read counts as not cached; false only when the arena is full. */
static bool read_entry(struct bytes entry, struct arena *arena, struct product_lookup *lookup)
{
    int64_t version = 0;
    size_t at = 0;
    while (at < entry.size && at < VERSION_DIGITS && entry.data[at] >= '0' &&
           entry.data[at] <= '9') {
        int digit = entry.data[at++] - '0';
        if (__builtin_mul_overflow(version, 10, &version) ||
            __builtin_add_overflow(version, digit, &version)) {
            return true;
        }
    }
    if (at == 0 || at == entry.size || entry.data[at] != '\n') {
        return true;
    }
    struct bytes encoded = bytes_of(entry.data + at + 1, entry.size - at - 1);
    if (version == 0 && encoded.size == 0) {
        lookup->presence = PRODUCT_MISSING;
        return true;
    }
    if (version == 0 || encoded.size == 0) {
        return true;
    }
    lookup->encoded = arena_copy(arena, encoded);
    if (lookup->encoded.data == NULL) {
        return false;
    }
    lookup->version = version;
    lookup->presence = PRODUCT_FOUND;
    return true;
}

enum status product_cache_put(struct product_cache *cache, const struct product_lookup *lookups,
                              size_t count, struct failure *failure)
{
    bool forgotten = true;
    /* The second round is for a Redis that restarted or was told to forget its scripts. */
    for (int round = 0; round < 2 && forgotten; round++) {
        enum status status = STATUS_OK;
        if (round > 0 || cache->put_sha[0] == '\0') {
            status = load_put(cache, failure);
        }
        if (status == STATUS_OK) {
            status = put_all(cache, lookups, count, &forgotten, failure);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status load_put(struct product_cache *cache, struct failure *failure)
{
    redis_link_add_text(cache->options.link, "SCRIPT", "LOAD", CACHE_PUT_LUA, NULL);
    const struct redis_reply *reply;
    enum status status = redis_link_exchange(cache->options.link, 0, &reply, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (reply->type != REDIS_TEXT || reply->text.size != SHA_BYTES) {
        return failure_set(failure, STATUS_INTERNAL, "CACHE_SCRIPT_REFUSED",
                           "the cache does not take its script");
    }
    memcpy(cache->put_sha, reply->text.data, SHA_BYTES);
    return STATUS_OK;
}

static enum status put_all(struct product_cache *cache, const struct product_lookup *lookups,
                           size_t count, bool *forgotten_out, struct failure *failure)
{
    uint64_t chance;
    cache->options.clock->random(cache->options.clock->state, &chance, sizeof chance);
    size_t added = 0;
    for (size_t i = 0; i < count; i++) {
        if (lookups[i].presence != PRODUCT_NOT_SAID) {
            add_put(cache, &lookups[i], chance);
            chance = chance * 6364136223846793005u + 1442695040888963407u;
            added++;
        }
    }
    *forgotten_out = false;
    if (added == 0) {
        return STATUS_OK;
    }
    const struct redis_reply *replies;
    enum status status = redis_link_exchange(cache->options.link, 0, &replies, failure);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < added; i++) {
        *forgotten_out = *forgotten_out || redis_reply_is_error(&replies[i], "NOSCRIPT");
    }
    return STATUS_OK;
}

static void add_put(struct product_cache *cache, const struct product_lookup *lookup,
                    uint64_t chance)
{
    static const char command[] = "EVALSHA", one[] = "1";
    bool found = lookup->presence == PRODUCT_FOUND;
    int64_t ttl_ms = found ? cache->options.ttl_ms : cache->options.missing_ttl_ms;
    ttl_ms += (int64_t)((chance >> 33) % (uint64_t)(ttl_ms / 8 + 1));

    char key[KEY_BYTES], version[VERSION_DIGITS + 2], ttl[VERSION_DIGITS + 2];
    uint8_t entry[ENTRY_BYTES_MAX];
    int digits = snprintf(version, sizeof version, "%" PRId64, found ? lookup->version : 0);
    (void)snprintf(ttl, sizeof ttl, "%" PRId64, ttl_ms);
    size_t size = found ? lookup->encoded.size : 0;
    if ((size_t)digits + 1 + size > sizeof entry) {
        size = 0; /* cannot be read back, so it counts as not cached */
    }
    memcpy(entry, version, (size_t)digits);
    entry[digits] = '\n';
    if (size > 0) {
        memcpy(entry + digits + 1, lookup->encoded.data, size);
    }
    struct bytes arguments[] = {
        bytes_of(command, sizeof command - 1),
        bytes_of(cache->put_sha, SHA_BYTES),
        bytes_of(one, 1),
        make_key(lookup->product_id, key),
        bytes_of_text(version),
        bytes_of_text(ttl),
        bytes_of(entry, (size_t)digits + 1 + size),
    };
    redis_link_add(cache->options.link, arguments, sizeof arguments / sizeof arguments[0]);
}

static struct bytes make_key(const char *product_id, char buffer[KEY_BYTES])
{
    int size = snprintf(buffer, KEY_BYTES, KEY_PREFIX "%s", product_id);
    return bytes_of(buffer, (size_t)size < KEY_BYTES ? (size_t)size : KEY_BYTES - 1);
}
