/* See channel_exchange.h: the servers of a channel, and which of them gets the next try. */
#include <stdlib.h>
#include <string.h>

#include "rpc/channel_exchange.h"
#include "rpc/endpoint.h"

static enum status open_one(struct rpc_channel *channel, const char *text, size_t size,
                            const struct rpc_tls *tls, struct failure *failure);
static void on_fit(void *context);
static bool has_other(void *context, const struct target *target);
static unsigned rank_of(struct target *target, bool is_tried);
static size_t next_chance(struct rpc_channel *channel, size_t below);

enum status targets_open(struct rpc_channel *channel, const char *endpoints,
                         const struct rpc_tls *tls, struct failure *failure)
{
    for (const char *at = endpoints;; at++) {
        size_t size = strcspn(at, ",");
        enum status status = open_one(channel, at, size, tls, failure);
        if (status != STATUS_OK) {
            return status;
        }
        at += size;
        if (*at == '\0') {
            return STATUS_OK;
        }
    }
}

static enum status open_one(struct rpc_channel *channel, const char *text, size_t size,
                            const struct rpc_tls *tls, struct failure *failure)
{
    char endpoint[ENDPOINT_TEXT_BYTES_MAX + 1];
    if (channel->target_count == RPC_ENDPOINTS_MAX) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "ENDPOINT_INVALID",
                           "more than %d endpoints", RPC_ENDPOINTS_MAX);
    }
    if (size >= sizeof endpoint) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "ENDPOINT_INVALID",
                           "an endpoint is longer than 127 bytes");
    }
    memcpy(endpoint, text, size);
    endpoint[size] = '\0';
    const struct target_options options = {
        .endpoint = endpoint,
        .tls = tls,
        .clock = channel->clock,
        .on_fit = on_fit,
        .has_other = has_other,
        .on_many_begin = channel_take_turn,
        .on_many_end = channel_use_turn,
        .context = channel,
    };
    struct target *target;
    enum status status = target_open(&options, &target, failure);
    if (status != STATUS_OK) {
        return status;
    }
    (void)pthread_mutex_lock(&channel->lock);
    channel->targets[channel->target_count++] = target;
    (void)pthread_mutex_unlock(&channel->lock);
    return STATUS_OK;
}

void targets_close(struct rpc_channel *channel)
{
    for (size_t i = 0; i < channel->target_count; i++) {
        target_close(channel->targets[i]);
    }
}

void targets_destroy(struct rpc_channel *channel)
{
    for (size_t i = 0; i < channel->target_count; i++) {
        target_destroy(&channel->targets[i]);
    }
}

static void on_fit(void *context)
{
    struct rpc_channel *channel = context;
    (void)pthread_mutex_lock(&channel->lock);
    targets_wake(channel, false);
    (void)pthread_mutex_unlock(&channel->lock);
}

void targets_wake(struct rpc_channel *channel, bool all)
{
    for (struct channel_exchange *at = channel->waiting; at != NULL; at = at->waiting_next) {
        if (all || at->waits == EXCHANGE_WAITS_FOR_TARGET) {
            at->is_woken = true;
            alarm_wake(at->alarm);
        }
    }
    (void)pthread_cond_broadcast(&channel->changed);
}

/* A target asks with its own lock held; nobody holds ours while calling a target's with a lock. */
static bool has_other(void *context, const struct target *target)
{
    struct rpc_channel *channel = context;
    bool found = false;
    (void)pthread_mutex_lock(&channel->lock);
    for (size_t i = 0; i < channel->target_count && !found; i++) {
        found =
            channel->targets[i] != target && target_fitness(channel->targets[i]) == TARGET_SERVES;
    }
    (void)pthread_mutex_unlock(&channel->lock);
    return found;
}

bool targets_have_untried(struct rpc_channel *channel, unsigned tried)
{
    for (size_t i = 0; i < channel->target_count; i++) {
        if ((tried >> i & 1) == 0 && target_fitness(channel->targets[i]) == TARGET_SERVES) {
            return true;
        }
    }
    return false;
}

/* Of two by chance, the one with less to do: nearly as even as the least of all, and no stampede to
 * a server that has just come back. */
int targets_pick(struct rpc_channel *channel, unsigned tried)
{
    unsigned best = 0;
    size_t count = 0;
    int found[RPC_ENDPOINTS_MAX];
    for (size_t i = 0; i < channel->target_count; i++) {
        unsigned rank = rank_of(channel->targets[i], tried >> i & 1);
        if (rank > best) {
            best = rank;
            count = 0;
        }
        if (rank > 0 && rank == best) {
            found[count++] = (int)i;
        }
    }
    if (count < 2) {
        return count == 0 ? -1 : found[0];
    }
    size_t first = next_chance(channel, count);
    size_t second = (first + 1 + next_chance(channel, count - 1)) % count;
    return target_outstanding(channel->targets[found[first]]) <=
                   target_outstanding(channel->targets[found[second]])
               ? found[first]
               : found[second];
}

/* 0 = not fit. One that serves and was tried before one that does not. */
static unsigned rank_of(struct target *target, bool is_tried)
{
    unsigned fitness = (unsigned)target_fitness(target);
    return fitness == TARGET_ABSENT ? 0 : 2 * fitness + (is_tried ? 0 : 1);
}

/* xorshift: spreads, and needs no more. */
static size_t next_chance(struct rpc_channel *channel, size_t below)
{
    uint64_t x = channel->chance;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    channel->chance = x;
    return (size_t)(x % below);
}
