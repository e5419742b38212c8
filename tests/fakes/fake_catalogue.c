/* See fake_catalogue.h. */
#include "tests/fakes/fake_catalogue.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/cmocka_all.h"

struct fake_postgres fake_postgres;
struct fake_cache fake_cache;

struct product_cache {
    int unused;
};

static enum status answer(enum status status, struct failure *failure)
{
    return status == STATUS_OK ? STATUS_OK
                               : failure_set(failure, status, "FAKE_POSTGRES", "as the test says");
}

void fake_catalogue_reset(void)
{
    memset(&fake_postgres, 0, sizeof fake_postgres);
    memset(&fake_cache, 0, sizeof fake_cache);
}

void fake_catalogue_add(const char *product_id, int64_t price, const char *currency)
{
    assert_true(fake_postgres.product_count < FAKE_PRODUCTS_MAX);
    size_t at = fake_postgres.product_count++;
    struct product *product = &fake_postgres.products[at];
    *product = (struct product){
        .product_id = product_id,
        .display_name = "A thing",
        .unit_price_minor = price,
        .create_time_us = 1,
        .update_time_us = 1,
        .version = 1,
        .state = PRODUCT_ACTIVE,
    };
    (void)snprintf(product->currency, sizeof product->currency, "%s", currency);
    fake_postgres.stock[at] = (struct stock){.product_id = product_id, .on_hand = 100};
}

/* ---- server/catalogue.h ---- */

static int compare_products(const void *left, const void *right)
{
    return strcmp(((const struct product *)left)->product_id,
                  ((const struct product *)right)->product_id);
}

static int compare_stock(const void *left, const void *right)
{
    return strcmp(((const struct stock *)left)->product_id,
                  ((const struct stock *)right)->product_id);
}

static bool is_asked(const char *const *ids, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(ids[i], id) == 0) {
            return true;
        }
    }
    return false;
}

enum status catalogue_find(struct postgres_link *link, const char *const *ids, size_t count,
                           struct arena *arena, int64_t deadline_ms, struct product **products_out,
                           size_t *found_out, struct failure *failure)
{
    (void)link, (void)deadline_ms;
    fake_postgres.catalogue_calls++;
    fake_postgres.asked_ids = count;
    *products_out = arena_calloc(arena, FAKE_PRODUCTS_MAX, sizeof **products_out);
    *found_out = 0;
    for (size_t i = 0; i < fake_postgres.product_count; i++) {
        if (is_asked(ids, count, fake_postgres.products[i].product_id)) {
            (*products_out)[(*found_out)++] = fake_postgres.products[i];
        }
    }
    qsort(*products_out, *found_out, sizeof **products_out, compare_products);
    return answer(fake_postgres.status, failure);
}

enum status catalogue_list(struct postgres_link *link, const char *after, int32_t most,
                           bool with_deleted, struct arena *arena, int64_t deadline_ms,
                           struct product **products_out, size_t *count_out,
                           struct failure *failure)
{
    (void)link, (void)deadline_ms;
    fake_postgres.catalogue_calls++;
    qsort(fake_postgres.products, fake_postgres.product_count, sizeof(struct product),
          compare_products);
    *products_out = arena_calloc(arena, FAKE_PRODUCTS_MAX, sizeof **products_out);
    *count_out = 0;
    for (size_t i = 0; i < fake_postgres.product_count && *count_out < (size_t)most; i++) {
        bool shown = with_deleted || fake_postgres.products[i].state != PRODUCT_DELETED;
        if (shown && strcmp(fake_postgres.products[i].product_id, after) > 0) {
            (*products_out)[(*count_out)++] = fake_postgres.products[i];
        }
    }
    return answer(fake_postgres.status, failure);
}

enum status catalogue_find_stock(struct postgres_link *link, const char *const *ids, size_t count,
                                 struct arena *arena, int64_t deadline_ms, struct stock **stock_out,
                                 size_t *found_out, struct failure *failure)
{
    (void)link, (void)deadline_ms;
    fake_postgres.catalogue_calls++;
    *stock_out = arena_calloc(arena, FAKE_PRODUCTS_MAX, sizeof **stock_out);
    *found_out = 0;
    for (size_t i = 0; i < fake_postgres.product_count; i++) {
        if (is_asked(ids, count, fake_postgres.stock[i].product_id)) {
            (*stock_out)[(*found_out)++] = fake_postgres.stock[i];
        }
    }
    qsort(*stock_out, *found_out, sizeof **stock_out, compare_stock);
    return answer(fake_postgres.status, failure);
}

