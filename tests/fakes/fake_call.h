/* Calls without a transport: what rpc/call.h says, with the answers kept for the test to look at.
 * Linked in place of rpc/call.c. */
#pragma once

#include "rpc/call.h"

struct rpc_call {
    const ProtobufCMessage *request;
    const void *tag;
    const char *id;
    int64_t deadline_ms;
    bool local;
    struct arena arena;

    _Atomic int answers; /* exactly one is right; counted last, whichever thread answers */
    struct failure failure;
    ProtobufCMessage *response; /* a copy; NULL when it failed */
};

void fake_call_init(struct rpc_call *call, const ProtobufCMessage *request, const void *tag,
                    int64_t deadline_ms);
void fake_call_fini(struct rpc_call *call);

/* Fail the test unless the call was answered once, with that. */
void fake_call_expect_failure(const struct rpc_call *call, enum status code, const char *reason);
const void *fake_call_expect_reply(const struct rpc_call *call);
/* "" when the failure does not carry it. */
const char *fake_call_metadata(const struct rpc_call *call, const char *key);
