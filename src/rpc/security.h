/* Security: who may connect to a server, and who a caller is said to be.
 * A caller's principal: "uid:1000" over ipc (the system says so), "cn:NAME" over tls+tcp (its
 * certificate, which the server's CA has signed), "anonymous" over plain tcp. */
#pragma once

#include <stdbool.h>

#include "base/status.h"

#define RPC_PRINCIPAL_BYTES 72 /* "cn:" and X.509's 64, and the NUL */

struct rpc_call;

struct rpc_security {
    unsigned ipc_mode;         /* of the socket's file; 0 = 0600 */
    const char *tls_cert_file; /* PEM: the server's certificate and key; for tls+tcp only */
    const char *tls_ca_file;   /* PEM: who signs the certificates of callers; each needs one */
    /* Whether the call may be made, asked before anything is done for it, on the listener's
     * threads: must not block. Not OK: it is refused with *failure. NULL = all may all. */
    enum status (*authorize)(void *context, const struct rpc_call *call, struct failure *failure);
    void *context;
};
