/* Fake Redis: a thread on a unix socket that answers as a test wrote down. It counts commands by
 * their form, answers the PING of the handshake, and then gives the script's bytes.
 * Used by the unit tests of src/redis. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct fake_redis {
    const char *script; /* sent once, when the first command after PING has come */
    bool closes;        /* after the script; otherwise it goes on listening */
    char directory[64];
    char socket[96], url[128];
    int listener, stop[2];
    size_t connections, bytes; /* bytes: of commands, without PING */
    pthread_t thread;
};

void fake_redis_start(struct fake_redis *fake, const char *script, bool closes);
void fake_redis_stop(struct fake_redis *fake);
