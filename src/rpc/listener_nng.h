/* The inside of listener.h, shared by listener_nng.c (socket, requests, answers) and
 * listener_bundle_nng.c (requests that came together). */
#pragma once

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rpc/listener.h"

struct listener_bundle;

/* One of the socket's, or a part of one that is a bundle. */
struct listener_request {
    struct listener *listener;
    nng_msg *message;
    struct listener_bundle *bundle; /* it is a part of it; NULL: it came alone */

    /* The socket's only. */
    nng_ctx context;
    nng_aio *aio;
    bool is_answering; /* what the aio is busy with: the answer, not the next request */
};

struct listener {
    struct listener_options options;
    bool is_local, is_tls;
    nng_socket socket;
    atomic_size_t answering;
    atomic_bool has_answered;
    pthread_mutex_t lock;         /* for idle */
    struct listener_bundle *idle; /* the last used first: its memory is warm */
    atomic_size_t held_bytes;     /* of answers that wait for others of their bundle */
    size_t request_count;
    struct listener_request requests[];
};

/* listener_nng.c */

/* Sends the message as the answer to one of the socket's requests. NULL: there was no memory for
 * it, and the caller's deadline answers it. */
void listener_send(struct listener_request *request, nng_msg *answer);

/* listener_bundle_nng.c */

/* Hands a bundle's parts to on_request; false when it is none, or there is no memory for it. */
bool listener_split(struct listener_request *request);
/* A part has its answer, or none for want of memory: the last one sends them all. */
void listener_join(struct listener_request *part, nng_msg *answer);
void listener_bundles_free(struct listener *listener);
