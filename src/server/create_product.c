/* See create_product.h. */
#include "server/create_product.h"

#include <stdlib.h>
#include <string.h>

#include "server/catalogue.h"
#include "server/product_rules.h"
#include "server/refusals.h"
#include "server/tell_product.h"
#include "shop/identity.h"
#include "shop/product_codec.h"
#include "shop/rules.h"

/* A call on its way. */
struct creation {
    struct rpc_call *call;
    struct new_product product;
};

static size_t read_requests(struct shop_lane *lane, struct rpc_call **calls, size_t count,
                            struct creation *creations);
static bool read_request(struct shop_lane *lane, struct rpc_call *call,
                         struct creation *creation_out);
static void create_round(struct shop_lane *lane, struct creation *creations, size_t count);
static size_t take_distinct(struct creation *creations, size_t count, struct creation *later,
                            size_t *later_count);
static void create_each_alone(struct shop_lane *lane, struct creation *creations, size_t count);
static void refuse_broken_rule(struct failure *failure);
static enum status create_all(struct shop_lane *lane, struct creation *creations, size_t count,
                              struct failure *failure);
static void tell(struct shop_lane *lane, const struct creation *creations, size_t count);
static void answer(struct shop_lane *lane, struct creation *creation);
static void fail_all(struct creation *creations, size_t count, const struct failure *failure);
static int compare_creations(const void *left, const void *right);

void create_products(void *state, struct rpc_call **calls, size_t count)
{
    struct shop_lane *lane = state;
    arena_reset(&lane->arena);
    struct creation *creations = arena_calloc(&lane->arena, count, sizeof *creations);
    struct creation *later = arena_alloc(&lane->arena, count * sizeof *later);
    if (creations == NULL || later == NULL) {
        struct failure failure;
        (void)refuse_overloaded(&failure);
        for (size_t i = 0; i < count; i++) {
            rpc_fail(calls[i], &failure);
        }
        return;
    }
    size_t left = read_requests(lane, calls, count, creations);
    qsort(creations, left, sizeof *creations, compare_creations);
    /* A product that stands in the batch twice is a repetition: it goes into the next round, where
     * it finds the first one's row. */
    while (left > 0) {
        size_t later_count;
        size_t distinct = take_distinct(creations, left, later, &later_count);
        create_round(lane, creations, distinct);
        memcpy(creations, later, later_count * sizeof *creations);
        left = later_count;
    }
}

static int compare_creations(const void *left, const void *right)
{
    const struct creation *a = left, *b = right;
    return strcmp(a->product.request->product.product_id, b->product.request->product.product_id);
}

/* Answers those that cannot go on; returns how many can. */
static size_t read_requests(struct shop_lane *lane, struct rpc_call **calls, size_t count,
                            struct creation *creations)
{
    size_t read = 0;
    for (size_t i = 0; i < count; i++) {
        read += read_request(lane, calls[i], &creations[read]);
    }
    return read;
}

static bool read_request(struct shop_lane *lane, struct rpc_call *call,
                         struct creation *creation_out)
{
    struct failure failure;
    struct product_request *request = product_codec_request(rpc_call_request(call), &lane->arena);
    if (request == NULL) {
        (void)refuse_overloaded(&failure);
        rpc_fail(call, &failure);
        return false;
    }
    if (rules_check_product_request(request, &failure) != STATUS_OK) {
        rpc_fail(call, &failure);
        return false;
    }
    *creation_out = (struct creation){
        .call = call,
        .product =
            {
                .request = request,
                .entry_id = identity_of_request(IDENTITY_ADJUSTMENT, request->request_id),
                .event_id = uuid_v7(lane->clock),
                .actor = rpc_call_principal(call),
                .now_us = clock_unix_us(lane->clock),
            },
    };
    identity_hash_product(request, creation_out->product.request_hash);
    return true;
}

/* Keeps the first of each product in front, in order; the others go to `later`. */
static size_t take_distinct(struct creation *creations, size_t count, struct creation *later,
                            size_t *later_count)
{
    size_t distinct = 0;
    *later_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (distinct > 0 && compare_creations(&creations[distinct - 1], &creations[i]) == 0) {
            later[(*later_count)++] = creations[i];
        } else {
            creations[distinct++] = creations[i];
        }
    }
    return distinct;
}

