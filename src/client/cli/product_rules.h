/* The rules of a product's sale as options: the same for the command that makes a product and the
 * one that changes it. */
#pragma once

#include <shop/v1/product.pb-c.h>
#include <stddef.h>

#include "client/cli/cli.h"
#include "shop/limits.h"

#define PRODUCT_RULES_MAX 8 /* more than there are */

struct product_rule_options {
    const char *max_per_order, *max_per_customer;
    const char *sale_start, *sale_end, *safety_stock, *low_stock;
    int64_t limit_window_ms;
};

/* What a product with rules points to, and the names of the fields that were given. */
struct product_rules {
    Google__Protobuf__Duration window;
    Google__Protobuf__Timestamp start, end;
    const char *fields[PRODUCT_RULES_MAX];
    size_t field_count;
};

#define PRODUCT_RULE_TEXT(VALUES, RULES, NAME, MEMBER, VALUE, HELP)                     \
    {.name = (NAME),                                                                    \
     .type = OPTION_TEXT,                                                               \
     .offset = offsetof(VALUES, RULES) + offsetof(struct product_rule_options, MEMBER), \
     .value = (VALUE),                                                                  \
     .help = (HELP)}

#define PRODUCT_RULE_OPTION_ENTRIES(VALUES, RULES)                                             \
    PRODUCT_RULE_TEXT(VALUES, RULES, "max-per-order", max_per_order, "UNITS",                  \
                      "that one order may have; 0 for no limit"),                              \
        PRODUCT_RULE_TEXT(VALUES, RULES, "max-per-customer", max_per_customer, "UNITS",        \
                          "that one customer may have within --limit-window; 0 for no limit"), \
        {.name = "limit-window",                                                               \
         .type = OPTION_DURATION,                                                              \
         .offset =                                                                             \
             offsetof(VALUES, RULES) + offsetof(struct product_rule_options, limit_window_ms), \
         .value = "TIME",                                                                      \
         .fallback = "0ms",                                                                    \
         .least = 0,                                                                           \
         .most = SHOP_WINDOW_MS_MAX,                                                           \
         .help = "how far back --max-per-customer looks, such as 24h"},                        \
        PRODUCT_RULE_TEXT(VALUES, RULES, "sale-start", sale_start, "TIME",                     \
                          "sold from then on, such as 2026-12-01T08:00:00Z; '' for always"),   \
        PRODUCT_RULE_TEXT(VALUES, RULES, "sale-end", sale_end, "TIME",                         \
                          "sold until then; '' for ever"),                                     \
        PRODUCT_RULE_TEXT(VALUES, RULES, "safety-stock", safety_stock, "UNITS",                \
                          "that are never sold"),                                              \
        PRODUCT_RULE_TEXT(VALUES, RULES, "low-stock", low_stock, "UNITS",                      \
                          "when so few are left stock.low is told")

/* Fills the product's rules from the options that were given; the product then points into
 * *rules_out and lives no longer than that. False after it has said what is wrong with one:
 * *code_out is the exit code. */
bool product_rules_read(struct cli *cli, const struct product_rule_options *options,
                        Shop__V1__Product *product, struct product_rules *rules_out, int *code_out);
