/* See channel_exchange.h: what a try's end means for its call.
 * Always: what is said of a call that failed covers all of its tries: "not done" only when none of
 * them can have been. */
#include <string.h>

#include "rpc/channel_exchange.h"

static int64_t decide(struct channel_exchange *exchange, enum link_outcome outcome);
static void tell_truth(struct channel_exchange *exchange);

int64_t attempts_settle(struct channel_exchange *exchange, struct attempt *attempt)
{
    enum link_outcome outcome = link_exchange_outcome(attempt->link);
    stub_read_try(exchange, attempt);
    exchange->sent_tries += outcome != LINK_NOT_SENT;
    exchange->may_have_run |= outcome == LINK_LOST || outcome == LINK_NO_ANSWER;
    if (exchange->stub->failure.code == STATUS_OK) {
        retry_budget_earn(&exchange->channel->budget);
        return ATTEMPTS_OVER;
    }
    if (outcome == LINK_ANSWERED && exchange->stub->failure.code == STATUS_UNAVAILABLE) {
        target_suspect(attempt->target);
    }
    int64_t delay_ms = decide(exchange, outcome);
    if (delay_ms == ATTEMPTS_OVER) {
        tell_truth(exchange);
        return ATTEMPTS_OVER;
    }
    for (size_t i = 0; i < exchange->channel->target_count; i++) {
        struct attempt *used = &exchange->attempts[i];
        if (atomic_exchange(&used->is_started, false)) {
            link_exchange_reset(used->link);
        }
    }
    return delay_ms;
}

static int64_t decide(struct channel_exchange *exchange, enum link_outcome outcome)
{
    struct rpc_channel *channel = exchange->channel;
    const struct failure *failure = &exchange->stub->failure;
    const struct retry_try last = {
        .code = failure->code,
        .was_sent = outcome != LINK_NOT_SENT,
        .is_lost = outcome == LINK_LOST,
        .is_draining = strcmp(failure->reason, "DRAINING") == 0,
        .retry_delay_ms = failure->retry_delay_ms,
    };
    const struct retry_call call = {
        .is_repeatable = exchange->carries_request_id ||
                         rpc_idempotency_of(exchange->path) != RPC_EFFECTS_UNKNOWN,
        .tries = exchange->sent_tries,
        .tries_max = channel->tries_max,
        .has_other = targets_have_untried(channel, exchange->tried),
    };
    if (!retry_is_allowed(&call, &last)) {
        return ATTEMPTS_OVER;
    }
    int64_t delay_ms = retry_delay_ms(channel->clock, &call, &last);
    if (delay_ms >= attempts_remaining_ms(exchange) ||
        (last.was_sent && !retry_budget_take(&channel->budget))) {
        return ATTEMPTS_OVER;
    }
    return delay_ms;
}

/* The last try was not done; but one before it may have been. */
static void tell_truth(struct channel_exchange *exchange)
{
    struct failure *failure = &exchange->stub->failure;
    bool says_not_done = failure->code == STATUS_UNAVAILABLE || failure->code == STATUS_ABORTED ||
                         failure->code == STATUS_RESOURCE_EXHAUSTED;
    if (says_not_done && exchange->may_have_run &&
        rpc_idempotency_of(exchange->path) != RPC_NO_SIDE_EFFECTS) {
        (void)failure_set(failure, STATUS_UNKNOWN, "CONNECTION_LOST",
                          "the connection broke before the answer, and no other try was answered; "
                          "it may have been done");
    }
}

int64_t attempts_remaining_ms(const struct channel_exchange *exchange)
{
    int64_t ms = exchange->deadline_ms - clock_monotonic_ms(exchange->channel->clock);
    return ms > 0 ? ms : 0;
}

/* With the lock. */
enum status attempts_fail_stopped(const struct channel_exchange *exchange, struct failure *failure)
{
    const char *done = exchange->sent_tries > 0 ? "it may have been done" : "not done";
    if (exchange->channel->closing) {
        return failure_set(failure, STATUS_CANCELLED, "CHANNEL_CLOSED",
                           "the channel was closed: %s", done);
    }
    if (exchange->is_cancelled) {
        return failure_set(failure, STATUS_CANCELLED, "CALL_CANCELLED",
                           "the caller cancelled it: %s", done);
    }
    return STATUS_OK;
}

void attempts_fail_no_memory(struct channel_exchange *exchange)
{
    (void)failure_set(&exchange->stub->failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                      "not done: no memory for the call");
    tell_truth(exchange);
}

void attempts_fail_no_server(struct channel_exchange *exchange)
{
    struct rpc_channel *channel = exchange->channel;
    struct failure *failure = &exchange->stub->failure;
    (void)failure_set(failure, STATUS_UNAVAILABLE, "NO_SERVER",
                      "not done: no server took the call in time");
    for (size_t i = 0; i < channel->target_count; i++) {
        if (target_has_tls_failed(channel->targets[i])) {
            (void)failure_set(failure, STATUS_UNAVAILABLE, "TLS_FAILED",
                              "not done: no TLS connection, because one side's certificate is not "
                              "signed by the other's CA, has another name or is out of date");
        }
    }
    tell_truth(exchange);
}
