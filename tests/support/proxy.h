/* Proxy: a TCP connection in the middle of which a test stands - to freeze it, or to cut it just
 * when the answer comes. One connection at a time, one thread. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum proxy_mode {
    PROXY_PASS,
    PROXY_HOLD,   /* passes nothing on, either way; accepts */
    PROXY_CUT,    /* closes when the server's next bytes come, and does not pass them on */
    PROXY_REFUSE, /* closes what there is and what comes */
};

struct proxy {
    uint16_t port;        /* to connect to, on 127.0.0.1 */
    uint16_t server_port; /* on 127.0.0.1 */
    int listener, wake[2], client, server;
    atomic_int mode;
    atomic_bool stopping;
    pthread_t thread;
};

void proxy_start(struct proxy *proxy, uint16_t server_port);
void proxy_stop(struct proxy *proxy);
/* In force when it returns, but for bytes that are being passed on. */
void proxy_set(struct proxy *proxy, enum proxy_mode mode);
