/* See endpoint.h. */
#include "rpc/endpoint.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static bool split_host(const char *address, char *host, size_t room, const char **port_out);
static bool is_port(const char *text);
static bool is_loopback(const char *host);

static enum status refuse(struct failure *failure, const char *text, const char *why)
{
    return failure_set(failure, STATUS_INVALID_ARGUMENT, "ENDPOINT_INVALID", "%s: %s", text, why);
}

enum status endpoint_parse(const char *text, struct endpoint *endpoint_out, struct failure *failure)
{
    static const char IPC[] = "ipc://", TCP[] = "tcp://", TLS[] = "tls+tcp://";
    if (strlen(text) > ENDPOINT_TEXT_BYTES_MAX) {
        return refuse(failure, text, "longer than 127 bytes");
    }
    if (strncmp(text, IPC, strlen(IPC)) == 0) {
        const char *path = text + strlen(IPC);
        if (path[0] == '\0' || strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path) {
            return refuse(failure, text, "a socket's path has 1 to 107 bytes");
        }
        *endpoint_out = (struct endpoint){.is_ipc = true, .address = path};
        return STATUS_OK;
    }
    bool is_tls = strncmp(text, TLS, strlen(TLS)) == 0;
    if (!is_tls && strncmp(text, TCP, strlen(TCP)) != 0) {
        return refuse(failure, text, "none of tcp://host:port, tls+tcp://host:port, ipc://path");
    }
    char host[ENDPOINT_TEXT_BYTES_MAX + 1];
    const char *address = text + (is_tls ? strlen(TLS) : strlen(TCP)), *port;
    if (!split_host(address, host, sizeof host, &port) || !is_port(port)) {
        return refuse(failure, text, "not of the form tcp://host:port");
    }
    *endpoint_out = (struct endpoint){
        .is_tls = is_tls,
        .is_loopback = is_loopback(host),
        .address = address,
    };
    return STATUS_OK;
}

/* "[::1]:7400" or "host:7400" */
static bool split_host(const char *address, char *host, size_t room, const char **port_out)
{
    const char *end = address[0] == '[' ? strchr(address, ']') : strchr(address, ':');
    if (end == NULL) {
        return false;
    }
    const char *start = address[0] == '[' ? address + 1 : address;
    const char *colon = address[0] == '[' ? end + 1 : end;
    size_t size = (size_t)(end - start);
    if (*colon != ':' || size == 0 || size >= room) {
        return false;
    }
    memcpy(host, start, size);
    host[size] = '\0';
    *port_out = colon + 1;
    return true;
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 5 && text[digits] == '\0' && strtol(text, NULL, 10) <= 65535;
}

/* An address, not what merely begins like one: "127.0.0.1.example.org" is a name. */
static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (inet_pton(AF_INET6, host, &v6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&v6);
    }
    return strcmp(host, "localhost") == 0;
}
