/* HTTP get: one request over a connection of its own, for tests. */
#pragma once

#include <stdint.h>

/* The whole answer, head and body, NUL-terminated; the caller frees. Fails the test when nothing
 * listens on 127.0.0.1:port. */
char *http_get(uint16_t port, const char *verb, const char *path);