enum status catalogue_list_stock(struct postgres_link *link, const char *after, int32_t most,
                                 struct arena *arena, int64_t deadline_ms, struct stock **stock_out,
                                 size_t *count_out, struct failure *failure)
{
    (void)link, (void)deadline_ms;
    fake_postgres.catalogue_calls++;
    qsort(fake_postgres.stock, fake_postgres.product_count, sizeof(struct stock), compare_stock);
    *stock_out = arena_calloc(arena, FAKE_PRODUCTS_MAX, sizeof **stock_out);
    *count_out = 0;
    for (size_t i = 0; i < fake_postgres.product_count && *count_out < (size_t)most; i++) {
        if (strcmp(fake_postgres.stock[i].product_id, after) > 0) {
            (*stock_out)[(*count_out)++] = fake_postgres.stock[i];
        }
    }
    return answer(fake_postgres.status, failure);
}

const struct product *catalogue_pick(const struct product *products, size_t count,
                                     const char *product_id)
{
    struct product key = {.product_id = product_id};
    return count == 0 ? NULL : bsearch(&key, products, count, sizeof key, compare_products);
}

const struct stock *catalogue_pick_stock(const struct stock *stock, size_t count,
                                         const char *product_id)
{
    struct stock key = {.product_id = product_id};
    return count == 0 ? NULL : bsearch(&key, stock, count, sizeof key, compare_stock);
}

static size_t find_product(const char *product_id)
{
    size_t at = 0;
    while (at < fake_postgres.product_count &&
           strcmp(fake_postgres.products[at].product_id, product_id) != 0) {
        at++;
    }
    return at;
}

static void create_one(struct new_product *product)
{
    const struct product *asked = &product->request->product;
    size_t at = find_product(asked->product_id);
    if (at == fake_postgres.product_count) {
        fake_catalogue_add(asked->product_id, asked->unit_price_minor, asked->currency);
        fake_postgres.products[at].display_name = asked->display_name;
        fake_postgres.request_ids[at] = product->request->request_id;
        memcpy(fake_postgres.request_hashes[at], product->request_hash, 16);
        product->created = true;
        product->delta_id = 100 + (int64_t)at;
        product->delta_epoch = 1;
    }
    product->product = fake_postgres.products[at];
    product->stored_request_id =
        fake_postgres.request_ids[at] != NULL ? fake_postgres.request_ids[at] : "";
    memcpy(product->stored_hash, fake_postgres.request_hashes[at], 16);
}

enum status catalogue_create(struct postgres_link *link, const char *shard,
                             struct new_product *products, size_t count, struct arena *arena,
                             int64_t deadline_ms, struct failure *failure)
{
    (void)link, (void)shard, (void)arena, (void)deadline_ms;
    fake_postgres.create_calls++;
    if (fake_postgres.status != STATUS_OK) {
        return answer(fake_postgres.status, failure);
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || strcmp(products[i - 1].request->product.product_id,
                                     products[i].request->product.product_id) < 0);
        if (fake_postgres.taken_request_id != NULL &&
            strcmp(products[i].request->request_id, fake_postgres.taken_request_id) == 0) {
            (void)failure_set(failure, STATUS_FAILED_PRECONDITION, "CONSTRAINT", "a constraint");
            failure_add(failure, "constraint", "stock_ledger_pkey");
            return STATUS_FAILED_PRECONDITION;
        }
    }
    for (size_t i = 0; i < count; i++) {
        create_one(&products[i]);
    }
    return STATUS_OK;
}

enum status catalogue_lock(struct postgres_link *link, const char *shard, const char *product_id,
                           struct arena *arena, int64_t deadline_ms, struct product_lock *lock_out,
                           bool *found_out, struct failure *failure)
{
    (void)link, (void)shard, (void)arena, (void)deadline_ms;
    size_t at = find_product(product_id);
    assert_false(fake_postgres.locked);
    *found_out = at < fake_postgres.product_count;
    fake_postgres.locked = *found_out && fake_postgres.status == STATUS_OK;
    if (*found_out) {
        *lock_out = (struct product_lock){
            .product = fake_postgres.products[at],
            .on_hand = fake_postgres.stock[at].on_hand,
            .reserved = fake_postgres.stock[at].reserved,
            .epoch = 1,
        };
    }
    return answer(fake_postgres.status, failure);
}

void catalogue_unlock(struct postgres_link *link)
{
    (void)link;
    fake_postgres.locked = false;
}

