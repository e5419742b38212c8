/* Listener: one endpoint of a server; messages in, messages out, knows no call.
 * Implemented by listener_nng.c, used by intake (requests) and call (answers).
 * Always: of all messages that are there at the same time, `requests_max` are seen; only what comes
 * above that waits unseen in sockets. A message may hold several requests
 * (proto/rpc/v1/envelope.proto), which are answered together. So requests_max is the server's limit
 * and a margin, in which requests are seen to be refused. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"
#include "rpc/access.h"
#include "rpc/envelope.h"
#include "rpc/security.h"

struct listener;
/* A request from its arrival to its answer, and the message it came as. */
struct listener_request;

struct listener_options {
    const char *endpoint;
    bool allow_plain_tcp; /* tcp beyond the loopback */
    struct rpc_security security;
    size_t requests_max;
    /* On nng's threads, several at once: must not block. Each request is answered exactly once,
     * from there or later from any thread. */
    void (*on_request)(void *context, struct listener_request *request);
    void *context;
};

/* Fails with ENDPOINT_INVALID, ENDPOINT_IN_USE, ENDPOINT_FAILED. */
enum status listener_open(const struct listener_options *options, struct listener **listener_out,
                          struct failure *failure);
/* Lets answers go out (a second at most), then closes. All requests must have been answered.
 * NULL-safe; nulls the caller's pointer. */
void listener_close(struct listener **listener);

/* Valid until the answer. */
struct bytes listener_request_message(const struct listener_request *request);
/* See security.h. */
void listener_request_principal(const struct listener_request *request,
                                char out[RPC_PRINCIPAL_BYTES]);
/* Whether it came over ipc. */
bool listener_request_is_local(const struct listener_request *request);
/* "uid:1000", "127.0.0.1:40123", "[::1]:40123"; "gone" when the connection is. */
void listener_request_peer(const struct listener_request *request, char out[RPC_PEER_BYTES]);
/* Takes the request back and sends the answer: the response's envelope, then `payload` (NULL with a
 * failure), whose packed size the caller knows. A peer that is gone is not an error. */
void listener_answer(struct listener_request *request, const struct envelope_response *response,
                     const ProtobufCMessage *payload, size_t payload_size);
