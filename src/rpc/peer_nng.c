/* See peer_nng.h. */
#include "rpc/peer_nng.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/transport/ipc/ipc.h>
#include <stdio.h>
#include <string.h>

static bool is_name(const char *name);
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

void peer_principal(nng_pipe pipe, bool is_ipc, bool is_tls, char out[RPC_PRINCIPAL_BYTES])
{
    uint64_t uid;
    char *name = NULL;
    (void)snprintf(out, RPC_PRINCIPAL_BYTES, "anonymous");
    if (is_ipc && nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) == 0) {
        (void)snprintf(out, RPC_PRINCIPAL_BYTES, "uid:%" PRIu64, uid);
    } else if (is_tls && nng_pipe_get_string(pipe, NNG_OPT_TLS_PEER_CN, &name) == 0) {
        if (is_name(name)) {
            (void)snprintf(out, RPC_PRINCIPAL_BYTES, "cn:%s", name);
        }
        nng_strfree(name);
    }
}

/* Names are compared with the policy's: what would be cut or looks like another is none. */
static bool is_name(const char *name)
{
    size_t size =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@");
    return size > 0 && size < RPC_PRINCIPAL_BYTES - 3 && name[size] == '\0';
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
