/* See peer_nng.h. */
#include "rpc/peer_nng.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <nng/transport/ipc/ipc.h>
#include <stdio.h>

static bool print_address(const nng_sockaddr *address, char out[RPC_PEER_BYTES]);

void peer_print(nng_pipe pipe, bool is_ipc, char out[RPC_PEER_BYTES])
{
    uint64_t uid;
    nng_sockaddr address;
    if (is_ipc && nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) == 0) {
        (void)snprintf(out, RPC_PEER_BYTES, "uid:%" PRIu64, uid);
    } else if (is_ipc || nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address) != 0 ||
               !print_address(&address, out)) {
        (void)snprintf(out, RPC_PEER_BYTES, "gone");
    }
}

static bool print_address(const nng_sockaddr *address, char out[RPC_PEER_BYTES])
{
    char host[INET6_ADDRSTRLEN];
    if (address->s_family == NNG_AF_INET &&
        inet_ntop(AF_INET, &address->s_in.sa_addr, host, sizeof host) != NULL) {
        (void)snprintf(out, RPC_PEER_BYTES, "%s:%u", host, ntohs(address->s_in.sa_port));
        return true;
    }
    if (address->s_family == NNG_AF_INET6 &&
        inet_ntop(AF_INET6, address->s_in6.sa_addr, host, sizeof host) != NULL) {
        (void)snprintf(out, RPC_PEER_BYTES, "[%s]:%u", host, ntohs(address->s_in6.sa_port));
        return true;
    }
    return false;
}
