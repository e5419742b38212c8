/* Channel exchange: a call's place in the channel, from its start until its closure has run.
 * The inside of channel.h, shared by channel.c (places, threads) and stub.c (messages). */
#pragma once

#include "base/arena.h"
#include "rpc/channel.h"
#include "rpc/link.h"

struct channel_exchange {
    struct channel_exchange *next; /* among the idle ones */
    struct rpc_channel *channel;
    struct rpc_stub *stub;
    struct link_exchange *link;
    struct arena arena; /* of the request's copy, then of the response */
};

/* Begins a call, with a place for it in stub->exchange. A blocking stub waits for one until its
 * time is over. Fails with RESOURCE_EXHAUSTED (CHANNEL_FULL, OUT_OF_MEMORY) or CANCELLED
 * (CHANNEL_CLOSED), without a place; the call must be ended all the same. */
enum status channel_enter(struct rpc_channel *channel, struct rpc_stub *stub, int32_t timeout_ms,
                          struct failure *failure);
/* A blocking call has its outcome: another one may take the place. */
void channel_vacate(struct rpc_channel *channel);
/* Ends a blocking call, whose closure has run. `exchange` may be NULL. */
void channel_leave(struct rpc_channel *channel, struct channel_exchange *exchange);
/* Ends an asynchronous call before it was sent: its closure runs later, on one of nng's threads. */
void channel_complete(struct rpc_channel *channel, struct rpc_stub *stub);

int32_t channel_timeout_ms(const struct rpc_channel *channel);
const struct clock *channel_clock(const struct rpc_channel *channel);

/* In stub.c: makes a response or a failure of how stub's call ended and runs the closure;
 * afterwards the stub may be gone. */
void stub_finish(struct rpc_stub *stub);
