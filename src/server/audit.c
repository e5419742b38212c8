/* See audit.h. */
#include "server/audit.h"

#include <string.h>

#include "server/refusals.h"

static enum status look(struct shop_lane *lane, const char *after, const char *only, size_t most,
                        struct audit_slice *slice_out, struct failure *failure);
static enum status read_postgres(struct shop_lane *lane, const char *after, const char *only,
                                 size_t most, struct audit_slice *slice_out,
                                 struct failure *failure);
static enum status read_redis(struct shop_lane *lane, struct audit_slice *slice, bool *idle,
                              struct failure *failure);
static void compare(struct audit_slice *first, const struct audit_slice *second);
static const struct audit_product *find_again(const struct audit_slice *slice,
                                              const char *product_id, size_t *at);
static bool is_suspect(const struct audit_slice *slice);
static void keep_least(struct audit_slice *slice, const struct audit_slice *again);

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

enum status audit_slice(struct shop_lane *lane, const char *after, size_t most,
                        struct audit_slice *slice_out, struct failure *failure)
{
    enum status status = look(lane, after, "", most, slice_out, failure);
    for (int i = 1; i < AUDIT_LOOKS && status == STATUS_OK && is_suspect(slice_out); i++) {
        struct audit_slice again;
        status = look(lane, after, "", most, &again, failure);
        if (status == STATUS_OK) {
            keep_least(slice_out, &again);
        }
    }
    return status;
}

enum status audit_one(struct shop_lane *lane, const char *product_id, struct audit_slice *slice_out,
                      struct failure *failure)
{
    enum status status = look(lane, "", product_id, 1, slice_out, failure);
    for (int i = 0; i < AUDIT_LOOKS && status == STATUS_OK && is_suspect(slice_out); i++) {
        struct audit_slice again;
        status = look(lane, "", product_id, 1, &again, failure);
        if (status == STATUS_OK) {
            keep_least(slice_out, &again);
        }
    }
    return status;
}

static enum status look(struct shop_lane *lane, const char *after, const char *only, size_t most,
                        struct audit_slice *slice_out, struct failure *failure)
{
    struct audit_slice second;
    struct stock_pass pass;
    bool idle_before = false, idle_after = false;
    if (!stock_gate_enter(lane->options->gate, &pass)) {
        return refuse_fenced(failure);
    }
    enum status status = read_postgres(lane, after, only, most, slice_out, failure);
    if (status == STATUS_OK) {
        status = read_redis(lane, slice_out, &idle_before, failure);
    }
    if (status == STATUS_OK) {
        status = read_postgres(lane, after, only, most, &second, failure);
    }
    struct book_gauges gauges;
    struct failure cause;
    if (status == STATUS_OK && book_gauges(lane->book, &gauges, &cause) != STATUS_OK) {
        status = shop_lane_blame(lane, &lane->redis_outage, &cause, failure);
    }
    if (status == STATUS_OK) {
        status = shop_lane_still_open(lane, pass.epoch, failure); /* last */
    }
    if (status == STATUS_OK) {
        idle_after = gauges.outbox == 0;
        slice_out->idle = idle_before && idle_after;
        compare(slice_out, &second);
    }
    return status;
}

static enum status read_postgres(struct shop_lane *lane, const char *after, const char *only,
                                 size_t most, struct audit_slice *slice_out,
                                 struct failure *failure)
{
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms;
    struct failure cause;
    *slice_out = (struct audit_slice){0};
    if (audit_read(lane->postgres, lane->options->shard, after, only, most, &lane->arena,
                   deadline_ms, &slice_out->products, &slice_out->count, &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    outage_over(&lane->postgres_outage, lane->clock);
    return STATUS_OK;
}

static enum status read_redis(struct shop_lane *lane, struct audit_slice *slice, bool *idle,
                              struct failure *failure)
{
    const char **ids = arena_calloc(&lane->arena, slice->count, sizeof(char *));
    int64_t *available = arena_calloc(&lane->arena, slice->count, sizeof *available);
    struct book_gauges gauges;
    struct failure cause;
    if (slice->count > 0 && (ids == NULL || available == NULL)) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < slice->count; i++) {
        ids[i] = slice->products[i].product_id;
    }
    enum status status = book_gauges(lane->book, &gauges, &cause);
    if (status == STATUS_OK && slice->count > 0) {
        status = book_read_stock(lane->book, ids, slice->count, available, 0, &cause);
    }
    if (status != STATUS_OK) {
        return shop_lane_blame(lane, &lane->redis_outage, &cause, failure);
    }
    outage_over(&lane->redis_outage, lane->clock);
    for (size_t i = 0; i < slice->count; i++) {
        slice->products[i].available = available[i] > 0 ? available[i] : 0;
    }
    *idle = gauges.outbox == 0;
    return STATUS_OK;
}

/* Against both readings of PostgreSQL; a product that is in one only is too new to be judged. */
static void compare(struct audit_slice *first, const struct audit_slice *second)
{
    size_t at = 0;
    for (size_t i = 0; i < first->count; i++) {
        struct audit_product *product = &first->products[i];
        const struct audit_product *again = find_again(second, product->product_id, &at);
        if (again == NULL) {
            continue;
        }
        product->high = least(product->available - product->most, product->available - again->most);
        product->high = product->high > 0 && product->available > 0 ? product->high : 0;
        product->low =
            least(product->least - product->available, again->least - product->available);
        product->low = product->low > 0 && first->idle ? product->low : 0;
    }
}

/* Both are in PostgreSQL's order, whatever that is there: the next one asked for is not before *at.
 */
static const struct audit_product *find_again(const struct audit_slice *slice,
                                              const char *product_id, size_t *at)
{
    for (size_t i = *at; i < slice->count; i++) {
        if (strcmp(slice->products[i].product_id, product_id) == 0) {
            *at = i + 1;
            return &slice->products[i];
        }
    }
    return NULL;
}

static bool is_suspect(const struct audit_slice *slice)
{
    for (size_t i = 0; i < slice->count; i++) {
        if (slice->products[i].high > 0 || slice->products[i].low > 0) {
            return true;
        }
    }
    return !slice->idle;
}

static void keep_least(struct audit_slice *slice, const struct audit_slice *again)
{
    size_t at = 0;
    bool low_is_new = !slice->idle && again->idle;
    for (size_t i = 0; i < slice->count; i++) {
        struct audit_product *product = &slice->products[i];
        const struct audit_product *same = find_again(again, product->product_id, &at);
        product->high = same != NULL ? least(product->high, same->high) : 0;
        if (low_is_new || again->idle) {
            int64_t low = same != NULL ? same->low : 0;
            product->low = low_is_new ? low : least(product->low, low);
        }
    }
    slice->idle = slice->idle || again->idle;
}
