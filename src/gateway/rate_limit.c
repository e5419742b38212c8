/* See rate_limit.h. A bucket is full again at `free_at_us`; each call moves that on by its share of
 * a second, and may not move it further ahead than the burst. */
#include "gateway/rate_limit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"

#define SHARDS        16   /* locks: threads seldom meet */
#define SHARD_BUCKETS 4096 /* 64k callers, 1.5 MiB */
#define PROBES        8    /* places a caller may have */
#define SALT_BYTES    16   /* so that nobody can choose callers that meet in a place */

struct bucket {
    uint64_t key;
    int64_t free_at_us;
};

struct shard {
    pthread_mutex_t lock;
    struct bucket buckets[SHARD_BUCKETS];
};

struct rate_limit {
    const struct clock *clock;
    int64_t share_us, ahead_us_max;
    uint8_t salt[SALT_BYTES];
    struct shard shards[SHARDS];
};

static uint64_t hash_key(const struct rate_limit *limit, struct bytes key);
static struct bucket *find_bucket(struct shard *shard, uint64_t key, int64_t now_us);

struct rate_limit *rate_limit_create(size_t per_second, size_t burst, const struct clock *clock)
{
    struct rate_limit *limit = calloc(1, sizeof *limit);
    if (limit == NULL) {
        return NULL;
    }
    limit->clock = clock;
    limit->share_us = 1000000 / (int64_t)per_second;
    limit->ahead_us_max = limit->share_us * (int64_t)burst;
    clock->random(clock->state, limit->salt, sizeof limit->salt);
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_init(&limit->shards[i].lock, NULL);
    }
    return limit;
}

void rate_limit_destroy(struct rate_limit **limit)
{
    for (size_t i = 0; *limit != NULL && i < SHARDS; i++) {
        (void)pthread_mutex_destroy(&(*limit)->shards[i].lock);
    }
    free(*limit);
    *limit = NULL;
}

enum status rate_limit_take(struct rate_limit *limit, struct bytes key, struct failure *failure)
{
    uint64_t hash = hash_key(limit, key);
    struct shard *shard = &limit->shards[hash % SHARDS];
    int64_t now_us = clock_monotonic_us(limit->clock), wait_us = 0;
    (void)pthread_mutex_lock(&shard->lock);
    struct bucket *bucket = find_bucket(shard, hash, now_us);
    if (bucket != NULL) {
        int64_t from_us = bucket->free_at_us > now_us ? bucket->free_at_us : now_us;
        wait_us = from_us + limit->share_us - now_us - limit->ahead_us_max;
        if (wait_us <= 0) {
            bucket->key = hash;
            bucket->free_at_us = from_us + limit->share_us;
        }
    }
    (void)pthread_mutex_unlock(&shard->lock);
    if (wait_us <= 0) {
        return STATUS_OK;
    }
    (void)failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "RATE_LIMITED",
                      "too many calls; nothing was done");
    failure->retry_delay_ms = (wait_us + 999) / 1000;
    return STATUS_RESOURCE_EXHAUSTED;
}

static uint64_t hash_key(const struct rate_limit *limit, struct bytes key)
{
    uint8_t hash[HASH_BYTES];
    uint64_t first;
    const struct hash_part parts[] = {{limit->salt, SALT_BYTES}, {key.data, key.size}};
    hash_parts(parts, 2, hash);
    memcpy(&first, hash, sizeof first);
    return first;
}

/* The key's own, or one that is full again; NULL when all its places are others'. */
static struct bucket *find_bucket(struct shard *shard, uint64_t key, int64_t now_us)
{
    struct bucket *free_one = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        struct bucket *bucket = &shard->buckets[(key / SHARDS + i) % SHARD_BUCKETS];
        if (bucket->key == key) {
            return bucket;
        }
        if (free_one == NULL && bucket->free_at_us <= now_us) {
            free_one = bucket;
        }
    }
    if (free_one != NULL) {
        *free_one = (struct bucket){.key = key};
    }
    return free_one;
}
