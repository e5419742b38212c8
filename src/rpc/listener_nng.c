/* See listener.h. A REP socket with `requests_max` contexts: nng gives each context one request at
 * a time and takes its answer back along the same connection. nng's callbacks run on its own few
 * threads; one that blocks stops all of nng.
 * Not here: requests that come in one message (listener_bundle_nng.c). */
#include "rpc/listener_nng.h"

#include <assert.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/tls/tls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rpc/endpoint.h"
#include "rpc/limits.h"
#include "rpc/peer_nng.h"
#include "rpc/tune_nng.h"

/* nng counts its own request id, 4 bytes for each hop, 8 at most. */
#define NNG_HEADER_BYTES_MAX 32
/* A peer that does not read its answers must not keep a context for longer. */
#define ANSWER_TIMEOUT_MS 2000
#define CLOSE_WAIT_MS     1000
/* A peer that finds an ipc connection closed drops what it has not read yet: time to read it. */
#define CLOSE_LINGER_MS 100
/* Two ids, a message, all that struct failure holds twice. */
#define FAILURE_ENVELOPE_BYTES_MAX 4096
#define SUCCESS_ENVELOPE_BYTES_MAX 256

static enum status open_socket(struct listener *listener, struct failure *failure);
static enum status open_requests(struct listener *listener, struct failure *failure);
static enum status start_listening(struct listener *listener, const struct endpoint *endpoint,
                                   struct failure *failure);
static int secure(nng_listener handle, const struct endpoint *endpoint,
                  const struct rpc_security *security);
static enum status explain(struct failure *failure, const char *endpoint, int error);
static void wait_for_answers(struct listener *listener);
static void destroy(struct listener *listener);
static void on_completion(void *argument);
static void free_message(nng_aio *aio);
static void receive(struct listener_request *request);
static nng_msg *make_failure(nng_msg *message, const struct envelope_response *response);
static nng_msg *make_success(nng_msg *message, const struct envelope_response *response,
                             const ProtobufCMessage *payload, size_t payload_size);
static nng_msg *overwrite(nng_msg *message, const uint8_t *head, size_t head_size,
                          size_t payload_size);

enum status listener_open(const struct listener_options *options, struct listener **listener_out,
                          struct failure *failure)
{
    struct endpoint endpoint;
    enum status status = endpoint_parse(options->endpoint, &endpoint, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct listener *listener =
        calloc(1, sizeof *listener + options->requests_max * sizeof listener->requests[0]);
    if (listener == NULL) {
        return explain(failure, options->endpoint, NNG_ENOMEM);
    }
    listener->options = *options;
    (void)pthread_mutex_init(&listener->lock, NULL);
    listener->is_local = endpoint.is_ipc;
    listener->is_tls = endpoint.is_tls;
    status = open_socket(listener, failure);
    if (status != STATUS_OK) {
        (void)pthread_mutex_destroy(&listener->lock);
        free(listener);
        return status;
    }
    status = open_requests(listener, failure);
    if (status == STATUS_OK) {
        status = start_listening(listener, &endpoint, failure);
    }
    if (status != STATUS_OK) {
        destroy(listener);
        return status;
    }
    *listener_out = listener;
    return STATUS_OK;
}

static enum status open_socket(struct listener *listener, struct failure *failure)
{
    tune_nng();
    int error = nng_rep0_open(&listener->socket);
    if (error != 0) {
        return explain(failure, listener->options.endpoint, error);
    }
    (void)nng_socket_set_size(listener->socket, NNG_OPT_RECVMAXSZ,
                              RPC_MESSAGE_BYTES_MAX + NNG_HEADER_BYTES_MAX);
    return STATUS_OK;
}

static enum status open_requests(struct listener *listener, struct failure *failure)
{
    while (listener->request_count < listener->options.requests_max) {
        struct listener_request *request = &listener->requests[listener->request_count];
        request->listener = listener;
        int error = nng_aio_alloc(&request->aio, on_completion, request);
        if (error == 0) {
            error = nng_ctx_open(&request->context, listener->socket);
            if (error != 0) {
                nng_aio_free(request->aio);
            }
        }
        if (error != 0) {
            return explain(failure, listener->options.endpoint, error);
        }
        listener->request_count++;
        receive(request);
    }
    return STATUS_OK;
}

static enum status start_listening(struct listener *listener, const struct endpoint *endpoint,
                                   struct failure *failure)
{
    const char *text = listener->options.endpoint;
    if (!endpoint->is_ipc && !endpoint->is_tls && !endpoint->is_loopback &&
        !listener->options.allow_plain_tcp) {
        return failure_set(
            failure, STATUS_INVALID_ARGUMENT, "ENDPOINT_INVALID",
            "%s: plain tcp is for loopback only (127.0.0.1, [::1], localhost), unless "
            "allow-plain-tcp says that this network is private",
            text);
    }
    /* nng replaces the socket that a dead server left; it would replace any other file, too. */
    struct stat found;
    if (endpoint->is_ipc && lstat(endpoint->address, &found) == 0 && !S_ISSOCK(found.st_mode)) {
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "ENDPOINT_FAILED",
                           "%s: there is something that is no socket", text);
    }
    const struct rpc_security *security = &listener->options.security;
    if (endpoint->is_tls && (security->tls_cert_file == NULL || security->tls_ca_file == NULL)) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "ENDPOINT_INVALID",
                           "%s: tls needs a certificate and the CA of the callers", text);
    }
    nng_listener handle;
    int error = nng_listener_create(&handle, listener->socket, text);
    if (error == 0) {
        error = secure(handle, endpoint, security);
    }
    if (error == 0) {
        error = nng_listener_start(handle, 0);
    }
    return error == 0 ? STATUS_OK : explain(failure, text, error);
}

