/* Topology: the exchanges and queues of broker.h, declared the same by everybody who connects.
 * Internal to this folder. */
#pragma once

#include "broker/broker_link.h"

/* FAILED_PRECONDITION, BROKER_TOPOLOGY_DIFFERS: something of that name exists and is otherwise. */
enum status broker_topology_declare(struct broker_link *link, struct failure *failure);
