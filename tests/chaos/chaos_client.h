/* Client: a thread that orders, asks again, reads and adjusts stock through both servers, as
 * programs of a shop would, and writes down every answer. */
#pragma once

#include <pthread.h>

#include "rpc/channel.h"
#include "tests/chaos/chaos_history.h"
#include "tests/chaos/chaos_random.h"

struct chaos_client {
    pthread_t thread;
    struct rpc_channel *channels[2]; /* shared by all clients */
    const _Atomic bool *ending;
    struct chaos_random random;
    struct chaos_history history;
    int64_t batches, batched; /* calls with several orders, and the orders in them */
};

/* history, channels, ending and random are set by the caller. */
void chaos_client_start(struct chaos_client *client);
void chaos_client_join(struct chaos_client *client);
/* Sends it once, through server 0 or 1. */
enum chaos_verdict chaos_client_send(struct chaos_client *client, struct chaos_request *request,
                                     int server);
