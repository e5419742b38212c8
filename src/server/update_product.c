/* See update_product.h. */
#include "server/update_product.h"

#include "server/catalogue.h"
#include "server/product_rules.h"
#include "server/query.h"
#include "server/refusals.h"
#include "server/tell_product.h"
#include "shop/product_codec.h"
#include "shop/rules.h"

static void update(struct shop_lane *lane, struct rpc_call *call);
static enum status lock_product(struct shop_lane *lane, const char *product_id,
                                struct product_lock *lock_out, struct failure *failure);
static enum status change(struct shop_lane *lane, const struct product_lock *lock,
                          const struct product *after, bool *told_out, struct failure *failure);
static void delete(struct shop_lane *lane, struct rpc_call *call);
static enum status delete_product(struct shop_lane *lane, struct product_lock *lock,
                                  struct product *deleted_out, struct failure *failure);
static enum status find_use(struct shop_lane *lane, const struct product *deleted,
                            struct product_lock *lock_out, bool *in_use_out,
                            struct failure *failure);
static enum status refuse_use(const struct product_lock *lock, struct failure *failure);

void update_products(void *state, struct rpc_call **calls, size_t count)
{
    query_each(state, calls, count, update);
}

static void update(struct shop_lane *lane, struct rpc_call *call)
{
    struct product_update *update = product_codec_update(rpc_call_request(call), &lane->arena);
    struct failure failure;
    if (update == NULL) {
        query_overloaded(&call, 1);
        return;
    }
    struct product_lock lock;
    enum status status = rules_check_id("product.product_id", update->values.product_id, &failure);
    if (status == STATUS_OK) {
        status = lock_product(lane, update->values.product_id, &lock, &failure);
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    struct product after = lock.product;
    switch (
        product_update_apply(&lock.product, update, clock_unix_us(lane->clock), &after, &failure)) {
    case UPDATE_REFUSED:
        catalogue_unlock(lane->postgres);
        rpc_fail(call, &failure);
        return;
    case UPDATE_NO_EFFECT:
        catalogue_unlock(lane->postgres);
        break;
    case UPDATE_CHANGES: {
        bool told;
        if (change(lane, &lock, &after, &told, &failure) != STATUS_OK) {
            rpc_fail(call, &failure);
            return;
        }
        break;
    }
    }
    query_reply(call, product_codec_product(&after, &lane->arena));
}

/* Fails with PRODUCT_NOT_FOUND; then, and with every other failure, nothing is locked. */
static enum status lock_product(struct shop_lane *lane, const char *product_id,
                                struct product_lock *lock_out, struct failure *failure)
{
    struct failure cause;
    bool found = false;
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms;
    if (catalogue_lock(lane->postgres, lane->options->shard, product_id, &lane->arena, deadline_ms,
                       lock_out, &found, &cause) != STATUS_OK) {
        catalogue_unlock(lane->postgres);
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    outage_over(&lane->postgres_outage, lane->clock);
    if (!found) {
        catalogue_unlock(lane->postgres);
        return refuse_unknown_product(failure, "product_id", product_id);
    }
    return STATUS_OK;
}

/* Ends the lock. *told_out: decisions are made by it from now on. */
static enum status change(struct shop_lane *lane, const struct product_lock *lock,
                          const struct product *after, bool *told_out, struct failure *failure)
{
    if (tell_cache_of_change(lane, after->product_id, after->version, failure) != STATUS_OK) {
        catalogue_unlock(lane->postgres);
        return failure->code;
    }
    const char *rules = NULL;
    if (product_rules_differ(&lock->product, after)) {
        rules = product_rules_text(after, &lane->arena);
        if (rules == NULL) {
            catalogue_unlock(lane->postgres);
            return refuse_overloaded(failure);
        }
    }
    struct failure cause;
    int64_t delta_id = 0;
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms;
    if (catalogue_update(lane->postgres, lock, after, rules, &lane->arena, deadline_ms, &delta_id,
                         &cause) != STATUS_OK) {
        catalogue_unlock(lane->postgres);
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    tell_cache(lane, after, 1);
    const struct book_delta delta = {
        .delta_id = delta_id,
        .epoch = lock->epoch,
        .product_id = after->product_id,
        .quantity = lock->product.safety_stock - after->safety_stock,
        .rules = rules,
    };
    *told_out = delta_id == 0 || tell_book(lane, &delta, 1);
    return STATUS_OK;
}

void delete_products(void *state, struct rpc_call **calls, size_t count)
{
    query_each(state, calls, count, delete);
}

static void delete(struct shop_lane *lane, struct rpc_call *call)
{
    const char *etag;
    const char *product_id = product_codec_deletion(rpc_call_request(call), &etag);
    struct failure failure;
    struct product_lock lock;
    struct stock_pass pass;
    enum status status = rules_check_id("product_id", product_id, &failure);
    if (status == STATUS_OK && !stock_gate_enter(lane->options->gate, &pass)) {
        status = refuse_fenced(&failure); /* nobody can say what is on its way */
    }
    if (status == STATUS_OK) {
        status = lock_product(lane, product_id, &lock, &failure);
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    struct product deleted = lock.product;
    if (lock.product.state == PRODUCT_DELETED) {
        catalogue_unlock(lane->postgres); /* asked for again */
    } else if (!product_update_is_at(&lock.product, etag, &failure)) {
        catalogue_unlock(lane->postgres);
        status = failure.code;
    } else {
        status = delete_product(lane, &lock, &deleted, &failure);
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    query_reply(call, product_codec_product(&deleted, &lane->arena));
}

static enum status delete_product(struct shop_lane *lane, struct product_lock *lock,
                                  struct product *deleted_out, struct failure *failure)
{
    if (lock->reserved > 0) {
        catalogue_unlock(lane->postgres);
        return refuse_use(lock, failure);
    }
    struct product before = lock->product, deleted = before;
    deleted.state = PRODUCT_DELETED;
    deleted.version++;
    deleted.update_time_us = clock_unix_us(lane->clock);
    bool told, in_use = true;
    enum status status = change(lane, lock, &deleted, &told, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct product_lock now;
    status = find_use(lane, &deleted, &now, &in_use, failure);
    if (status != STATUS_OK) {
        return refuse_unknown(failure, STORE_POSTGRES);
    }
    if (!in_use && told) {
        catalogue_unlock(lane->postgres);
        *deleted_out = deleted;
        return STATUS_OK;
    }
    struct product again = now.product;
    again.state = before.state;
    again.version++;
    again.update_time_us = clock_unix_us(lane->clock);
    status = change(lane, &now, &again, &told, failure);
    return status == STATUS_OK ? refuse_use(&now, failure) : status;
}

/* Under the lock again, which stays. Nothing is in use when Redis shows all that PostgreSQL owns,
 * and has nothing left to be told. */
static enum status find_use(struct shop_lane *lane, const struct product *deleted,
                            struct product_lock *lock_out, bool *in_use_out,
                            struct failure *failure)
{
    enum status status = lock_product(lane, deleted->product_id, lock_out, failure);
    if (status != STATUS_OK) {
        return status;
    }
    int64_t units = INT64_MIN;
    struct failure cause;
    if (book_read_units(lane->book, &deleted->product_id, 1, &units,
                        clock_monotonic_ms(lane->clock) + lane->options->redis_timeout_ms,
                        &cause) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &cause);
    }
    int64_t free_units = lock_out->on_hand - lock_out->product.safety_stock;
    *in_use_out = lock_out->reserved > 0 || lock_out->unapplied != 0 || units != free_units;
    return STATUS_OK;
}

static enum status refuse_use(const struct product_lock *lock, struct failure *failure)
{
    enum status status = failure_set(failure, STATUS_FAILED_PRECONDITION, "STOCK_IN_USE",
                                     "nothing was done: units of %s are promised, or on their way",
                                     lock->product.product_id);
    failure_add(failure, "product_id", "%s", lock->product.product_id);
    failure_add(failure, "reserved", "%lld", (long long)lock->reserved);
    return status;
}
