/* See query_products.h. */
#include "server/query_products.h"

#include "server/catalogue.h"
#include "server/page_token.h"
#include "server/query.h"
#include "shop/order_codec.h"
#include "shop/product_codec.h"
#include "shop/rules.h"

#define LIST_NAME     "products"
#define LIST_NAME_ALL "products, deleted ones, too"

static void answer_product(struct shop_lane *lane, struct rpc_call *call,
                           const struct product_lookup *lookup, const struct failure *failure);
static void batch_get(struct shop_lane *lane, struct rpc_call *call);
static enum status check_ids(const char *const *ids, size_t count, struct failure *failure);
static void answer_batch(struct shop_lane *lane, struct rpc_call *call,
                         const struct product_lookup *lookups, size_t count);
static void list(struct shop_lane *lane, struct rpc_call *call);
static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct product **products_out, size_t *count_out,
                             const char **next_out, struct failure *failure);

/* ---- GetProduct ---- */

void get_products(void *state, struct rpc_call **calls, size_t count)
{
    struct shop_lane *lane = state;
    arena_reset(&lane->arena);
    struct product_lookup *lookups = arena_calloc(&lane->arena, count, sizeof *lookups);
    if (lookups == NULL) {
        query_overloaded(calls, count);
        return;
    }
    struct failure failure;
    size_t asked = 0;
    for (size_t i = 0; i < count; i++) {
        const char *id = order_codec_get_id(rpc_call_request(calls[i]));
        if (rules_check_id("product_id", id, &failure) != STATUS_OK) {
            rpc_fail(calls[i], &failure);
            continue;
        }
        calls[asked] = calls[i];
        lookups[asked++].product_id = id;
    }
    (void)find_products(&lane->products, lookups, asked, &lane->arena,
                        query_deadline_ms(lane, calls, asked), &failure);
    for (size_t i = 0; i < asked; i++) {
        answer_product(lane, calls[i], &lookups[i], &failure);
    }
}

static void answer_product(struct shop_lane *lane, struct rpc_call *call,
                           const struct product_lookup *lookup, const struct failure *failure)
{
    struct failure own;
    switch (lookup->presence) {
    case PRODUCT_NOT_SAID:
        rpc_fail(call, failure);
        return;
    case PRODUCT_MISSING:
        (void)refuse_unknown_product(&own, "product_id", lookup->product_id);
        rpc_fail(call, &own);
        return;
    case PRODUCT_FOUND:
        break;
    }
    query_reply(call, product_codec_product(lookup->product, &lane->arena));
}

/* ---- BatchGetProducts ---- */

void batch_get_products(void *state, struct rpc_call **calls, size_t count)
{
    query_each(state, calls, count, batch_get);
}

static void batch_get(struct shop_lane *lane, struct rpc_call *call)
{
    size_t count;
    const char *const *ids = order_codec_get_ids(rpc_call_request(call), &count);
    struct failure failure;
    if (check_ids(ids, count, &failure) != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    struct product_lookup *lookups = arena_calloc(&lane->arena, count, sizeof *lookups);
    if (lookups == NULL) {
        query_overloaded(&call, 1);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        lookups[i].product_id = ids[i];
    }
    if (find_products(&lane->products, lookups, count, &lane->arena,
                      query_deadline_ms(lane, &call, 1), &failure) != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    answer_batch(lane, call, lookups, count);
}

static enum status check_ids(const char *const *ids, size_t count, struct failure *failure)
{
    if (count == 0 || count > SHOP_BATCH_GET_MAX) {
        return failure_set_field(failure, "product_ids", "BAD_BATCH_SIZE",
                                 "1 to %d ids can be asked for at once, not %zu",
                                 SHOP_BATCH_GET_MAX, count);
    }
    for (size_t i = 0; i < count; i++) {
        enum status status = rules_check_id("product_ids", ids[i], failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static void answer_batch(struct shop_lane *lane, struct rpc_call *call,
                         const struct product_lookup *lookups, size_t count)
{
    struct product *products = arena_alloc(&lane->arena, count * sizeof *products);
    const char **missing = arena_alloc(&lane->arena, count * sizeof *missing);
    if (products == NULL || missing == NULL) {
        query_overloaded(&call, 1);
        return;
    }
    size_t found = 0, missed = 0;
    for (size_t i = 0; i < count; i++) {
        if (lookups[i].presence == PRODUCT_FOUND) {
            products[found++] = *lookups[i].product;
        } else {
            missing[missed++] = lookups[i].product_id;
        }
    }
    query_reply(call, product_codec_batch(products, found, missing, missed, &lane->arena));
}

/* ---- ListProducts ---- */

void list_products(void *state, struct rpc_call **calls, size_t count)
{
    query_each(state, calls, count, list);
}

static void list(struct shop_lane *lane, struct rpc_call *call)
{
    struct product *products = NULL;
    size_t count = 0;
    const char *next = "";
    struct failure failure;
    if (read_page(lane, call, &products, &count, &next, &failure) != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    query_reply(call, product_codec_list(products, count, next, &lane->arena));
}

static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             struct product **products_out, size_t *count_out,
                             const char **next_out, struct failure *failure)
{
    struct query_page page;
    bool with_deleted = product_codec_shows_deleted(rpc_call_request(call));
    const char *list = with_deleted ? LIST_NAME_ALL : LIST_NAME;
    enum status status = query_read_page(lane, call, list, &page, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct failure cause;
    if (catalogue_list(lane->postgres, page.after, page.size + 1, with_deleted, &lane->arena,
                       query_deadline_ms(lane, &call, 1), products_out, count_out,
                       &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    outage_over(&lane->postgres_outage, lane->clock);
    const char *last = NULL;
    if (*count_out > (size_t)page.size) {
        *count_out = (size_t)page.size;
        last = (*products_out)[*count_out - 1].product_id;
    }
    return query_next_page(lane, list, last, next_out, failure);
}
