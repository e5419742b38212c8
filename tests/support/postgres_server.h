/* PostgreSQL server: a cluster of a test's own, for faults that the shared one must not suffer - it
 * is killed, fills its disk, falls over to a standby. Needs pg_config and, as root, user postgres.
 * Every function fails the test, with the log's last lines, when something does not come up. */
#pragma once

#include "tests/support/process.h"

struct postgres_server {
    struct process process;
    char directory[64]; /* of the data, removed at the end */
    uint16_t port;
    char url[128]; /* of database "postgres": what database_create copies its template in */
};

/* An empty cluster that runs; settings: lines of its configuration, or NULL. */
void postgres_server_create(struct postgres_server *server, const char *settings);
/* A standby of a server that runs, on another port: does not run yet. */
void postgres_server_copy(struct postgres_server *standby, const struct postgres_server *of);
void postgres_server_start(struct postgres_server *server);
/* SIGKILL of all of it: what was committed is in its files. */
void postgres_server_kill(struct postgres_server *server);
/* SIGTERM, SIGINT or SIGQUIT: smart, fast, immediate. */
void postgres_server_stop(struct postgres_server *server, int signal_number);
/* A standby becomes the primary of a timeline of its own. */
void postgres_server_promote(struct postgres_server *server);
void postgres_server_destroy(struct postgres_server *server);
/* The directory belongs to whom PostgreSQL runs as. */
void postgres_server_own(const char *directory);
