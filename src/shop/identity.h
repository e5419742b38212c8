/* Identity: how a request_id becomes the id of what it makes, so that asking twice makes it once -
 * whichever server, however late, even when Redis has forgotten: the primary key says no.
 * A UUIDv7 request_id hands its time to the id, which keeps PostgreSQL's index append-mostly; any
 * other is a hash altogether. Pure. */
#pragma once

#include "shop/order.h"

#define REQUEST_HASH_BYTES 16

enum identity_kind {
    IDENTITY_ORDER,
    IDENTITY_ADJUSTMENT,
    IDENTITY_CHANGE, /* of an order: its event's id */
    IDENTITY_EXPIRY, /* the same, where nobody asked: no caller's request_id can be it */
};

struct uuid identity_of_request(enum identity_kind kind, const char *request_id);
/* Whether the request_id is a UUIDv7 younger than `age_ms`: then a record in Redis that is not
 * there was never there, and PostgreSQL need not be asked. */
bool identity_is_fresh(const char *request_id, int64_t now_unix_us, int64_t age_ms);
/* What "the same body" means: a hash over every field that the request says, but its id. */
void identity_hash_order(const struct order_request *request, uint8_t out[REQUEST_HASH_BYTES]);
void identity_hash_verb(const struct verb_request *request, uint8_t out[REQUEST_HASH_BYTES]);
void identity_hash_product(const struct product_request *request, uint8_t out[REQUEST_HASH_BYTES]);
void identity_hash_adjustment(const struct stock_adjustment *adjustment,
                              uint8_t out[REQUEST_HASH_BYTES]);
