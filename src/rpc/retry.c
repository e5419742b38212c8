/* See retry.h. */
#include "rpc/retry.h"

#define TENTHS_OF_A_TOKEN 10

bool retry_is_allowed(const struct retry_call *call, const struct retry_try *last)
{
    if (!last->was_sent) {
        return true; /* its deadline bounds it */
    }
    bool is_worth_it = last->code == STATUS_UNAVAILABLE || last->is_lost;
    return is_worth_it && call->is_repeatable && call->tries < call->tries_max;
}

int64_t retry_delay_ms(const struct clock *clock, const struct retry_call *call,
                       const struct retry_try *last)
{
    if (!last->was_sent) {
        return 0;
    }
    if (call->has_other && (last->is_draining || last->retry_delay_ms == 0)) {
        return 0;
    }
    if (last->retry_delay_ms > 0) {
        return last->retry_delay_ms;
    }
    unsigned before = call->tries > 0 ? call->tries - 1 : 0;
    return clock_backoff_ms(clock, before, RETRY_BACKOFF_MS, RETRY_BACKOFF_MS_MAX);
}

void retry_budget_init(struct retry_budget *budget, size_t tokens_max)
{
    budget->tenths_max = (long)tokens_max * TENTHS_OF_A_TOKEN;
    atomic_init(&budget->tenths, budget->tenths_max);
}

bool retry_budget_take(struct retry_budget *budget)
{
    long tenths = atomic_load(&budget->tenths);
    while (tenths >= TENTHS_OF_A_TOKEN) {
        if (atomic_compare_exchange_weak(&budget->tenths, &tenths, tenths - TENTHS_OF_A_TOKEN)) {
            return true;
        }
    }
    return false;
}

void retry_budget_earn(struct retry_budget *budget)
{
    long tenths = atomic_load_explicit(&budget->tenths, memory_order_relaxed);
    while (tenths < budget->tenths_max) {
        if (atomic_compare_exchange_weak(&budget->tenths, &tenths, tenths + 1)) {
            return;
        }
    }
}
