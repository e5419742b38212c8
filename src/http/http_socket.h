/* HTTP socket: opens what a server listens on. */
#pragma once

#include <stdint.h>

#include "base/status.h"

/* "127.0.0.1:8080", "[::]:8080", "localhost:0". Fails with LISTEN_FAILED. */
enum status http_socket_listen(const char *address, int *socket_out, struct failure *failure);
uint16_t http_socket_port(int socket);
