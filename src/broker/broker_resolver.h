/* Resolver: whether a host name resolves, asked with a deadline.
 * getaddrinfo, which rabbitmq-c calls to connect, knows none: with a DNS server that is away it
 * blocks for tens of seconds. So the name is looked up aside first, and rabbitmq-c only gets a name
 * that has resolved just now. Used by broker_link.c. */
#pragma once

#include "base/clock.h"
#include "base/status.h"

struct broker_lookup;

struct broker_resolver {
    struct broker_lookup *running; /* what an earlier call did not wait for to the end */
};

/* OK: it does, or is an address. UNAVAILABLE: it does not, or not in time. */
enum status broker_resolver_check(struct broker_resolver *resolver, const char *host,
                                  int64_t deadline_ms, const struct clock *clock,
                                  struct failure *failure);
/* Does not wait for what still runs. */
void broker_resolver_fini(struct broker_resolver *resolver);
