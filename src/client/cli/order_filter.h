/* Order filter: the options that narrow a list of orders, the same for every command that takes
 * them (order list, export orders). */
#pragma once

#include <shop/v1/order_service.pb-c.h>

#include "client/cli/cli.h"

struct order_filter_options {
    const char *customer, *states, *product;
    const char *created_from, *created_to, *placed_from, *placed_to;
};

#define ORDER_FILTER_ENTRY(VALUES, FILTER, NAME, MEMBER, VALUE, HELP)                    \
    {.name = (NAME),                                                                     \
     .type = OPTION_TEXT,                                                                \
     .offset = offsetof(VALUES, FILTER) + offsetof(struct order_filter_options, MEMBER), \
     .value = (VALUE),                                                                   \
     .help = (HELP)}
#define ORDER_FILTER_ENTRIES(VALUES, FILTER)                                                      \
    ORDER_FILTER_ENTRY(VALUES, FILTER, "customer", customer, "ID", "only this customer's"),       \
        ORDER_FILTER_ENTRY(VALUES, FILTER, "state", states, "STATE,...",                          \
                           "only in these states, such as pending,confirmed"),                    \
        ORDER_FILTER_ENTRY(VALUES, FILTER, "product", product, "ID",                              \
                           "only with a line of this product"),                                   \
        ORDER_FILTER_ENTRY(VALUES, FILTER, "created-from", created_from, "TIME",                  \
                           "only accepted from then on: 2026-01-31T12:00:00Z, 2026-01-31 or 2h"), \
        ORDER_FILTER_ENTRY(VALUES, FILTER, "created-to", created_to, "TIME",                      \
                           "only accepted before then"),                                          \
        ORDER_FILTER_ENTRY(VALUES, FILTER, "placed-from", placed_from, "TIME",                    \
                           "only placed from then on"),                                           \
        ORDER_FILTER_ENTRY(VALUES, FILTER, "placed-to", placed_to, "TIME",                        \
                           "only placed before then")
#define ORDER_FILTER_DETAILS \
    "A TIME is RFC 3339, a date (its midnight in UTC), or how long ago: 90s, 15m, 2h, 30d.\n"

/* Fills the filter's fields in; texts live in cli->arena. CLI_OK, or CLI_USAGE once it has said
 * what is wrong. */
int order_filter_fill(struct cli *cli, const struct order_filter_options *options,
                      Shop__V1__ListOrdersRequest *request);
