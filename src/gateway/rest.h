/* REST: the contracts as plain HTTP and JSON, by their google.api.http bindings: curl's view of
 * them. A request's fields come from the path, the query (camelCase) and the body; what is unknown
 * is refused with its path, because a misspelt filter would show what was not asked for.
 *     Idempotency-Key   the request's request_id
 *     If-Match          its etag, of several the one that the thing has: 412 when it is none of
 *                       them; refused where the method has none: it would protect nothing
 *     ETag              the answer's etag; If-None-Match with it: 304
 *     Cache-Control     shop.v1.public_max_age_s of the method
 * Answers are proto3 JSON with all fields, errors Google's {"error": {...}}. */
#pragma once

#include "gateway/call.h"
#include "gateway/route.h"

/* Answers, now or later. */
void rest_handle(struct gateway *gateway, struct http_request *http, const struct route *route);
/* Answers with a failure, as rest_handle does. */
void rest_fail(struct call *call, const struct failure *failure);
/* No method has this path, or none with this verb (`allow` then says which; else NULL). */
void rest_refuse_unrouted(struct http_request *http, const char *allow);