/* Over tls nobody gets in without a certificate that the CA has signed. */
static int secure(nng_listener handle, const struct endpoint *endpoint,
                  const struct rpc_security *security)
{
    if (endpoint->is_ipc) {
        int mode = security->ipc_mode != 0 ? (int)security->ipc_mode : 0600;
        return nng_listener_set_int(handle, NNG_OPT_IPC_PERMISSIONS, mode);
    }
    int error = nng_listener_set_bool(handle, NNG_OPT_TCP_KEEPALIVE, true);
    if (!endpoint->is_tls || error != 0) {
        return error;
    }
    error = nng_listener_set_string(handle, NNG_OPT_TLS_CERT_KEY_FILE, security->tls_cert_file);
    if (error == 0) {
        error = nng_listener_set_string(handle, NNG_OPT_TLS_CA_FILE, security->tls_ca_file);
    }
    if (error == 0) {
        error = nng_listener_set_int(handle, NNG_OPT_TLS_AUTH_MODE, NNG_TLS_AUTH_MODE_REQUIRED);
    }
    return error;
}

static enum status explain(struct failure *failure, const char *endpoint, int error)
{
    switch (error) {
    case NNG_ENOMEM:
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "no memory to listen on %s", endpoint);
    case NNG_EADDRINUSE:
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "ENDPOINT_IN_USE",
                           "%s: another server listens there", endpoint);
    default:
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "ENDPOINT_FAILED",
                           "cannot listen on %s: %s", endpoint, nng_strerror(error));
    }
}

void listener_close(struct listener **listener)
{
    if (*listener == NULL) {
        return;
    }
    wait_for_answers(*listener);
    destroy(*listener);
    *listener = NULL;
}

static void wait_for_answers(struct listener *listener)
{
    const int step_ms = 5;
    for (int ms = 0; ms < CLOSE_WAIT_MS && atomic_load(&listener->answering) > 0; ms += step_ms) {
        nng_msleep(step_ms);
    }
    if (atomic_load(&listener->has_answered)) {
        nng_msleep(CLOSE_LINGER_MS);
    }
}

static void destroy(struct listener *listener)
{
    /* First the operations, then the socket: docs/decisions/0012. */
    for (size_t i = 0; i < listener->request_count; i++) {
        nng_aio_stop(listener->requests[i].aio);
    }
    (void)nng_close(listener->socket);
    for (size_t i = 0; i < listener->request_count; i++) {
        free_message(listener->requests[i].aio);
        nng_aio_free(listener->requests[i].aio);
    }
    listener_bundles_free(listener);
    (void)pthread_mutex_destroy(&listener->lock);
    free(listener);
}

/* Of an answer that did not go: nng gave it back, or never took it, because the operation was begun
 * when it had been stopped already - then nobody is called back, either. */
