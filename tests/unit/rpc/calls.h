/* Calls: asynchronous calls to a toy and how they ended, and single blocking ones. */
#pragma once

#include <grpc/health/v1/health.pb-c.h>

#include "toy.h"

#define CALLS_MAX 64

struct calls;

struct call {
    struct rpc_stub stub;
    struct calls *calls;
};

struct calls {
    struct rpc_channel *channel;
    struct call list[CALLS_MAX];
    size_t started;
    atomic_size_t answers, failures;
    pthread_mutex_t lock;
    struct failure last_failure;
};

void open_calls(struct calls *calls, const struct toy *toy);
void close_calls(struct calls *calls);
void start_creates(struct calls *calls, size_t count, int32_t timeout_ms);
void start_get(struct calls *calls, const char *order_id);
void start_list(struct calls *calls);
struct failure last_failure(struct calls *calls);

/* Health's status, or -1 with the failure. */
int check_health(struct rpc_channel *channel, const char *service, struct failure *failure);
void expect_health_answers(struct calls *calls);
/* That `count` calls come to wait for a lane. */
void expect_waiting(struct toy *toy, size_t count);
void ignore_order(const Shop__V1__Order *order, void *data);
/* toy_start that fails the test. */
void start_toy(struct toy *toy, const struct toy_options *options);
/* A toy whose write lane holds the first of `calls` at the shut gate, so that more of them wait. */
void start_toy_busy(struct toy *toy, const struct toy_options *options, struct calls *calls);

/* How one call ended, as its closure saw it. */
struct outcome {
    struct rpc_stub stub;
    size_t answers, failures;
    char order_id[64], customer_id[64], order_ref[64], currency[64], etag[64];
    size_t order_ref_size;
};

void note_outcome(const Shop__V1__Order *order, void *outcome);
void create_order(struct outcome *outcome, struct rpc_channel *channel, const char *request_id,
                  const char *customer_id, bool async);
void get_order(struct outcome *outcome, struct rpc_channel *channel, const char *order_id,
               bool async);
/* That the channel's endpoint of this number is ready, or is not. */
void wait_ready(struct rpc_channel *channel, size_t number, bool is_ready);
void start_toy_on(struct toy *toy, const char *transport);
/* One whose health check says that it serves, with room for a thousand calls: also for those that
 * were cancelled and are done all the same. */
void start_toy_serving(struct toy *toy, const char *transport);
