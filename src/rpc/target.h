/* Target: one of the servers that a channel may send to: its link, and whether it is fit for calls.
 * Used by channel.c (opens, picks) and attempts.c (uses).
 * Always: a connection gets calls only after a health check was answered on it, and loses them when
 * one is not answered in time. Checks are sent when a connection is new, when calls are under way
 * and nothing has been answered lately, and, with growing pauses, while the server is not fit.
 * Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"
#include "rpc/link.h"

struct target;

enum target_fitness {
    TARGET_ABSENT,  /* no connection, or none that answers */
    TARGET_ANSWERS, /* but says that it does not serve: it starts, or it is stopping */
    TARGET_SERVES,
};

struct target_options {
    const char *endpoint; /* copied */
    const struct rpc_tls *tls;
    const struct clock *clock;
    /* It is fit now. On nng's threads; must not block. */
    void (*on_fit)(void *context);
    /* Whether another target serves: then an answer is not waited for long. Likewise. */
    bool (*has_other)(void *context, const struct target *target);
    /* As the link's. */
    bool (*on_many_begin)(void *context);
    void (*on_many_end)(void *context);
    void *context;
};

/* Fails as link_open does. */
enum status target_open(const struct target_options *options, struct target **target_out,
                        struct failure *failure);
/* Ends what is under way on it with LINK_CLOSED. NULL-safe. */
void target_close(struct target *target);
/* When it was closed and its exchanges are destroyed. NULL-safe; nulls the caller's pointer. */
void target_destroy(struct target **target);

const char *target_endpoint(const struct target *target);
struct link *target_link(struct target *target);
enum target_fitness target_fitness(const struct target *target);
/* Whether there is no connection because TLS was refused, by this side or the other one. Not for
 * every call. */
bool target_has_tls_failed(const struct target *target);
/* How often it was given up though it had been fit, and its connection stood. */
uint64_t target_ejections(const struct target *target);
/* Calls that are under way there. */
size_t target_outstanding(const struct target *target);
/* Around each of them. */
void target_enter(struct target *target);
void target_leave(struct target *target, enum link_outcome outcome);
/* It answered that it does nothing: ask at once whether it still serves. */
void target_suspect(struct target *target);
