/* Channel exchange: a call's place in the channel, from its start until its closure has run.
 * The inside of channel.h, shared by channel.c (places, closures' turn), channel_targets.c (which
 * server), channel_starter.c (crowds), attempts.c (tries) and stub.c (messages). */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "rpc/alarm.h"
#include "rpc/channel.h"
#include "rpc/envelope.h"
#include "rpc/idempotency.h"
#include "rpc/link.h"
#include "rpc/retry.h"
#include "rpc/target.h"

/* A try of a call: what is sent to one of the servers. */
struct attempt {
    struct channel_exchange *exchange;
    struct target *target;
    struct link_exchange *link; /* made when it is first needed, kept with the place */
    atomic_bool is_started;
};

enum exchange_wait {
    EXCHANGE_WAITS_NOT,
    EXCHANGE_WAITS_FOR_TARGET, /* until one is fit */
    EXCHANGE_WAITS_TO_RETRY,
    EXCHANGE_WAITS_TO_HEDGE, /* with a try under way */
};

struct channel_exchange {
    struct channel_exchange *next; /* among the idle ones */
    struct rpc_channel *channel;
    struct rpc_stub *stub; /* NULL when idle */
    struct attempt *first; /* the first try, if a server was fit at once */

    /* The call, the same on every try. */
    struct arena request; /* its bytes */
    struct bytes payload;
    const char *path;
    const char *traceparent; /* or NULL */
    struct rpc_metadata *metadata;
    size_t metadata_count;
    int64_t deadline_ms; /* monotonic */
    bool carries_request_id;
    bool is_hedged;
    const void *kind; /* of which others may share its message; NULL: none */

    struct arena response; /* what is read of an answer */
    struct envelope_response envelope;

    unsigned sent_tries;             /* that may have reached a server */
    unsigned tried;                  /* targets, a bit each */
    bool may_have_run;               /* a try that failed may have been done */
    atomic_uint running;             /* tries and a hedge's alarm */
    struct attempt *last, *answered; /* that ended last, and first with an answer; of a hedged call
                                        with the channel's lock */

    /* With the channel's lock. */
    bool is_cancelled, is_woken, has_ended;
    enum exchange_wait waits;
    struct alarm *alarm; /* of an asynchronous call's waits; made when first needed */
    struct channel_exchange *waiting_next, **waiting_at;

    struct attempt attempts[RPC_ENDPOINTS_MAX]; /* one a target; most channels have one */
};

struct channel_starter;

struct rpc_channel {
    struct target *targets[RPC_ENDPOINTS_MAX];
    size_t target_count;
    int32_t timeout_ms, hedge_after_ms;
    unsigned tries_max;
    bool is_forwarding;
    size_t max_outstanding;
    const struct clock *clock;
    struct retry_budget budget;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t room, idle, changed;
    struct channel_exchange *spare; /* the last used first: its memory is warm */
    atomic_size_t outstanding;      /* places taken; taken with the lock, given up without */
    size_t under_way;               /* calls whose closures have not run yet */
    atomic_size_t waiting_for_room;
    uint64_t chance;                  /* for picking */
    struct channel_exchange *waiting; /* asynchronous calls whose alarms are set */
    bool closing;
    struct alarm *poke;                        /* for closures of calls that never began */
    _Atomic(struct channel_starter *) starter; /* made when it is first needed */
    atomic_size_t handing_over;                /* threads that are giving it a call */

    /* Asynchronous calls whose closures shall run, the last one first. NULL: none, and nobody has
     * the turn of running them; it is given up with the lock only. */
    _Atomic(struct rpc_stub *) ended;
};

/* channel.c */

/* Begins a call, with a place for it in stub->exchange. A blocking stub waits for one until its
 * time is over. Fails with RESOURCE_EXHAUSTED (CHANNEL_FULL, OUT_OF_MEMORY) or CANCELLED
 * (CHANNEL_CLOSED), without a place; the call must be ended all the same. */
enum status channel_enter(struct rpc_channel *channel, struct rpc_stub *stub, int32_t timeout_ms,
                          struct failure *failure);
/* A blocking call has its outcome: another one may take the place. */
void channel_vacate(struct rpc_channel *channel, struct rpc_stub *stub);
/* Ends a blocking call, whose closure has run. `exchange` may be NULL. */
void channel_leave(struct rpc_channel *channel, struct channel_exchange *exchange);
/* Ends an asynchronous call: its closure runs now, or on the thread that runs others. Not within
 * the call that begins it. */
void channel_end(struct rpc_channel *channel, struct rpc_stub *stub);
/* Around the ends of several calls: true when the thread got the turn, so that their closures run
 * with channel_use_turn, one after the other. */
bool channel_take_turn(void *channel);
void channel_use_turn(void *channel);
/* Ends an asynchronous call before it was sent: its closure runs later, on one of nng's threads. */
void channel_complete(struct rpc_channel *channel, struct rpc_stub *stub);

/* channel_starter.c */

/* Begins an asynchronous call: here, or on the channel's starter, so that it may go in one message
 * with others. */
void channel_begin(struct channel_exchange *exchange);
/* When no call is under way and none will be begun. */
void channel_stop_starter(struct rpc_channel *channel);

/* channel_targets.c */

/* `endpoints` is a list, comma separated. Fails with ENDPOINT_INVALID, TLS_INVALID. */
enum status targets_open(struct rpc_channel *channel, const char *endpoints,
                         const struct rpc_tls *tls, struct failure *failure);
void targets_close(struct rpc_channel *channel);
void targets_destroy(struct rpc_channel *channel);
/* With the lock: the number of the target for the next try, -1 = none is fit. */
int targets_pick(struct rpc_channel *channel, unsigned tried);
/* Whether another one serves that was not tried. */
bool targets_have_untried(struct rpc_channel *channel, unsigned tried);
/* With the lock: has calls look again at what they wait for; all of them, or those for a target. */
void targets_wake(struct rpc_channel *channel, bool all);

/* attempts.c */

/* With the lock: chooses a server for the first try, if one is fit. */
void attempts_prepare(struct channel_exchange *exchange);
/* Runs the tries of a blocking call; returns with its end, that is: an answer in
 * exchange->envelope, or stub->failure. */
void attempts_run(struct channel_exchange *exchange);
/* Begins those of an asynchronous one; channel_end follows. */
void attempts_start(struct channel_exchange *exchange);
/* With the lock. */
void attempts_cancel(struct channel_exchange *exchange);

/* attempts_settle.c */

#define ATTEMPTS_OVER (-1)

/* Reads what came of a try: ATTEMPTS_OVER when the call has ended with it, with an answer in
 * exchange->envelope or stub->failure; otherwise the ms until the next try. */
int64_t attempts_settle(struct channel_exchange *exchange, struct attempt *attempt);
int64_t attempts_remaining_ms(const struct channel_exchange *exchange);
/* With the lock: fails when the channel closes or the call was cancelled. */
enum status attempts_fail_stopped(const struct channel_exchange *exchange, struct failure *failure);
void attempts_fail_no_memory(struct channel_exchange *exchange);
void attempts_fail_no_server(struct channel_exchange *exchange);

/* stub.c */

/* Writes a try's message; false when memory is out. */
bool stub_write_try(const struct channel_exchange *exchange, struct attempt *attempt,
                    unsigned number, int64_t timeout_ms);
/* What came of a try: the answer in exchange->envelope, or a failure in stub->failure. */
void stub_read_try(struct channel_exchange *exchange, struct attempt *attempt);
/* Runs the closure with a response or NULL; afterwards the stub may be gone. */
void stub_finish(struct rpc_stub *stub);
