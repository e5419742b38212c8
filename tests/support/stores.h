/* Stores: what a test asks of Redis and RabbitMQ behind the system's back. A connection a question:
 * slow, and nothing to keep in order. */
#pragma once

#include <stdint.h>

void stores_wait_redis(const char *url, int64_t timeout_ms);
/* redis://127.0.0.1:port. The reply to a command of up to three words, as a number; -1 for nil. */
int64_t stores_redis_int(const char *url, const char *command, const char *first,
                         const char *second);
/* Messages ready in a queue; 0 when there is no such queue. */
int64_t stores_queue_ready(const char *amqp_url, const char *queue);
/* Takes the bindings of <prefix>.persist away. */
void stores_unbind_queue(const char *amqp_url, const char *prefix);
/* <prefix>.persist, .parked and the exchanges <prefix>.events, .parked-exchange. */
void stores_delete_queues(const char *amqp_url, const char *prefix);
