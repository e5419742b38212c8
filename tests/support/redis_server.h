/* Redis server: a private redis-server of a test, on a unix socket in a directory of its own, with
 * an append-only file. Needs TEST_REDIS_SERVER. Every function fails the test when it cannot. */
#pragma once

#include "tests/support/process.h"

struct redis_server {
    struct process process;
    char directory[64];
    char socket[96]; /* path */
    char url[128];   /* unix://... */
};

/* Starts it and waits until it answers. */
void redis_server_create(struct redis_server *server);
/* Ends it, whatever state it is in, and removes its files. */
void redis_server_destroy(struct redis_server *server);
/* SIGKILL: what was written is in the file, what was cached is gone. */
void redis_server_kill(struct redis_server *server);
/* Again with the same files, with these settings added ("--maxmemory", "1", NULL) or NULL; waits
 * until it answers. */
void redis_server_start(struct redis_server *server, const char *const *settings);
/* SIGSTOP; SIGCONT. */
void redis_server_freeze(struct redis_server *server);
void redis_server_thaw(struct redis_server *server);
/* The last of its append-only files, where writes go. */
void redis_server_append_file(struct redis_server *server, char *path_out, size_t room);
