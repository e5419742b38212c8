/* See persist_waiter.h. */
#include "server/persist_waiter.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/message.h"
#include "server/command.h"
#include "server/pause.h"
#include "server/refusals.h"
#include "server/shop_lane.h"
#include "shop/order_codec.h"

/* A worker writes every few milliseconds. With many waiting the questions are rarer: at most some
 * 64 records a millisecond are looked at, a tenth of what Redis can. */
#define ROUND_MS   5
#define READS_A_MS 64

struct wait {
    struct rpc_call *call;
    struct uuid order_id;
    struct bytes order; /* encoded, in the call's arena */
    enum durability reached;
};

struct persist_waiter {
    struct shop_lane *lane; /* the thread's */
    pthread_t thread;
    struct pause pause;                   /* between two rounds; only a stop cuts it short */
    struct wait waits[PERSIST_WAITS_MAX]; /* the thread's: the first `count` */
    size_t count;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t arrived;
    struct wait arriving[PERSIST_WAITS_MAX];
    size_t arriving_count;
    size_t held; /* waits and arriving together */
    bool stopping;
};

static void *run(void *state);
static bool take_in(struct persist_waiter *waiter);
static void look(struct persist_waiter *waiter);
static bool ask(struct persist_waiter *waiter, struct book_lookup *lookups);
static void answer_some(struct persist_waiter *waiter, bool all);
static void answer(struct wait *wait);

enum status persist_waiter_start(const struct lane_options *options,
                                 struct persist_waiter **waiter_out, struct failure *failure)
{
    struct persist_waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    waiter->lane = shop_lane_open_read((void *)(uintptr_t)options, failure);
    if (waiter->lane == NULL) {
        free(waiter);
        return STATUS_RESOURCE_EXHAUSTED;
    }
    pause_init(&waiter->pause);
    (void)pthread_mutex_init(&waiter->lock, NULL);
    (void)pthread_cond_init(&waiter->arrived, NULL);
    if (pthread_create(&waiter->thread, NULL, run, waiter) != 0) {
        waiter->stopping = true; /* there is no thread to join */
        persist_waiter_destroy(&waiter);
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_THREADS",
                           "no thread for those who wait for PostgreSQL");
    }
    *waiter_out = waiter;
    return STATUS_OK;
}

bool persist_waiter_take(struct persist_waiter *waiter, struct rpc_call *call,
                         const struct uuid *order_id, const ProtobufCMessage *order,
                         enum durability reached)
{
    if (waiter == NULL) {
        return false;
    }
    struct wait wait = {.call = call,
                        .order_id = *order_id,
                        .order = message_encode(order, rpc_call_arena(call)),
                        .reached = reached};
    if (wait.order.data == NULL) {
        return false;
    }
    (void)pthread_mutex_lock(&waiter->lock);
    bool has_room = !waiter->stopping && waiter->held < PERSIST_WAITS_MAX;
    if (has_room) {
        waiter->arriving[waiter->arriving_count++] = wait;
        waiter->held++;
        (void)pthread_cond_signal(&waiter->arrived);
    }
    (void)pthread_mutex_unlock(&waiter->lock);
    return has_room;
}

void persist_waiter_stop(struct persist_waiter *waiter)
{
    if (waiter == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&waiter->lock);
    bool first = !waiter->stopping;
    waiter->stopping = true;
    (void)pthread_cond_signal(&waiter->arrived);
    (void)pthread_mutex_unlock(&waiter->lock);
    if (first) {
        pause_wake(&waiter->pause);
        (void)pthread_join(waiter->thread, NULL);
    }
}

void persist_waiter_destroy(struct persist_waiter **waiter)
{
    if (*waiter == NULL) {
        return;
    }
    persist_waiter_stop(*waiter);
    shop_lane_close((*waiter)->lane);
    pause_fini(&(*waiter)->pause);
    (void)pthread_cond_destroy(&(*waiter)->arrived);
    (void)pthread_mutex_destroy(&(*waiter)->lock);
    free(*waiter);
    *waiter = NULL;
}

