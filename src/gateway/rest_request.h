/* REST request: the method's request message out of path, query, headers and body. Used by rest.c.
 */
#pragma once

#include "gateway/route.h"
#include "http/http.h"

/* The message lives in the request's arena. INVALID_ARGUMENT says which field and why. */
enum status rest_request_read(struct http_request *http, const struct route *route,
                              ProtobufCMessage **message_out, struct failure *failure);
