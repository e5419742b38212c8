/* Method: what the gateway knows of each method of the contracts. The table is written at build
 * time by make_methods.c out of the contracts themselves; there is no second list by hand. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

/* One google.api.http binding. */
struct method_rule {
    const char *verb;     /* "GET" */
    const char *template; /* "/v1/orders/{order_id}" */
    const char *body;     /* a field of the request, "*" for all of it, or "" */
};

struct method {
    const ProtobufCServiceDescriptor *service;
    unsigned index;    /* in the service */
    const char *path;  /* "/shop.v1.OrderService/CreateOrder" */
    const char *scope; /* what a caller needs: "order.read", "order.write" */
    bool has_no_side_effects;
    unsigned public_max_age_s;  /* shop.v1.public_max_age_s; 0 = not to be kept */
    bool may_share_messages;    /* shop.v1.may_share_messages, unless the request has a value in: */
    const char *delaying_field; /* shop.v1.delays_answer; NULL: there is none */
    const struct method_rule *rules;
    size_t rule_count;
};

/* Generated. */
extern const struct method methods[];
extern const size_t method_count;

/* By its path; NULL when there is none. */
const struct method *method_find(struct bytes path);
/* Whether a call with this request takes about as long as others of the method. */
bool method_may_share(const struct method *method, const ProtobufCMessage *request);
static inline const ProtobufCMethodDescriptor *method_descriptor(const struct method *method)
{
    return &method->service->methods[method->index];
}
