/* See free_port.h. The system's own choice (port 0) is one of those that it gives to outgoing
 * connections, too: on a busy machine one of them had it before the server that it was meant for.
 */
#include "tests/support/free_port.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* Below Linux' range of outgoing connections (32768 to 60999), and below the ports of ./dev. */
#define PORT_FIRST 10000
#define PORT_COUNT 10000
#define TRIES_MAX  100

static bool is_free(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    bool is_bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_bound;
}

uint16_t free_port(void)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        uint16_t chance = 0;
        if (getrandom(&chance, sizeof chance, 0) != sizeof chance) {
            break;
        }
        uint16_t port = (uint16_t)(PORT_FIRST + chance % PORT_COUNT);
        if (is_free(port)) {
            return port;
        }
    }
    (void)fprintf(stderr, "no free port\n");
    abort();
}
