/* Peer: who is at the other end of a connection, as nng knows it. Used by listener_nng.c. */
#pragma once

#include <nng/nng.h>
#include <stdbool.h>

#include "rpc/access.h"

/* "uid:1000", "127.0.0.1:40123", "[::1]:40123"; "gone" when the connection is. */
void peer_print(nng_pipe pipe, bool is_ipc, char out[RPC_PEER_BYTES]);
