/* A catalogue, an order table, a ledger and a product cache in memory, which fail as the test says.
 * Linked in place of server/catalogue*_postgres.c, order_reader_postgres.c, history_postgres.c and
 * product_cache_redis.c. */
#pragma once

#include "server/catalogue.h"
#include "server/history.h"
#include "server/order_reader.h"
#include "server/product_cache.h"

#define FAKE_PRODUCTS_MAX 64
#define FAKE_ORDERS_MAX   64

struct fake_postgres {
    enum status status; /* of every question */
    enum status update; /* of catalogue_update */
    int update_calls;
    bool locked; /* a product */
    int catalogue_calls, order_calls, history_calls, create_calls;
    size_t asked_ids;                /* of the last catalogue_find */
    struct order_page_filter listed; /* the last order_reader_list */

    struct product products[FAKE_PRODUCTS_MAX]; /* texts are the test's */
    struct stock stock[FAKE_PRODUCTS_MAX];
    const char *request_ids[FAKE_PRODUCTS_MAX];
    uint8_t request_hashes[FAKE_PRODUCTS_MAX][16];
    size_t product_count;
    struct stored_order orders[FAKE_ORDERS_MAX];
    size_t order_count;
    struct stock_adjustment adjustments[FAKE_ORDERS_MAX];
    size_t adjustment_count;
    struct uuid persisted[FAKE_ORDERS_MAX]; /* event ids */
    size_t persisted_count;
    int32_t event_versions; /* every order has so many events */

    const char *taken_request_id; /* one whose ledger entry exists: catalogue_create refuses it */
    size_t forgotten_deltas;
};
extern struct fake_postgres fake_postgres;

struct fake_cache {
    enum status get, put;
    int get_calls, put_calls;
    struct {
        char product_id[72];
        enum product_presence presence;
        int64_t version;
        uint8_t encoded[512];
        size_t size;
    } entries[FAKE_PRODUCTS_MAX];
    size_t count;
};
extern struct fake_cache fake_cache;

void fake_catalogue_reset(void);
void fake_catalogue_add(const char *product_id, int64_t price, const char *currency);