enum status catalogue_update(struct postgres_link *link, const struct product_lock *lock,
                             const struct product *after, const char *rules, struct arena *arena,
                             int64_t deadline_ms, int64_t *delta_id_out, struct failure *failure)
{
    (void)link, (void)arena, (void)deadline_ms;
    assert_true(fake_postgres.locked);
    fake_postgres.locked = false;
    fake_postgres.update_calls++;
    if (fake_postgres.update == STATUS_OK) {
        fake_postgres.products[find_product(after->product_id)] = *after;
        bool tells = rules != NULL || lock->product.safety_stock != after->safety_stock;
        *delta_id_out = tells ? 500 + fake_postgres.update_calls : 0;
    }
    return answer(fake_postgres.update, failure);
}

enum status catalogue_forget_deltas(struct postgres_link *link, const int64_t *delta_ids,
                                    size_t count, struct arena *arena, int64_t deadline_ms,
                                    struct failure *failure)
{
    (void)link, (void)delta_ids, (void)arena, (void)deadline_ms;
    fake_postgres.forgotten_deltas += count;
    return answer(fake_postgres.status, failure);
}

/* ---- server/order_reader.h ---- */

static int compare_orders(const void *left, const void *right)
{
    return memcmp(&((const struct stored_order *)left)->order.order_id,
                  &((const struct stored_order *)right)->order.order_id, sizeof(struct uuid));
}

enum status order_reader_find(struct postgres_link *link, const struct uuid *order_ids,
                              size_t count, struct arena *arena, int64_t deadline_ms,
                              struct stored_order **orders_out, size_t *found_out,
                              struct failure *failure)
{
    (void)link, (void)deadline_ms;
    fake_postgres.order_calls++;
    *orders_out = arena_calloc(arena, FAKE_ORDERS_MAX, sizeof **orders_out);
    *found_out = 0;
    for (size_t i = 0; i < fake_postgres.order_count; i++) {
        for (size_t at = 0; at < count; at++) {
            if (memcmp(&order_ids[at], &fake_postgres.orders[i].order.order_id,
                       sizeof order_ids[at]) == 0) {
                (*orders_out)[(*found_out)++] = fake_postgres.orders[i];
                break;
            }
        }
    }
    qsort(*orders_out, *found_out, sizeof **orders_out, compare_orders);
    return answer(fake_postgres.status, failure);
}

struct stored_order *order_reader_pick(struct stored_order *orders, size_t count,
                                       const struct uuid *order_id)
{
    struct stored_order key = {.order.order_id = *order_id};
    return count == 0 ? NULL : bsearch(&key, orders, count, sizeof key, compare_orders);
}

struct order_position order_reader_first(const struct order_filter *filter)
{
    return (struct order_position){.create_time_us = filter->create_to_us};
}

static bool is_asked_for(const struct order *order, const struct order_page_filter *filter)
{
    const struct order_filter *asked = &filter->asked;
    return order->create_time_us < filter->after.create_time_us &&
           order->create_time_us >= asked->create_from_us &&
           (asked->customer_id[0] == '\0' || strcmp(asked->customer_id, order->customer_id) == 0) &&
           (asked->states & UINT32_C(1) << order->state) != 0;
}

/* fake_postgres.orders are the newest first. */
enum status order_reader_list(struct postgres_link *link, const struct order_page_filter *filter,
                              struct arena *arena, int64_t deadline_ms, struct order_page *page_out,
                              struct failure *failure)
{
    (void)link, (void)deadline_ms;
    fake_postgres.order_calls++;
    fake_postgres.listed = *filter;
    struct order_page page = {.orders = arena_calloc(arena, FAKE_ORDERS_MAX, sizeof *page.orders)};
    for (size_t i = 0; i < fake_postgres.order_count; i++) {
        const struct order *order = &fake_postgres.orders[i].order;
        if (!is_asked_for(order, filter)) {
            continue;
        }
        if (page.count == (size_t)filter->most) {
            page.more = true;
            break;
        }
        page.orders[page.count++] = *order;
        page.next = (struct order_position){order->create_time_us, order->order_id};
    }
    *page_out = page;
    return answer(fake_postgres.status, failure);
}

/* ---- server/history.h ---- */

