/* See listener_nng.h: a request that is a bundle, as the requests that it carries. Nobody above
 * notices: each is answered for itself, from any thread, and the last one's answer takes all along.
 * Always: a bundle is in the hands of its parts, from the split until the last one's answer. */
#include <stdlib.h>

#include "rpc/bundle.h"
#include "rpc/listener_nng.h"

/* Finished answers that wait for the others of their bundles count for no call any more. Above this
 * no bundle is read until some have gone: their callers send the calls one by one. */
#define HELD_BYTES_MAX (64UL * 1024 * 1024)
/* A part's message is memory for the part of the next bundle, unless it is larger. */
#define SPARE_BYTES_MAX 1024

struct listener_bundle {
    struct listener_bundle *next;     /* among the idle ones */
    struct listener_request *carrier; /* the socket's request */
    size_t count;
    atomic_size_t open; /* parts without their answer */
    struct listener_request parts[BUNDLE_PARTS_MAX];
};

static struct listener_bundle *take(struct listener *listener);
static void give_back(struct listener *listener, struct listener_bundle *bundle);
static bool fill(struct listener_bundle *bundle, const struct bytes *messages, size_t count);
static bool copy(struct bytes message, nng_msg **copy_out);
static void send_all(struct listener_bundle *bundle);

bool listener_split(struct listener_request *request)
{
    struct bytes messages[BUNDLE_PARTS_MAX];
    size_t count = bundle_read(listener_request_message(request), messages);
    struct listener *listener = request->listener;
    if (count == 0 || atomic_load(&listener->held_bytes) > HELD_BYTES_MAX) {
        return false;
    }
    struct listener_bundle *bundle = take(listener);
    if (bundle == NULL) {
        return false;
    }
    bundle->carrier = request;
    if (!fill(bundle, messages, count)) {
        give_back(listener, bundle);
        return false;
    }
    const struct listener_options *options = &listener->options;
    for (size_t i = 0; i < count; i++) { /* with the last one it may be all over */
        options->on_request(options->context, &bundle->parts[i]);
    }
    return true;
}

/* NULL when memory is out. */
static struct listener_bundle *take(struct listener *listener)
{
    (void)pthread_mutex_lock(&listener->lock);
    struct listener_bundle *bundle = listener->idle;
    if (bundle != NULL) {
        listener->idle = bundle->next;
    }
    (void)pthread_mutex_unlock(&listener->lock);
    return bundle != NULL ? bundle : calloc(1, sizeof *bundle);
}

static void give_back(struct listener *listener, struct listener_bundle *bundle)
{
    (void)pthread_mutex_lock(&listener->lock);
    bundle->next = listener->idle;
    listener->idle = bundle;
    (void)pthread_mutex_unlock(&listener->lock);
}

static bool fill(struct listener_bundle *bundle, const struct bytes *messages, size_t count)
{
    nng_pipe pipe = nng_msg_get_pipe(bundle->carrier->message);
    bundle->count = count;
    atomic_store(&bundle->open, count);
    for (size_t i = 0; i < count; i++) {
        struct listener_request *part = &bundle->parts[i];
        part->listener = bundle->carrier->listener;
        part->bundle = bundle;
        if (!copy(messages[i], &part->message)) {
            return false;
        }
        nng_msg_set_pipe(part->message, pipe);
    }
    return true;
}

static bool copy(struct bytes message, nng_msg **copy_out)
{
    if (*copy_out == NULL && nng_msg_alloc(copy_out, 0) != 0) {
        return false;
    }
    nng_msg_clear(*copy_out);
    return nng_msg_append(*copy_out, message.data, message.size) == 0;
}

void listener_join(struct listener_request *part, nng_msg *answer)
{
    struct listener_bundle *bundle = part->bundle;
    part->message = answer;
    if (answer != NULL) {
        (void)atomic_fetch_add(&part->listener->held_bytes, nng_msg_len(answer));
    }
    if (atomic_fetch_sub(&bundle->open, 1) == 1) {
        send_all(bundle);
    }
}

/* Where there was no memory for an answer it is empty, which is none that can be read. */
static void send_all(struct listener_bundle *bundle)
{
    struct listener_request *carrier = bundle->carrier;
    struct listener *listener = carrier->listener;
    struct bytes answers[BUNDLE_PARTS_MAX];
    size_t bytes = 0;
    for (size_t i = 0; i < bundle->count; i++) {
        nng_msg *answer = bundle->parts[i].message;
        answers[i] = answer == NULL ? bytes_of(NULL, 0)
                                    : bytes_of(nng_msg_body(answer), nng_msg_len(answer));
        bytes += answers[i].size;
    }
    (void)atomic_fetch_sub(&listener->held_bytes, bytes);
    nng_msg *message = carrier->message;
    carrier->message = NULL;
    nng_msg_clear(message);
    if (nng_msg_realloc(message, bundle_size(answers, bundle->count)) == 0) {
        bundle_write(answers, bundle->count, nng_msg_body(message));
    } else {
        nng_msg_free(message);
        message = NULL;
    }
    for (size_t i = 0; i < bundle->count; i++) {
        struct listener_request *part = &bundle->parts[i];
        if (part->message != NULL && nng_msg_capacity(part->message) > SPARE_BYTES_MAX) {
            nng_msg_free(part->message);
            part->message = NULL;
        }
    }
    give_back(listener, bundle);
    listener_send(carrier, message);
}

void listener_bundles_free(struct listener *listener)
{
    while (listener->idle != NULL) {
        struct listener_bundle *bundle = listener->idle;
        listener->idle = bundle->next;
        for (size_t i = 0; i < BUNDLE_PARTS_MAX; i++) {
            nng_msg_free(bundle->parts[i].message);
        }
        free(bundle);
    }
}
