/* See http_socket.h. */
#include "http/http_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_BYTES 256
#define BACKLOG    1024 /* a rush of new connections; the kernel cuts it to somaxconn */

static bool split(const char *address, char host[HOST_BYTES], const char **port_out);
static int open_socket(const struct addrinfo *found);

enum status http_socket_listen(const char *address, int *socket_out, struct failure *failure)
{
    char host[HOST_BYTES];
    const char *port;
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (!split(address, host, &port)) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "LISTEN_FAILED", "%s is not host:port",
                           address);
    }
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "LISTEN_FAILED", "%s: %s", address,
                           gai_strerror(error));
    }
    int listening = open_socket(found);
    int reason = errno;
    freeaddrinfo(found);
    if (listening < 0) {
        return failure_set(failure, STATUS_UNAVAILABLE, "LISTEN_FAILED", "%s: %s", address,
                           strerror(reason));
    }
    *socket_out = listening;
    return STATUS_OK;
}

uint16_t http_socket_port(int socket)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    if (getsockname(socket, (struct sockaddr *)&name, &size) != 0) {
        return 0;
    }
    return name.ss_family == AF_INET6
               ? ntohs(((const struct sockaddr_in6 *)(const void *)&name)->sin6_port)
               : ntohs(((const struct sockaddr_in *)(const void *)&name)->sin_port);
}

static bool split(const char *address, char host[HOST_BYTES], const char **port_out)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || colon[1] == '\0') {
        return false;
    }
    const char *first = address;
    size_t size = (size_t)(colon - address);
    if (*first == '[' && colon[-1] == ']') {
        first++;
        size -= 2;
    }
    if (size == 0 || size >= HOST_BYTES) {
        return false;
    }
    memcpy(host, first, size);
    host[size] = '\0';
    *port_out = colon + 1;
    return true;
}

static int open_socket(const struct addrinfo *found)
{
    int one = 1;
    int listening = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, found->ai_protocol);
    if (listening < 0) {
        return -1;
    }
    (void)setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listening, found->ai_addr, found->ai_addrlen) != 0 ||
        listen(listening, BACKLOG) != 0) {
        int reason = errno;
        (void)close(listening);
        errno = reason;
        return -1;
    }
    return listening;
}
