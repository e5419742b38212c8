/* What the query files share. */
#pragma once

#include "rpc/call.h"
#include "server/shop_lane.h"

/* For answers that share nothing: one call after the other, each with the lane's arena to itself.
 */
void query_each(struct shop_lane *lane, struct rpc_call **calls, size_t count,
                void (*answer)(struct shop_lane *lane, struct rpc_call *call));
/* Answers all of them with one failure. */
void query_fail_all(struct rpc_call **calls, size_t count, const struct failure *failure);
void query_overloaded(struct rpc_call **calls, size_t count);
/* Answers with a response that a codec made, or as overload when it had no room (NULL). */
void query_reply(struct rpc_call *call, const ProtobufCMessage *response);
/* Whether one more event, with so many lines, fits into a page that has `*lines` already, which
 * then counts them, too. The first always does: an order has 2,000 lines at most. */
bool query_fits(size_t *lines, size_t more);
/* Until when a batch may take. */
int64_t query_deadline_ms(const struct shop_lane *lane, struct rpc_call *const *calls,
                          size_t count);

/* A page of a list by product_id. */
struct query_page {
    int32_t size;
    const char *after; /* "" = from the first */
};
/* What the request asks for. BAD_PAGE_SIZE, BAD_PAGE_TOKEN. */
enum status query_read_page(struct shop_lane *lane, struct rpc_call *call, const char *list,
                            struct query_page *page_out, struct failure *failure);
/* The token of the page behind `last` (NULL: there is none, and the token is ""). */
enum status query_next_page(struct shop_lane *lane, const char *list, const char *last,
                            const char **token_out, struct failure *failure);
