/* TLS: what a channel shows to servers and wants to see of them, over tls+tcp. Both sides have
 * certificates: there is no TLS without. */
#pragma once

struct rpc_tls {
    const char *ca_file;     /* PEM: who signs the certificates of servers */
    const char *cert_file;   /* PEM: the caller's certificate, then its key */
    const char *server_name; /* that a server's certificate must have; NULL or "" = the host of the
                                endpoint */
};
