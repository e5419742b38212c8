/* See batch_create_orders.h. */
#include "server/batch_create_orders.h"

#include <stdlib.h>
#include <string.h>

#include "server/create_order.h"
#include "server/refusals.h"
#include "server/shop_lane.h"
#include "shop/batch_codec.h"
#include "shop/rules.h"

/* An order's place in the call, to find those with the same request_id. */
struct named {
    const char *request_id;
    struct command *command;
};

static enum status count_orders(const ProtobufCMessage *request, size_t *count_out,
                                struct failure *failure);
static void split(struct shop_lane *lane, const ProtobufCMessage *request, struct command *commands,
                  size_t count);
static void refuse_twice(struct named *named, size_t count);
static int compare_named(const void *left, const void *right);
static const ProtobufCMessage *join(struct shop_lane *lane, const struct command *commands,
                                    const ProtobufCMessage *const *answers, size_t count);

static const struct command_list list = {
    .kind = &create_order_kind,
    .count = count_orders,
    .split = split,
    .join = join,
};

const struct command_kind batch_create_orders_kind = {
    .name = "batch_create_orders",
    .list = &list,
};

static enum status count_orders(const ProtobufCMessage *request, size_t *count_out,
                                struct failure *failure)
{
    size_t count, lines;
    (void)batch_codec_requests(request, &count, &lines);
    enum status status = rules_check_order_batch(count, lines, failure);
    if (status == STATUS_OK) {
        *count_out = count;
    }
    return status;
}

static void split(struct shop_lane *lane, const ProtobufCMessage *request, struct command *commands,
                  size_t count)
{
    size_t orders, lines;
    const ProtobufCMessage *const *requests = batch_codec_requests(request, &orders, &lines);
    struct named *named = arena_alloc(&lane->arena, count * sizeof *named);
    for (size_t i = 0; i < count; i++) {
        commands[i].request = requests[i];
        if (named == NULL) {
            (void)refuse_overloaded(command_fail(&commands[i]));
            continue;
        }
        named[i] = (struct named){batch_codec_request_id(requests[i]), &commands[i]};
    }
    if (named != NULL) {
        refuse_twice(named, count);
    }
}

/* All but the first with a request_id. Which one that is must not depend on what becomes of it: a
 * batch that is repeated has to get the same results. */
static void refuse_twice(struct named *named, size_t count)
{
    qsort(named, count, sizeof *named, compare_named);
    for (size_t i = 1; i < count; i++) {
        if (named[i].request_id[0] != '\0' &&
            strcmp(named[i].request_id, named[i - 1].request_id) == 0) {
            (void)failure_set_field(command_fail(named[i].command), "request_id",
                                    "REQUEST_ID_TWICE",
                                    "an order before it in this batch has the same request_id");
        }
    }
}

static int compare_named(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    int order = strcmp(a->request_id, b->request_id);
    return order != 0 ? order : (a->command > b->command) - (a->command < b->command);
}

static const ProtobufCMessage *join(struct shop_lane *lane, const struct command *commands,
                                    const ProtobufCMessage *const *answers, size_t count)
{
    const struct failure **failures = arena_alloc(&lane->arena, count * sizeof *failures);
    if (failures == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        failures[i] = &commands[i].failure;
    }
    return batch_codec_results(answers, failures, count, &lane->arena);
}