enum status order_reader_events(struct postgres_link *link, const struct uuid *order_id,
                                int32_t after, int32_t most, struct arena *arena,
                                int64_t deadline_ms, struct order_event **events_out,
                                size_t *count_out, struct failure *failure)
{
    (void)link, (void)order_id, (void)deadline_ms;
    *events_out = arena_calloc(arena, (size_t)most, sizeof **events_out);
    *count_out = 0;
    for (int32_t version = after + 1; version <= fake_postgres.event_versions; version++) {
        if (*count_out < (size_t)most) {
            (*events_out)[(*count_out)++] = (struct order_event){.version = version,
                                                                 .type = "order.created",
                                                                 .actor = "",
                                                                 .reason = "",
                                                                 .customer_id = "c-1"};
        }
    }
    return answer(fake_postgres.status, failure);
}

enum status history_find_events(struct postgres_link *link, struct history_event *events,
                                size_t count, struct arena *arena, int64_t deadline_ms,
                                struct failure *failure)
{
    (void)link, (void)arena, (void)deadline_ms;
    fake_postgres.history_calls++;
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < fake_postgres.persisted_count; at++) {
            events[i].persisted =
                events[i].persisted ||
                memcmp(&events[i].event_id, &fake_postgres.persisted[at], sizeof(struct uuid)) == 0;
        }
    }
    return answer(fake_postgres.status, failure);
}

enum status history_find_changes(struct postgres_link *link, struct history_event *events,
                                 size_t count, struct arena *arena, int64_t deadline_ms,
                                 struct failure *failure)
{
    return history_find_events(link, events, count, arena, deadline_ms, failure);
}

enum status history_find_adjustments(struct postgres_link *link, const struct uuid *adjustment_ids,
                                     size_t count, struct arena *arena, int64_t deadline_ms,
                                     struct stock_adjustment **adjustments_out, size_t *found_out,
                                     struct failure *failure)
{
    (void)link, (void)deadline_ms;
    fake_postgres.history_calls++;
    *adjustments_out = arena_calloc(arena, FAKE_ORDERS_MAX, sizeof **adjustments_out);
    *found_out = 0;
    for (size_t i = 0; i < fake_postgres.adjustment_count; i++) {
        for (size_t at = 0; at < count; at++) {
            if (memcmp(&adjustment_ids[at], &fake_postgres.adjustments[i].adjustment_id,
                       sizeof adjustment_ids[at]) == 0) {
                (*adjustments_out)[(*found_out)++] = fake_postgres.adjustments[i];
                break;
            }
        }
    }
    return answer(fake_postgres.status, failure);
}

/* ---- server/product_cache.h ---- */

struct product_cache *product_cache_create(const struct product_cache_options *options)
{
    (void)options;
    return calloc(1, sizeof(struct product_cache));
}

void product_cache_destroy(struct product_cache **cache)
{
    free(*cache);
    *cache = NULL;
}

enum status product_cache_get(struct product_cache *cache, struct product_lookup *lookups,
                              size_t count, struct arena *arena, struct failure *failure)
{
    (void)cache;
    fake_cache.get_calls++;
    for (size_t i = 0; i < count && fake_cache.get == STATUS_OK; i++) {
        for (size_t at = 0; at < fake_cache.count; at++) {
            if (strcmp(fake_cache.entries[at].product_id, lookups[i].product_id) == 0) {
                lookups[i].presence = fake_cache.entries[at].presence;
                lookups[i].version = fake_cache.entries[at].version;
                lookups[i].encoded = arena_copy(
                    arena, bytes_of(fake_cache.entries[at].encoded, fake_cache.entries[at].size));
            }
        }
    }
    return answer(fake_cache.get, failure);
}

enum status product_cache_put(struct product_cache *cache, const struct product_lookup *lookups,
                              size_t count, struct failure *failure)
{
    (void)cache;
    fake_cache.put_calls++;
    for (size_t i = 0; i < count && fake_cache.put == STATUS_OK; i++) {
        size_t at = 0;
        while (at < fake_cache.count &&
               strcmp(fake_cache.entries[at].product_id, lookups[i].product_id) != 0) {
            at++;
        }
        fake_cache.count = at == fake_cache.count ? at + 1 : fake_cache.count;
        (void)snprintf(fake_cache.entries[at].product_id, 72, "%s", lookups[i].product_id);
        fake_cache.entries[at].presence = lookups[i].presence;
        fake_cache.entries[at].version = lookups[i].version;
        fake_cache.entries[at].size = lookups[i].encoded.size;
        assert_true(lookups[i].encoded.size <= sizeof fake_cache.entries[at].encoded);
        if (lookups[i].encoded.size > 0) {
            memcpy(fake_cache.entries[at].encoded, lookups[i].encoded.data,
                   lookups[i].encoded.size);
        }
    }
    return answer(fake_cache.put, failure);
}
