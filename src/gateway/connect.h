/* Connect: the Connect protocol (https://connectrpc.com/docs/protocol), its unary part, over
 * HTTP/1.1: what generated clients such as connect-es and buf curl speak. POST
 * /shop.v1.OrderService/CreateOrder with application/json or application/proto; GET with the
 * message in the query for methods without side effects. Unknown JSON fields are ignored, as the
 * protocol has it: a client may be newer than the server. */
#pragma once

#include "gateway/call.h"

/* Answers, now or later. */
void connect_handle(struct gateway *gateway, struct http_request *http,
                    const struct method *method);
/* A path that looks like a method's and is none. */
void connect_refuse_unknown(struct http_request *http);
