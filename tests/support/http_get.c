/* See http_get.h. */
#include "tests/support/http_get.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/cmocka_all.h"

#define ANSWER_BYTES_MAX (1024 * 1024)

char *http_get(uint16_t port, const char *verb, const char *path)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char request[256];
    char *answer = calloc(1, ANSWER_BYTES_MAX);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_non_null(answer);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int size =
        snprintf(request, sizeof request,
                 "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", verb, path);
    assert_int_equal(write(fd, request, (size_t)size), size);
    size_t used = 0;
    for (ssize_t got; (got = read(fd, answer + used, ANSWER_BYTES_MAX - 1 - used)) > 0;) {
        used += (size_t)got;
    }
    (void)close(fd);
    return answer;
}
