/* REST request: the method's request message out of path, query, headers and body. Used by rest.c.
 */
#pragma once

#include "gateway/if_match.h"
#include "gateway/route.h"
#include "http/http.h"

/* Of If-Match. */
struct rest_condition {
    struct if_match if_match;
    const char **place; /* the message's etag, the first of the list; NULL: no condition */
};

/* The message lives in the request's arena. INVALID_ARGUMENT says which field and why; ABORTED:
 * no etag of If-Match can match. *condition_out is set in any case. */
enum status rest_request_read(struct http_request *http, const struct route *route,
                              ProtobufCMessage **message_out, struct rest_condition *condition_out,
                              struct failure *failure);
