/* Client call: one blocking call whose answer is kept.
 * For programs that want a value instead of a closure; the stubs themselves are in rpc/channel.h.
 */
#pragma once

#include "base/arena.h"
#include "base/c_api.h"
#include "rpc/channel.h"

C_API_BEGIN

/* `method` as in the descriptor ("GetOrder"; it must be there). The response is of its output type
 * and lives in the arena. Blocks until the answer is there, at the latest until the deadline;
 * timeout_ms 0 = the channel's. UNAVAILABLE = not executed; UNKNOWN and DEADLINE_EXCEEDED = may
 * have been executed. */
enum status client_call(struct rpc_channel *channel, const ProtobufCServiceDescriptor *service,
                        const char *method, const ProtobufCMessage *request, int32_t timeout_ms,
                        struct arena *arena, ProtobufCMessage **response_out,
                        struct failure *failure);
/* The same with a stub that was made ready by the caller: with metadata, a trace, a timeout. The
 * stub must not be asynchronous. */
enum status client_call_stub(struct rpc_stub *stub, const char *method,
                             const ProtobufCMessage *request, struct arena *arena,
                             ProtobufCMessage **response_out, struct failure *failure);
/* A copy of a message that somebody else owns (a response inside its closure). RESOURCE_EXHAUSTED,
 * RESPONSE_TOO_LARGE when the arena is too small. */
enum status client_keep(const ProtobufCMessage *message, struct arena *arena,
                        ProtobufCMessage **copy_out, struct failure *failure);
/* Whether asking again may help: UNAVAILABLE, DEADLINE_EXCEEDED, UNKNOWN, RESOURCE_EXHAUSTED. Safe
 * for what only reads or carries a request_id. */
bool client_may_retry(enum status code);
/* The method's index, for rpc_stub_invoke(). */
unsigned client_method(const ProtobufCServiceDescriptor *service, const char *method);

C_API_END
