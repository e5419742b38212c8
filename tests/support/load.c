/* See load.h. */
#include "tests/support/load.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "tests/cmocka_all.h"

static void *place_orders(void *state);
static struct answer place_one(struct load *load, size_t *at);

void load_start(struct load *load, size_t threads)
{
    (void)pthread_mutex_init(&load->lock, NULL);
    atomic_store(&load->is_stopping, false);
    for (load->thread_count = 0; load->thread_count < threads; load->thread_count++) {
        assert_int_equal(
            pthread_create(&load->threads[load->thread_count], NULL, place_orders, load), 0);
    }
}

static void *place_orders(void *state)
{
    struct load *load = state;
    size_t at = 0;
    while (!atomic_load(&load->is_stopping)) {
        struct answer answer = place_one(load, &at);
        if (answer.code == STATUS_OK) {
            (void)atomic_fetch_add(&load->orders, 1);
            continue;
        }
        (void)pthread_mutex_lock(&load->lock);
        if (atomic_fetch_add(&load->failures, 1) == 0) {
            load->failure = answer.failure;
        }
        (void)pthread_mutex_unlock(&load->lock);
    }
    return NULL;
}

static bool may_retry(enum status code)
{
    return code == STATUS_UNAVAILABLE || code == STATUS_UNKNOWN ||
           code == STATUS_DEADLINE_EXCEEDED || code == STATUS_RESOURCE_EXHAUSTED;
}

/* `*at` is the server that answered last: one that refuses is left alone. */
static struct answer place_one(struct load *load, size_t *at)
{
    struct uuid id = uuid_v7(clock_system());
    char request_id[UUID_TEXT_BYTES];
    uuid_print(&id, request_id);
    int64_t until_ms = clock_monotonic_ms(clock_system()) + load->give_up_ms;
    for (;;) {
        (void)atomic_fetch_add(&load->tries, 1);
        struct answer answer =
            system_create_order(load->channels[*at], request_id, load->product_id, 1);
        if (!may_retry(answer.code) || clock_monotonic_ms(clock_system()) >= until_ms) {
            return answer;
        }
        *at = (*at + 1) % load->channel_count;
        (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); /* a caller's backoff */
    }
}

struct goal {
    struct load *load;
    size_t orders;
};

static bool is_reached(void *state)
{
    struct goal *goal = state;
    return atomic_load(&goal->load->orders) >= goal->orders ||
           atomic_load(&goal->load->failures) > 0;
}

void load_wait_orders(struct load *load, size_t more, int64_t timeout_ms)
{
    struct goal goal = {load, atomic_load(&load->orders) + more};
    if (!wait_until(is_reached, &goal, timeout_ms)) {
        fail_msg("the load stands still at %zu orders", atomic_load(&load->orders));
    }
}

void load_stop(struct load *load)
{
    atomic_store(&load->is_stopping, true);
    for (size_t i = 0; i < load->thread_count; i++) {
        (void)pthread_join(load->threads[i], NULL);
    }
    load->thread_count = 0;
    (void)pthread_mutex_destroy(&load->lock);
    if (atomic_load(&load->failures) > 0) {
        fail_msg("%zu of %zu orders failed; the first with %s %s: %s", atomic_load(&load->failures),
                 atomic_load(&load->failures) + atomic_load(&load->orders),
                 status_name(load->failure.code), load->failure.reason, load->failure.message);
    }
}
