/* See price_orders.h. */
#include "server/price_orders.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/find_products.h"
#include "server/refusals.h"
#include "server/shop_lane.h"
#include "shop/rules.h"

/* The products that the batch is about, sorted by product_id. */
struct price_list {
    struct product_lookup *lookups;
    size_t count;
    struct failure failure; /* why a lookup is NOT_SAID */
};

static bool list_products(struct shop_lane *lane, struct command **commands, size_t count,
                          struct price_list *list_out);
static size_t gather_ids(struct command **commands, size_t count, const char **ids);
static enum status price_order(struct shop_lane *lane, const struct price_list *list,
                               struct create_order *body, struct failure *failure);
static const struct product *pick_product(const struct price_list *list, const char *product_id,
                                          size_t line, struct failure *failure);
static int compare_ids(const void *left, const void *right);
static int compare_lookup(const void *product_id, const void *lookup);

void price_orders(struct shop_lane *lane, struct command **commands, size_t count)
{
    struct price_list list = {0};
    bool listed = list_products(lane, commands, count, &list);
    for (size_t i = 0; i < count; i++) {
        struct failure failure = {.code = STATUS_INTERNAL};
        if (commands[i]->fate != COMMAND_OPEN) {
            continue;
        }
        enum status status = listed ? price_order(lane, &list, commands[i]->body, &failure)
                                    : refuse_overloaded(&failure);
        if (status != STATUS_OK) {
            *command_fail(commands[i]) = failure;
        }
    }
}

/* False when the arena is full. */
static bool list_products(struct shop_lane *lane, struct command **commands, size_t count,
                          struct price_list *list_out)
{
    size_t most = gather_ids(commands, count, NULL);
    const char **ids = arena_alloc(&lane->arena, most * sizeof *ids);
    if (most == 0 || ids == NULL) {
        return most == 0;
    }
    (void)gather_ids(commands, count, ids);
    qsort(ids, most, sizeof *ids, compare_ids);
    struct price_list list = {.lookups = arena_calloc(&lane->arena, most, sizeof *list.lookups)};
    if (list.lookups == NULL) {
        return false;
    }
    for (size_t i = 0; i < most; i++) {
        if (i == 0 || strcmp(ids[i - 1], ids[i]) != 0) {
            list.lookups[list.count++].product_id = ids[i];
        }
    }
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms;
    (void)find_products(&lane->products, list.lookups, list.count, &lane->arena, deadline_ms,
                        &list.failure);
    *list_out = list;
    return true;
}

/* Counts, and fills in `ids` unless that is NULL. */
static size_t gather_ids(struct command **commands, size_t count, const char **ids)
{
    size_t gathered = 0;
    for (size_t i = 0; i < count; i++) {
        if (commands[i]->fate != COMMAND_OPEN) {
            continue;
        }
        const struct create_order *body = commands[i]->body;
        for (size_t unit = 0; unit < body->unit_count; unit++, gathered++) {
            if (ids != NULL) {
                ids[gathered] = body->units[unit].product_id;
            }
        }
    }
    return gathered;
}

static enum status price_order(struct shop_lane *lane, const struct price_list *list,
                               struct create_order *body, struct failure *failure)
{
    const struct order_request *request = body->request;
    struct order_line *lines = arena_alloc(&lane->arena, request->line_count * sizeof *lines);
    if (lines == NULL) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < request->line_count; i++) {
        const struct product *product =
            pick_product(list, request->lines[i].product_id, i, failure);
        if (product == NULL) {
            return failure->code;
        }
        if (i > 0 && strcmp(product->currency, body->order.currency) != 0) {
            enum status status =
                failure_set(failure, STATUS_FAILED_PRECONDITION, "CURRENCY_MISMATCH",
                            "%s is sold in %s, the lines before it in %s", product->product_id,
                            product->currency, body->order.currency);
            failure_add(failure, "product_id", "%s", product->product_id);
            return status;
        }
        memcpy(body->order.currency, product->currency, sizeof body->order.currency);
        lines[i] = request->lines[i];
        if (!lines[i].has_price) {
            lines[i].unit_price_minor = product->unit_price_minor;
        }
    }
    body->order.lines = lines;
    body->order.line_count = request->line_count;
    return rules_order_total(lines, request->line_count, &body->order.total_minor, failure);
}

/* NULL and a failure when it has no price. */
static const struct product *pick_product(const struct price_list *list, const char *product_id,
                                          size_t line, struct failure *failure)
{
    assert(list->lookups != NULL); /* it was listed for this very order */
    const struct product_lookup *lookup =
        bsearch(product_id, list->lookups, list->count, sizeof *lookup, compare_lookup);
    char field[FAILURE_FIELD_BYTES];
    switch (lookup->presence) {
    case PRODUCT_NOT_SAID:
        *failure = list->failure;
        return NULL;
    case PRODUCT_MISSING:
        (void)snprintf(field, sizeof field, "lines[%zu].product_id", line);
        (void)refuse_unknown_product(failure, field, product_id);
        return NULL;
    case PRODUCT_FOUND:
        break;
    }
    return lookup->product;
}

static int compare_ids(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int compare_lookup(const void *product_id, const void *lookup)
{
    return strcmp(product_id, ((const struct product_lookup *)lookup)->product_id);
}
