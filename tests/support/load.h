/* Load: threads that place orders one after the other until they are told to stop, as a caller with
 * retries does: the same request_id on each try, the next server after each refusal. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "tests/support/system.h"

#define LOAD_THREADS_MAX 4

struct load {
    struct rpc_channel *channels[SYSTEM_SERVERS_MAX];
    size_t channel_count;
    const char *product_id;
    int64_t give_up_ms; /* of tries for one order; 0 = the first failure counts */

    atomic_bool is_stopping;
    atomic_size_t orders, tries, failures;
    pthread_mutex_t lock;
    struct failure failure; /* of the first order that failed */
    pthread_t threads[LOAD_THREADS_MAX];
    size_t thread_count;
};

/* The fields above the line are set; at most LOAD_THREADS_MAX threads. */
void load_start(struct load *load, size_t threads);
/* Ends it, each thread after its order. Fails the test when an order failed. */
void load_stop(struct load *load);
/* Waits for so many orders more; fails the test after timeout_ms. */
void load_wait_orders(struct load *load, size_t more, int64_t timeout_ms);
