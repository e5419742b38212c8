/* Watch: live changes as server-sent events, for browsers and curl -N.
 *     GET /v1/events                     all orders' events, as FollowOrderEvents has them
 *     GET /v1/orders/{order_id}:watch    the order, then its timeline, then what becomes of it
 * Both go on where Last-Event-ID says. Who may follow is who may call FollowOrderEvents or
 * GetOrder; a caller that stands for one customer sees that customer's. Called by order_gateway.c.
 */
#pragma once

#include <stdbool.h>

#include "gateway/call.h"

/* False: it is none of these paths, and nothing was done. */
bool watch_handle(struct gateway *gateway, struct http_request *http);