static void *run(void *state)
{
    struct persist_waiter *waiter = state;
    while (take_in(waiter)) {
        look(waiter);
        answer_some(waiter, false);
        pause_wait(&waiter->pause, ROUND_MS + (int64_t)waiter->count / READS_A_MS);
    }
    answer_some(waiter, true);
    return NULL;
}

/* Waits until somebody waits. False when it is to stop; then nobody arrives any more. */
static bool take_in(struct persist_waiter *waiter)
{
    (void)pthread_mutex_lock(&waiter->lock);
    while (waiter->count + waiter->arriving_count == 0 && !waiter->stopping) {
        waiter->held = 0;
        (void)pthread_cond_wait(&waiter->arrived, &waiter->lock);
    }
    memcpy(waiter->waits + waiter->count, waiter->arriving,
           waiter->arriving_count * sizeof waiter->waits[0]);
    waiter->count += waiter->arriving_count;
    waiter->arriving_count = 0;
    waiter->held = waiter->count;
    bool stopping = waiter->stopping;
    (void)pthread_mutex_unlock(&waiter->lock);
    return !stopping;
}

/* What cannot be asked is asked again in the next round. */
static void look(struct persist_waiter *waiter)
{
    struct shop_lane *lane = waiter->lane;
    arena_reset(&lane->arena);
    struct book_lookup *lookups = arena_calloc(&lane->arena, waiter->count, sizeof *lookups);
    if (lookups == NULL || !ask(waiter, lookups)) {
        return;
    }
    for (size_t i = 0; i < waiter->count; i++) {
        /* A record of an older epoch may have lost its event with Redis: it says nothing. */
        if (lookups[i].found && lookups[i].record.is_current) {
            enum durability now = command_durability(&lookups[i]);
            if (now > waiter->waits[i].reached) {
                waiter->waits[i].reached = now;
            }
        }
    }
}

static bool ask(struct persist_waiter *waiter, struct book_lookup *lookups)
{
    struct shop_lane *lane = waiter->lane;
    struct stock_pass pass;
    if (!stock_gate_enter(lane->options->gate, &pass)) {
        return false;
    }
    book_set_epoch(lane->book, pass.epoch);
    for (size_t i = 0; i < waiter->count; i++) {
        lookups[i].record_id = waiter->waits[i].order_id;
    }
    struct failure failure;
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->redis_timeout_ms;
    if (book_read(lane->book, lookups, waiter->count, deadline_ms, &failure) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &failure);
        return false;
    }
    outage_over(&lane->redis_outage, lane->clock);
    return true;
}

/* Those that have what they want, and those whose time is up; or all. */
static void answer_some(struct persist_waiter *waiter, bool all)
{
    int64_t now_ms = clock_monotonic_ms(waiter->lane->clock);
    size_t left = 0;
    for (size_t i = 0; i < waiter->count; i++) {
        struct wait *wait = &waiter->waits[i];
        if (all || wait->reached == DURABILITY_PERSISTED ||
            now_ms >= rpc_call_answer_by_ms(wait->call)) {
            answer(wait);
        } else {
            waiter->waits[left++] = *wait;
        }
    }
    waiter->count = left;
}

static void answer(struct wait *wait)
{
    struct arena *arena = rpc_call_arena(wait->call);
    struct order *order = NULL;
    struct failure failure;
    const ProtobufCMessage *response = NULL;
    if (order_codec_unpack_order(wait->order, arena, &order, &failure) == STATUS_OK) {
        order->durability = wait->reached;
        response = order_codec_order(order, arena);
    }
    if (response == NULL) {
        (void)refuse_unanswerable(&failure);
        rpc_fail(wait->call, &failure);
        return;
    }
    rpc_reply(wait->call, response);
}
