/* Call: one request as a handler sees it, from the moment a lane took it until it is answered.
 * Made by rpc/server.c, used by handlers; transport-free (the listener's part is behind a pointer).
 * Always: a call is answered exactly once, by rpc_reply or rpc_fail, which also frees it and its
 * arena: nothing decoded from it may be used afterwards.
 * Not here: who is called when (rpc/server.h). */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct rpc_call;

/* The decoded request, of the method's input type; strings are valid UTF-8 without NUL. Lives in
 * the call's arena. */
const ProtobufCMessage *rpc_call_request(const struct rpc_call *call);
/* Memory that lives as long as the call. */
struct arena *rpc_call_arena(struct rpc_call *call);
/* "/shop.v1.OrderService/CreateOrder" */
const char *rpc_call_method(const struct rpc_call *call);
/* What the method was registered with (struct rpc_method.tag). */
const void *rpc_call_tag(const struct rpc_call *call);
/* The caller's id for it, on every try the same; never empty. */
const char *rpc_call_id(const struct rpc_call *call);
/* The caller's W3C traceparent; "" when there is none. */
const char *rpc_call_traceparent(const struct rpc_call *call);
/* A value of the caller's metadata (metadata.h), of the first pair with that key: any bytes, valid
 * until the call is answered. False: there is none. Never the traceparent. */
bool rpc_call_metadata(const struct rpc_call *call, const char *key, struct bytes *value_out);
/* Monotonic ms by the server's clock. */
int64_t rpc_call_deadline_ms(const struct rpc_call *call);
/* The same, less what an answer needs to reach its caller: a twentieth of the call's time, within
 * 20 to 200 ms. For who waits on the caller's behalf and has an answer also without what he waits
 * for. */
int64_t rpc_call_answer_by_ms(const struct rpc_call *call);
/* Whether it came over the local ipc socket, and not from somebody who speaks for others. */
bool rpc_call_is_local(const struct rpc_call *call);
/* Who calls, for events, logs and roles (security.h). */
const char *rpc_call_principal(const struct rpc_call *call);

/* Answers with a message of the method's output type (borrowed until it returns). */
void rpc_reply(struct rpc_call *call, const ProtobufCMessage *response);
/* Answers with a failure (code != STATUS_OK). One that may be repeated and does not say when gets a
 * short retry delay. */
void rpc_fail(struct rpc_call *call, const struct failure *failure);
