/* RabbitMQ server: a node of a test's own, for faults that the shared one must not suffer - it is
 * killed, wiped, alarmed. Needs Debian's rabbitmq-server and epmd. Every function fails the test,
 * with the log's last lines, when something does not come up. */
#pragma once

#include "tests/support/process.h"

struct rabbitmq_server {
    struct process process, epmd;
    char directory[64]; /* of the data, removed at the end */
    uint16_t port, dist_port, epmd_port;
    char url[96];
};

/* An empty node that takes connections. */
void rabbitmq_server_create(struct rabbitmq_server *server);
void rabbitmq_server_destroy(struct rabbitmq_server *server);
/* SIGKILL of its virtual machine. */
void rabbitmq_server_kill(struct rabbitmq_server *server);
/* Again, with what a kill left; waits until it takes connections. */
void rabbitmq_server_start(struct rabbitmq_server *server);
/* Of a killed one: all it ever had is gone. */
void rabbitmq_server_wipe(struct rabbitmq_server *server);
/* rabbitmqctl of this node. */
void rabbitmq_server_control(struct rabbitmq_server *server, const char *command,
                             const char *argument);
/* What was declared is on its disk. Seen of RabbitMQ 4.0: a quorum queue whose node is killed
 * within a second of its declaration comes back without a leader, and neither confirms nor
 * delivers. */
void rabbitmq_server_sync(struct rabbitmq_server *server);
