/* Model run: eight callers, their orders, and the products that they share (model.h). A run has
 * products and customers of its own, so that several can follow one another on one system. */
#pragma once

#include <pthread.h>

#include "redis/redis_link.h"
#include "tests/chaos/chaos_random.h"
#include "tests/model/model_calls.h"
#include "tests/support/system.h"

#define MODEL_CALLERS 8

/* What a run must have done of each. */
enum model_deed {
    DEED_CREATED,
    DEED_CREATED_IN_BATCH,
    DEED_CONFIRMED,
    DEED_TAKEN_AGAIN, /* after its hold had ended */
    DEED_CANCELLED,
    DEED_CANCELLED_IN_PART,
    DEED_FULFILLED,
    DEED_FULFILLED_IN_PART,
    DEED_ADJUSTED,
    DEED_SET,
    DEED_HOLD_ENDED, /* at once; others end by themselves */
    DEED_REFUSED,
    DEED_ASKED_AGAIN,
    DEEDS,
};

struct model_caller {
    struct model_run *run;
    int index;
    pthread_t thread;
    struct chaos_random random;
    struct rpc_channel *channels[2];
    struct redis_link *redis;
    size_t commands; /* of this round */
    struct model_order *orders;
    size_t order_count, order_room;
    struct model_request *requests; /* whose answers are remembered */
    size_t request_count, request_room;
    size_t asked, deeds[DEEDS];
};

struct model_run {
    const char *name; /* the test's */
    struct system *system;
    struct model_product products[MODEL_PRODUCTS];
    struct model_caller callers[MODEL_CALLERS];
    atomic_size_t problems;
    char first_problem[512];
};

/* Creates the products. Fails the test when it cannot. */
void model_run_init(struct model_run *run, struct system *system, const char *name, uint64_t seed);
void model_run_fini(struct model_run *run);
/* So many commands, shared by the callers; then all comes to rest and is compared. */
void model_run_round(struct model_run *run, size_t commands);
/* Stock and what customers have bought, as Redis has it, with what it should be now. */
void model_run_compare_redis(struct model_run *run);
/* Redis was lost, and is back: what it had refused, it may accept. */
void model_run_lost_redis(struct model_run *run);

/* The system and the model differ. Counted; the first few are printed, unless it is a canary. */
void model_problem(struct model_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- parts of it ---- */

/* One random command (model_caller.c). */
void model_caller_step(struct model_caller *caller);
void model_caller_customer(const struct model_caller *caller, int customer,
                           char out[MODEL_ID_BYTES]);
/* Ends a PENDING order's hold now. */
void model_caller_end_hold(struct model_caller *caller, struct model_order *order);
/* Orders, rows and movements in PostgreSQL (model_books.c). */
void model_books_compare(struct model_run *run);
/* Promised units of a product, as the model has them. */
int64_t model_run_reserved(const struct model_run *run, int product);