static void free_message(nng_aio *aio)
{
    nng_msg *message = aio == NULL ? NULL : nng_aio_get_msg(aio);
    if (message != NULL) {
        nng_msg_free(message);
        nng_aio_set_msg(aio, NULL);
    }
}

static void receive(struct listener_request *request)
{
    request->is_answering = false;
    nng_aio_set_timeout(request->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(request->context, request->aio);
}

static void on_completion(void *argument)
{
    struct listener_request *request = argument;
    struct listener *listener = request->listener;
    int error = nng_aio_result(request->aio);
    if (request->is_answering) {
        (void)atomic_fetch_sub(&listener->answering, 1);
        if (error != 0) {
            free_message(request->aio);
        }
    } else if (error == 0) {
        request->message = nng_aio_get_msg(request->aio);
        nng_aio_set_msg(request->aio, NULL);
        if (!listener_split(request)) {
            listener->options.on_request(listener->options.context, request);
        }
        return;
    }
    if (error != NNG_ECLOSED && error != NNG_ECANCELED) {
        receive(request);
    }
}

struct bytes listener_request_message(const struct listener_request *request)
{
    return bytes_of(nng_msg_body(request->message), nng_msg_len(request->message));
}

bool listener_request_is_local(const struct listener_request *request)
{
    return request->listener->is_local;
}

void listener_request_principal(const struct listener_request *request,
                                char out[RPC_PRINCIPAL_BYTES])
{
    const struct listener *listener = request->listener;
    peer_principal(nng_msg_get_pipe(request->message), listener->is_local, listener->is_tls, out);
}

void listener_request_peer(const struct listener_request *request, char out[RPC_PEER_BYTES])
{
    peer_print(nng_msg_get_pipe(request->message), request->listener->is_local, out);
}

void listener_answer(struct listener_request *request, const struct envelope_response *response,
                     const ProtobufCMessage *payload, size_t payload_size)
{
    nng_msg *answer = payload == NULL
                          ? make_failure(request->message, response)
                          : make_success(request->message, response, payload, payload_size);
    request->message = NULL;
    if (request->bundle != NULL) {
        listener_join(request, answer);
    } else {
        listener_send(request, answer);
    }
}

void listener_send(struct listener_request *request, nng_msg *answer)
{
    if (answer == NULL) {
        receive(request); /* the caller's deadline answers it */
        return;
    }
    struct listener *listener = request->listener;
    if (!atomic_load_explicit(&listener->has_answered, memory_order_relaxed)) {
        atomic_store_explicit(&listener->has_answered, true, memory_order_relaxed);
    }
    (void)atomic_fetch_add(&listener->answering, 1);
    request->is_answering = true;
    nng_aio_set_msg(request->aio, answer);
    nng_aio_set_timeout(request->aio, ANSWER_TIMEOUT_MS);
    nng_ctx_send(request->context, request->aio);
}

/* Apart from a success, which needs no kilobytes of stack. NULL when memory is out, as from
 * overwrite. */
static nng_msg *make_failure(nng_msg *message, const struct envelope_response *response)
{
    uint8_t head[FAILURE_ENVELOPE_BYTES_MAX];
    size_t size = envelope_encode_response(response, head, sizeof head);
    return overwrite(message, head, size, 0);
}

static nng_msg *make_success(nng_msg *message, const struct envelope_response *response,
                             const ProtobufCMessage *payload, size_t payload_size)
{
    uint8_t head[SUCCESS_ENVELOPE_BYTES_MAX];
    size_t size = envelope_encode_response(response, head, sizeof head);
    nng_msg *answer = overwrite(message, head, size, payload_size);
    if (answer != NULL) {
        (void)protobuf_c_message_pack(payload, (uint8_t *)nng_msg_body(answer) + size);
    }
    return answer;
}

/* An answer takes the memory of its request, of which nothing is needed any more: what of it a
 * response may show was copied when it was decoded. NULL, and the message is gone, when memory is
 * out. */
static nng_msg *overwrite(nng_msg *message, const uint8_t *head, size_t head_size,
                          size_t payload_size)
{
    assert(head_size > 0);
    nng_msg_clear(message);
    if (nng_msg_realloc(message, head_size + payload_size) != 0) {
        nng_msg_free(message);
        return NULL;
    }
    memcpy(nng_msg_body(message), head, head_size);
    return message;
}