static void create_round(struct shop_lane *lane, struct creation *creations, size_t count)
{
    struct failure failure;
    enum status status = create_all(lane, creations, count, &failure);
    if (status == STATUS_FAILED_PRECONDITION && count > 1) {
        create_each_alone(lane, creations, count);
        return;
    }
    if (status == STATUS_FAILED_PRECONDITION) {
        refuse_broken_rule(&failure);
    }
    if (status != STATUS_OK) {
        fail_all(creations, count, &failure);
        return;
    }
    tell(lane, creations, count);
    for (size_t i = 0; i < count; i++) {
        answer(lane, &creations[i]);
    }
}

/* One of them breaks a rule of the database, and with it the transaction of all. */
static void create_each_alone(struct shop_lane *lane, struct creation *creations, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        create_round(lane, &creations[i], 1);
    }
}

/* The ledger has an entry of this request already, made by another change; any other constraint
 * that says no is a mistake of ours. */
static void refuse_broken_rule(struct failure *failure)
{
    bool reused =
        failure->metadata_count > 0 && strcmp(failure->metadata[0].value, "stock_ledger_pkey") == 0;
    if (reused) {
        (void)refuse_reused(failure);
    } else {
        (void)failure_set(failure, STATUS_INTERNAL, "INTERNAL",
                          "nothing was done: the database refused the product");
    }
}

/* FAILED_PRECONDITION stays what it is; other failures are worded for the caller. */
static enum status create_all(struct shop_lane *lane, struct creation *creations, size_t count,
                              struct failure *failure)
{
    struct new_product *products = arena_alloc(&lane->arena, count * sizeof *products);
    if (products == NULL) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        products[i] = creations[i].product;
    }
    struct failure cause;
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms;
    enum status status = catalogue_create(lane->postgres, lane->options->shard, products, count,
                                          &lane->arena, deadline_ms, &cause);
    if (status == STATUS_FAILED_PRECONDITION) {
        *failure = cause;
        return status;
    }
    if (status != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    outage_over(&lane->postgres_outage, lane->clock);
    for (size_t i = 0; i < count; i++) {
        creations[i].product = products[i];
    }
    return STATUS_OK;
}

/* Those that were created now. Should memory be out: the cache forgets by itself, the sweep brings
 * the deltas. */
static void tell(struct shop_lane *lane, const struct creation *creations, size_t count)
{
    struct product *products = arena_calloc(&lane->arena, count, sizeof *products);
    struct book_delta *deltas = arena_calloc(&lane->arena, count, sizeof *deltas);
    size_t told = 0;
    for (size_t i = 0; products != NULL && deltas != NULL && i < count; i++) {
        const struct new_product *product = &creations[i].product;
        if (!product->created) {
            continue;
        }
        products[told] = product->product;
        deltas[told++] = (struct book_delta){
            .delta_id = product->delta_id,
            .epoch = product->delta_epoch,
            .product_id = product->product.product_id,
            .quantity = product->request->on_hand - product->product.safety_stock,
            .rules = product_has_rules(&product->product)
                         ? product_rules_text(&product->product, &lane->arena)
                         : NULL,
        };
    }
    tell_cache(lane, products, told);
    (void)tell_book(lane, deltas, told);
}

static void answer(struct shop_lane *lane, struct creation *creation)
{
    const struct new_product *product = &creation->product;
    struct failure failure;
    bool same_request = strcmp(product->stored_request_id, product->request->request_id) == 0;
    bool same_body =
        memcmp(product->stored_hash, product->request_hash, sizeof product->stored_hash) == 0;
    if (same_request && !same_body) {
        (void)refuse_reused(&failure);
        rpc_fail(creation->call, &failure);
        return;
    }
    if (!same_request) {
        (void)failure_set(&failure, STATUS_ALREADY_EXISTS, "PRODUCT_EXISTS",
                          "there is a product %s already", product->product.product_id);
        failure_add(&failure, "product_id", "%s", product->product.product_id);
        rpc_fail(creation->call, &failure);
        return;
    }
    const ProtobufCMessage *response = product_codec_product(&product->product, &lane->arena);
    if (response == NULL) {
        (void)refuse_unanswerable(&failure);
        rpc_fail(creation->call, &failure);
        return;
    }
    rpc_reply(creation->call, response);
}

static void fail_all(struct creation *creations, size_t count, const struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        rpc_fail(creations[i].call, failure);
    }
}
