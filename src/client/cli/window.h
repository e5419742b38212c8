/* Window: many calls under way over one channel, with a bound, each repeated with the same request
 * until there is an answer or no sense in going on.
 * One thread (the owner) takes free jobs, fills in a request, starts them, and hears how they ended
 * inside window_take() and window_drain(); the channel's thread only files answers.
 * Always: no more than `size` calls under way; what may have been executed is repeated with the
 * very same request, so requests must carry a request_id. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/clock.h"
#include "rpc/channel.h"

struct window;

struct window_job {
    struct arena arena; /* the request and all that belongs to it; reset when the job is taken */
    void *subject;      /* the owner's, usually in the arena */
    const char *method; /* set before window_start(), as is the request */
    const ProtobufCMessage *request;
    ProtobufCMessage *response; /* when it ended: the answer, in the arena, or NULL and failure */
    struct failure failure;
};

struct window_options {
    struct rpc_channel *channel;
    const ProtobufCServiceDescriptor *service;
    size_t size;
    unsigned attempts;                   /* of a job at most */
    int64_t backoff_ms, backoff_ms_most; /* between them, or longer where the server says so */
    const struct clock *clock;
    /* Whether a job should be repeated although it was answered; then says in its failure what for
     * and, maybe, when. NULL: none is. */
    bool (*is_unfinished)(struct window_job *job);
    /* A job has ended. True: it goes on, window_start() was called for it again. */
    bool (*on_end)(void *context, struct window *window, struct window_job *job);
    void *context;
};

/* NULL when memory is out. */
struct window *window_create(const struct window_options *options);
/* Nothing may be under way. NULL-safe; nulls the caller's pointer. */
void window_destroy(struct window **window);
/* Waits for a job that is free. */
struct window_job *window_take(struct window *window);
void window_start(struct window *window, struct window_job *job);
/* Waits until all have ended; with `give_up`, jobs that wait to be repeated end as they are. */
void window_drain(struct window *window, bool give_up);
/* A job was given up, and not one call got an answer while it tried: there is no server. */
bool window_is_dead(const struct window *window);
