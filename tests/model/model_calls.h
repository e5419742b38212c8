/* Model calls: what a random caller asks the system, and what it answers, without the messages.
 * Each is asked again under the same request_id while the system says that it may be. */
#pragma once

#include "rpc/channel.h"
#include "tests/model/model.h"

#define MODEL_BATCH_MAX 8

enum model_request_kind {
    MODEL_CREATE,
    MODEL_CHANGE,
    MODEL_ADJUST,
    MODEL_SET,
    MODEL_GET,
};

struct model_request {
    enum model_request_kind kind;
    char request_id[MODEL_ID_BYTES];
    char customer_id[MODEL_ID_BYTES];
    struct model_order order; /* MODEL_CREATE: its lines; MODEL_CHANGE, MODEL_GET: its id */
    int32_t hold_s;           /* 0: CONFIRMED at once */
    struct model_change change;
    int product; /* MODEL_ADJUST, MODEL_SET */
    int64_t delta;
    int64_t expected; /* MODEL_SET */

    /* What became of it: asking again must say the same. */
    bool was_accepted;
    bool record_lost; /* only PostgreSQL knows of it */
    char reason[FAILURE_REASON_BYTES];
    int64_t number;
    int64_t asked_us;
};

struct model_answer {
    struct failure failure; /* STATUS_OK: accepted, and the order as it then is */
    struct model_order order;
    int product;    /* that the failure names, or -1 */
    int64_t number; /* `available`, `used` or `quantity` of a failure */
};

/* What PostgreSQL has on hand; -1: it could not be asked. */
int64_t model_ask_on_hand(struct rpc_channel *channel, const char *product_id);
/* The channel asked first is channels[0] or channels[1] by `turn`. */
void model_ask(struct rpc_channel *const channels[2], unsigned turn,
               const struct model_product *products, const struct model_request *request,
               struct model_answer *answer);
void model_ask_batch(struct rpc_channel *const channels[2], unsigned turn,
                     const struct model_product *products, const struct model_request *requests,
                     size_t count, struct model_answer *answers);
