/* Topology: the exchanges and queues of broker.h, declared the same by everybody who connects.
 * Internal to this folder. */
#pragma once

#include "broker/broker_link.h"

/* Attempts to process a message before it is parked. RabbitMQ counts every return - a crashed
 * worker, a lost connection - so this is far above what a bad hour of restarts costs. */
#define BROKER_DELIVERY_LIMIT 100

/* FAILED_PRECONDITION, BROKER_TOPOLOGY_DIFFERS: something of that name exists and is otherwise. */
enum status broker_topology_declare(struct broker_link *link, struct failure *failure);
