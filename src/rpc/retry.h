/* Retry: when a call may be tried once more, and when. Pure but for the budget's atomic.
 * A try may be repeated when it provably was not done, or when doing it twice is as good as once.
 * The budget keeps a fleet of callers from doubling the load of servers that are down: a retry
 * costs a token, a success earns a tenth of one. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"

#define RETRY_TRIES_DEFAULT  4  /* one for each way to meet a server that restarts, and one more */
#define RETRY_BACKOFF_MS     20 /* the first; doubled each time */
#define RETRY_BACKOFF_MS_MAX 500

/* What became of a try. */
struct retry_try {
    enum status code;
    bool was_sent;          /* it may have reached a server */
    bool is_lost;           /* the connection broke before the answer */
    bool is_draining;       /* the server is stopping: its delay says nothing about the others */
    int64_t retry_delay_ms; /* the server's; 0 = not said */
};

struct retry_call {
    bool is_repeatable; /* without effects, idempotent, or carrying a request_id */
    unsigned tries;     /* that may have reached a server, this one included */
    unsigned tries_max;
    bool has_other; /* another server is there that was not tried */
};

/* Whether another try could do good and no harm; tokens are not asked for. */
bool retry_is_allowed(const struct retry_call *call, const struct retry_try *last);
/* How long to wait before it. */
int64_t retry_delay_ms(const struct clock *clock, const struct retry_call *call,
                       const struct retry_try *last);

/* Enough tokens that all calls under way can move to another server at once. */
struct retry_budget {
    atomic_long tenths; /* of tokens */
    long tenths_max;
};

void retry_budget_init(struct retry_budget *budget, size_t tokens_max);
/* False when there is none. */
bool retry_budget_take(struct retry_budget *budget);
void retry_budget_earn(struct retry_budget *budget);
